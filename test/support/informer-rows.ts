import { testFiles } from './titled-tests.ts';

/** A title that names rows of `docs/informers.md`, such as `row 4: back-off` or `rows 1, 5 to 7 and 9: ...`. */
export interface RowTitle {
  readonly rows: readonly number[];
  /** What comes after the colon. */
  readonly title: string;
}

const TITLE = /(['"`])rows? (\d[\d, andto]*): (.+?)(?<!\\)\1/g;

/** The titles of a source that name rows. */
export function rowTitlesIn(source: string): readonly RowTitle[] {
  return [...source.matchAll(TITLE)].map(([, , numbers = '', title = '']) => ({ rows: rowsOf(numbers), title }));
}

/** Those that one title names; none for most titles. */
export function rowsNamedBy(title: string): readonly number[] {
  const numbers = /^rows? (\d[\d, andto]*): /.exec(title)?.[1];
  return numbers === undefined ? [] : rowsOf(numbers);
}

/** Of all tests, each with its file. */
export function rowTitles(): readonly (RowTitle & { readonly file: string })[] {
  return [...testFiles()].flatMap(({ path, source }) => rowTitlesIn(source).map((found) => ({ ...found, file: path })));
}

function rowsOf(numbers: string): number[] {
  return numbers.split(/, | and /).flatMap((part) => {
    const [first = 0, last = first] = part.split(' to ').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
