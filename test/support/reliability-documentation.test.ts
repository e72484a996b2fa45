import { expect, test } from 'vitest';
import { documentedRows, idsIn, titledTests } from './titled-tests.ts';

/** Loads, below the faults. */
const LOADS = ['O1', 'O2', 'O3', 'O4', 'O5'];
/** How many faults there are of each letter: E1 is just E. */
const FAULTS = { I: 4, S: 5, U: 5, N: 8, F: 3, L: 3, M: 4 };
const IDS = [
  ...Object.entries(FAULTS).flatMap(([letter, count]) => Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)),
  'E',
  ...LOADS,
];

const rows = documentedRows('reliability.md');
const tests = titledTests();

/** Put together here, so that this file is not taken for one with such a test. */
const title = (ids: string, text: string) => `${ids}: ${text}`;

test('the ids of a title are those before its colon', () => {
  const titles = [title('I4', 'lost'), title('S1, S2', '$what'), '422 `a`: b', 'Ready: a'];
  const source = titles.map((text) => `it(${JSON.stringify(text)}, f);`).join(' ');
  expect(idsIn(source)).toEqual(['I4', 'S1', 'S2']);
});

test('each fault has its row, with what happens and what Watchkeeper does', () => {
  expect(rows.map(({ id }) => id)).toEqual(IDS);
  for (const { cells } of rows) expect(cells).toEqual([expect.stringMatching(/\.$/), expect.stringMatching(/\.$/)]);
});

test.each(rows)('the row of $id names the files in which there are tests of it, all of them', ({ id, files }) => {
  expect(files.toSorted()).toEqual([...(tests.get(id) ?? [])].toSorted());
});

test('each fault has a test', () => {
  expect(IDS.filter((id) => !tests.has(id))).toEqual([]);
});
