import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generatedFiles } from './generated-files.ts';

/** Writes every generated file; with `--check` only says which are stale, and exits 1 when some are. */
const check = process.argv.includes('--check');
let stale = 0;
for (const { path, text } of generatedFiles()) {
  const file = new URL(`../${path}`, import.meta.url);
  if (readIfThere(file) === text) continue;
  stale++;
  if (check) {
    console.error(`${path} is stale: run npm run generate`);
  } else {
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
if (check && stale > 0) process.exitCode = 1;

function readIfThere(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
