/**
 * Breaks the product on purpose, one named way at a time, and runs the units of the room: a mutation that no test notices
 * is a hole in the tests. Works on a copy, so the sources stay as they are.
 *
 *   npm run mutants [-- part of a name]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MUTANTS, type Mutant } from './mutants/list.ts';

const root = join(import.meta.dirname, '..');
const COPIED = ['src', 'test', 'scripts', 'docs', 'config', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

interface Outcome {
  readonly name: string;
  /** How many tests fail; 0 is a survivor. */
  readonly killedBy: number;
}

function tryOn(copy: string, { name, file, find, replace, tests }: Mutant): Outcome {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1)
    throw new Error(`${name}: its place in ${file} is there ${places} times; bring the list up to date`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    const vitest = join(root, 'node_modules', '.bin', 'vitest');
    const { stdout } = spawnSync(vitest, ['run', '--project', 'unit', ...tests], { cwd: copy, encoding: 'utf8' });
    const summary = /tests: \d+ passed, (\d+) failed/.exec(stdout);
    if (summary === null) throw new Error(`${name}: the tests did not run:\n${stdout.slice(-2_000)}`);
    return { name, killedBy: Number(summary[1]) };
  } finally {
    writeFileSync(path, source);
  }
}

const wanted = process.argv[2] ?? '';
const copy = mkdtempSync(join(tmpdir(), 'watchkeeper-mutants-'));
try {
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const survivors: string[] = [];
  for (const mutant of MUTANTS.filter(({ name }) => name.includes(wanted))) {
    const { name, killedBy } = tryOn(copy, mutant);
    console.log(`${killedBy === 0 ? 'SURVIVES' : `${killedBy} fail`.padEnd(8)}  ${name}`);
    if (killedBy === 0) survivors.push(name);
  }
  if (survivors.length > 0) process.exitCode = 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
