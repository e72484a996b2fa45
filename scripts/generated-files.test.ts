import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedFiles } from './generated-files.ts';

test.each(generatedFiles())('$path is what the code generates now', ({ path, text }) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(text);
});

test.each(generatedFiles())(
  '$path fits into the annotation of a client-side kubectl apply, with room to spare',
  ({ text }) => {
    expect(Buffer.byteLength(text)).toBeLessThan(120 * 1024);
  },
);
