import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

/**
 * The documents promise things in tables: each row has an id, such as `G7`, in its first cell, and in its last one the files
 * whose tests show it. Those tests say so: their titles begin with the ids, as in `G7: no object is created` or `I4, S1: ...`.
 */

export interface PromisedRow {
  readonly id: string;
  /** Paths from the root of the project. */
  readonly files: readonly string[];
}

/** The rows of all tables of a page whose first cell is an id of these letters. */
export function promisedRows(markdown: string, letters: string): PromisedRow[] {
  const rows = markdown.matchAll(new RegExp(`^\\| *([${letters}]\\d+) *\\|(.*)\\| *$`, 'gm'));
  return [...rows].map(([, id = '', rest = '']) => {
    const last = rest.split('|').at(-1) ?? '';
    return { id, files: [...last.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file) };
  });
}

/** The ids with which the titles of a test file begin. */
export function shownBy(source: string): Set<string> {
  const titles = source.matchAll(/\(\s*(['"`])((?:[A-Z]\d+, )*[A-Z]\d+): /g);
  return new Set([...titles].flatMap(([, , ids = '']) => ids.split(', ')));
}

/** What a page promises that no test shows, and what tests show that it does not promise, in words; of ids of these letters. */
export function brokenPromises(project: string, page: string, letters: string): string[] {
  const rows = promisedRows(readFileSync(join(project, page), 'utf8'), letters);
  const shown = testFiles(project).flatMap((file) =>
    [...shownBy(readFileSync(join(project, file), 'utf8'))]
      .filter((id) => letters.includes(id.charAt(0)))
      .map((id) => ({ id, file })),
  );
  const named = new Set(rows.flatMap(({ id, files }) => files.map((file) => `${id} ${file}`)));
  const there = new Set(shown.map(({ id, file }) => `${id} ${file}`));
  return [
    ...repeated(rows.map(({ id }) => id)).map((id) => `${page} has ${id} twice`),
    ...rows.filter(({ files }) => files.length === 0).map(({ id }) => `${page} names no test for ${id}`),
    ...rows.flatMap(({ id, files }) =>
      files
        .filter((file) => !there.has(`${id} ${file}`))
        .map((file) =>
          existsSync(join(project, file))
            ? `${file} has no test whose title begins with '${id}:', and ${page} says so`
            : `${file} is not there, and ${page} names it for ${id}`,
        ),
    ),
    ...shown
      .filter(({ id, file }) => !named.has(`${id} ${file}`))
      .map(({ id, file }) => `${file} shows ${id}, and ${page} does not name it in a row of ${id}`),
  ];
}

function repeated(ids: readonly string[]): string[] {
  return [...new Set(ids.filter((id, place) => ids.indexOf(id) !== place))];
}

function testFiles(project: string): string[] {
  return ['scripts', 'src', 'test'].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts'))
      .map((path) => `${folder}/${path.split(sep).join('/')}`)
      .toSorted(),
  );
}
