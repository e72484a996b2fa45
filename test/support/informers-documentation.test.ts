import { describe, expect, test } from 'vitest';
import { rowTitles, rowTitlesIn } from './informer-rows.ts';
import { documentedRows } from './titled-tests.ts';

const NUMBERS = Array.from({ length: 52 }, (_, i) => i + 1);
const titles = rowTitles();

const rows = documentedRows('informers.md', '\\d+').map(
  ({ id, cells: [promise = '', state = ''], shownBy, files }) => ({
    number: Number(id),
    promise,
    state,
    files,
    shown: shownBy === '' ? [] : shownBy.split('<br>'),
  }),
);

/** Put together here, so that this file is not taken for one with such a test. */
const source = (quote: string, named: string, title: string) => `test(${quote}${named}: ${title}${quote}, f);`;

test('a title names the rows before its colon', () => {
  const text = [
    source("'", 'row 4', 'back-off: it grows'),
    source('"', 'rows 1, 3, 5 to 7 and 52', "somebody's"),
    source("'", 'rows', 'none'),
    source("'", 'a row 5', 'in the middle'),
  ];
  expect(rowTitlesIn(text.join('\n'))).toEqual([
    { rows: [4], title: 'back-off: it grows' },
    { rows: [1, 3, 5, 6, 7, 52], title: "somebody's" },
  ]);
});

test('each of the 52 rows is there once, in order, with what it promises and how it stands', () => {
  expect(rows.map(({ number }) => number)).toEqual(NUMBERS);
  for (const { promise, state } of rows) {
    expect(promise).toMatch(/\.$/);
    expect(state).toMatch(/^(holds|in part: .+|not yet)$/);
  }
});

const namedBy = (number: number) => titles.filter((title) => title.rows.includes(number));

test.each(rows.filter(({ state }) => state === 'not yet'))(
  'row $number of docs/informers.md is not there yet: no test names it',
  ({ number, shown }) => {
    expect([shown, namedBy(number)]).toEqual([[], []]);
  },
);

describe.each(rows.filter(({ state }) => state !== 'not yet'))(
  'row $number of docs/informers.md',
  ({ number, files, shown }) => {
    test('quotes tests that name it', () => {
      const quotable = new Set(namedBy(number).map(({ file, title }) => `\`${file}\`: ${title}`));
      expect(shown).not.toEqual([]);
      expect(shown.filter((quoted) => !quotable.has(quoted))).toEqual([]);
    });

    test('quotes from each file that has such a test', () => {
      expect(new Set(files)).toEqual(new Set(namedBy(number).map(({ file }) => file)));
    });
  },
);
