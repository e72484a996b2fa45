import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokenPromises, promisedRows, shownBy } from './promises.ts';
import { PROJECT } from './reader.ts';

test('each guarantee of the page on security has its test, and each test of one has its row', () => {
  expect(brokenPromises(PROJECT, 'docs/security.md', 'G')).toEqual([]);
  expect(promisedRows('| G1 | a | `b` | `c.test.ts` |', 'G')).toHaveLength(1);
});

describe('a table of promises', () => {
  let project: string;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'promises-'));
    for (const folder of ['docs', 'scripts', 'src', 'test']) mkdirSync(join(project, folder));
  });
  afterEach(() => rmSync(project, { recursive: true }));

  function broken(rows: string, source: string): string[] {
    writeFileSync(join(project, 'docs', 'page.md'), `# Page\n\n| | what | test |\n|---|---|---|\n${rows}\n`);
    writeFileSync(join(project, 'test', 'a.test.ts'), source);
    return brokenPromises(project, 'docs/page.md', 'XZ');
  }

  test('holds where rows and titles agree', () => {
    const source =
      "test('Z1: a', () => {});\ntest.each([\n  ['b'],\n])(\n  `X2, Z3: %s`, () => {});\ntest('other', () => {});";
    const rows = ['Z1', 'X2', 'Z3'].map((id) => `| ${id} | text with \`code\` | \`test/a.test.ts\` |`).join('\n');
    expect(broken(rows, source)).toEqual([]);
  });

  test.each([
    ['a row whose file has no such title', '| Z1 | a | `test/a.test.ts` |', "test('Z12: a', () => {});", 2],
    ['a row whose file is not there', '| Z1 | a | `test/b.test.ts` |', '', 1],
    ['a row that names no file', '| Z1 | a `b` | |', '', 1],
    ['a title without a row', '', "test('Z1: a', () => {});", 1],
    ['an id in the middle of a title', '| Z1 | a | `test/a.test.ts` |', "test('a Z1: b', () => {});", 1],
    ['an id twice', '| Z1 | a | `test/a.test.ts` |\n| Z1 | b | `test/a.test.ts` |', "test('Z1: a', () => {});", 1],
  ])('is broken by %s', (_what, rows, source, problems) => {
    expect(broken(rows, source)).toHaveLength(problems);
  });

  test('says nothing of ids of other letters', () => {
    expect(broken('| Y1 | a | `test/a.test.ts` |', "test('Y2: a', () => {});")).toEqual([]);
    expect([...shownBy("test('Y2: a', () => {});")]).toEqual(['Y2']);
  });
});
