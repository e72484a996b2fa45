/** A plain table: columns as wide as their widest cell; the last one is wrapped where the width does not suffice. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], width: number): string[] {
  const last = head.length - 1;
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const before = widths.slice(0, last).reduce((sum, cell) => sum + cell + GAP.length, 0);
  return [head, ...rows].flatMap((row) => {
    const start = row.slice(0, last).map((cell, column) => cell.padEnd(widths[column] ?? 0) + GAP);
    const [first = '', ...more] = wrap(row[last] ?? '', Math.max(width - before, LEAST));
    return [start.join('') + first, ...more.map((line) => ' '.repeat(before) + line)];
  });
}

const GAP = '  ';
/** A last column narrower than this is left to the terminal. */
const LEAST = 16;

/** Lines of at most `width` characters, broken at spaces, but not before a unit of time; a longer word has its own line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/ (?!m?s\b)/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
