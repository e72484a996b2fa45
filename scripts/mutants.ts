/**
 * Breaks the product on purpose, one named way at a time, and runs the units of the room: a mutation that no test notices
 * is a hole in the tests; so is one of the informer or a queue that no row of docs/informers.md notices. Works on a copy, so
 * the sources stay as they are.
 *
 *   npm run mutants [-- part of a name]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { rowsNamedBy } from '../test/support/informer-rows.ts';
import { INFORMER_MUTANTS } from './mutants/informer-list.ts';
import { MUTANTS, type Mutant } from './mutants/list.ts';

const root = join(import.meta.dirname, '..');
const COPIED = ['src', 'test', 'scripts', 'docs', 'config', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

interface Outcome {
  readonly name: string;
  /** How many tests fail; 0 is a survivor. */
  readonly killedBy: number;
  /** The rows that those name, where a row has to. */
  readonly rows: readonly number[] | undefined;
}

/** What vitest writes with its reporter `json`; the part that is read. */
const results = z.object({
  numTotalTests: z.number(),
  testResults: z.array(
    z.object({
      status: z.string(),
      assertionResults: z.array(
        z.object({ status: z.string(), ancestorTitles: z.array(z.string()), title: z.string() }),
      ),
    }),
  ),
});

interface Failures {
  readonly count: number;
  /** Of the tests, and of what they stand in. A file that cannot even be loaded has none. */
  readonly titles: readonly string[];
}

function failuresOf(copy: string, tests: readonly string[]): Failures {
  const vitest = join(root, 'node_modules', '.bin', 'vitest');
  const output = join(copy, 'results.json');
  rmSync(output, { force: true });
  // Who waits for what never comes has noticed as well.
  const reporter = ['--reporter', 'json', '--outputFile', output, '--testTimeout', '5000', '--hookTimeout', '5000'];
  const { stderr } = spawnSync(vitest, ['run', '--project', 'unit', ...reporter, ...tests], {
    cwd: copy,
    encoding: 'utf8',
  });
  if (!existsSync(output)) throw new Error(`the tests of ${tests.join(' ')} did not run:\n${stderr.slice(-2_000)}`);
  const { numTotalTests, testResults } = results.parse(JSON.parse(readFileSync(output, 'utf8')));
  if (numTotalTests === 0) throw new Error(`there is no test in ${tests.join(' ')}`);
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed'),
  );
  const unread = testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0).length;
  return {
    count: failed.length + unread,
    titles: failed.flatMap(({ ancestorTitles, title }) => [...ancestorTitles, title]),
  };
}

function tryOn(copy: string, { name, file, find, replace, tests, byRow = false }: Mutant): Outcome {
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
    const { count, titles } = failuresOf(copy, tests);
    const rows = byRow ? [...new Set(titles.flatMap(rowsNamedBy))].toSorted((one, other) => one - other) : undefined;
    return { name, killedBy: count, rows };
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
  const mutants = [...MUTANTS, ...INFORMER_MUTANTS].filter(({ name }) => name.includes(wanted));
  // What fails anyway would notice everything.
  for (const tests of new Map(mutants.map((mutant) => [mutant.tests.join(), mutant.tests])).values()) {
    const { count, titles } = failuresOf(copy, tests);
    if (count > 0) throw new Error(`${count} tests of ${tests.join(' ')} fail without a mutant:\n${titles.join('\n')}`);
  }
  for (const mutant of mutants) {
    const { name, killedBy, rows } = tryOn(copy, mutant);
    const survives = killedBy === 0 || rows?.length === 0;
    const told = rows === undefined ? '' : ` (${rows.length === 0 ? 'no row' : `row ${rows.join(', ')}`})`;
    console.log(`${survives ? 'SURVIVES' : `${killedBy} fail`.padEnd(8)}  ${name}${told}`);
    if (survives) survivors.push(name);
  }
  if (survivors.length > 0) process.exitCode = 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
