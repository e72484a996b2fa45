import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { crdYaml, generatedFiles } from './generated-files.ts';

test.each(generatedFiles())('$path is what the code generates now', ({ path, text }) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(text);
});

test('the CRD fits into the annotation of a client-side kubectl apply, with room to spare', () => {
  expect(Buffer.byteLength(crdYaml())).toBeLessThan(120 * 1024);
});
