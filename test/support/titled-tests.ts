import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './reader.ts';

/** Such as `I4: an answer is lost` or `S1, S2: ...`, at the beginning of a string. */
const TITLE = /(['"`])([A-Z]\d{0,2}(?:, [A-Z]\d{0,2})*): /g;

/**
 * The ids with which titles of tests begin, each with the files in which there are such tests, as paths from the
 * project's folder.
 */
export function titledTests(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { path, source } of testFiles()) {
    for (const id of idsIn(source)) found.set(id, (found.get(id) ?? new Set()).add(path));
  }
  return found;
}

/** All files of tests, with their paths from the project's folder. */
export function* testFiles(): Generator<{ readonly path: string; readonly source: string }> {
  for (const root of ['src', 'scripts', 'test']) {
    for (const file of readdirSync(join(PROJECT, root), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.test.ts')) continue;
      yield { path: `${root}/${file}`, source: readFileSync(join(PROJECT, root, file), 'utf8') };
    }
  }
}

export function idsIn(source: string): readonly string[] {
  return [...source.matchAll(TITLE)].flatMap(([, , ids = '']) => ids.split(', '));
}

export interface DocumentedRow {
  readonly id: string;
  /** The cells between the id and the last one. */
  readonly cells: readonly string[];
  /** What the last cell names in backquotes: paths from the project's folder. */
  readonly files: readonly string[];
  /** The last cell. */
  readonly shownBy: string;
}

/** Rows of the tables of a page of `docs/` that begin with such an id: a letter and a number, or a pattern of their own. */
export function documentedRows(page: string, ids = '[A-Z]\\d{0,2}'): readonly DocumentedRow[] {
  const row = new RegExp(`^\\| ${ids} \\|`);
  return readFileSync(join(PROJECT, 'docs', page), 'utf8')
    .split('\n')
    .filter((line) => row.test(line))
    .map((line) => {
      const [id = '', ...cells] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      const shownBy = cells.at(-1) ?? '';
      const files = [...shownBy.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
      return { id, cells: cells.slice(0, -1), files, shownBy };
    });
}
