/** What stands behind a backslash, in JSON, in Go's `%q` and in JavaScript. */
const ESCAPE = /\\(?:u[\dA-Fa-f]{4}|U[\dA-Fa-f]{8}|x[\dA-Fa-f]{2}|[abfnrtv"'\\/])/g;

const LETTERS: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

export interface Unquoted {
  readonly text: string;
  /** Where in what was quoted each character begins; one more for the end. */
  readonly offsets: Int32Array<ArrayBuffer>;
}

/** A text with whatever is escaped in it as it was before; what is no escape stays. */
export function unquoted(quoted: string): Unquoted {
  const offsets = new Int32Array(quoted.length + 1);
  let text = '';
  let length = 0;
  let at = 0;
  const keep = (end: number) => {
    text += quoted.slice(at, end);
    for (; at < end; at += 1) offsets[length++] = at;
  };
  for (const { 0: escape, index } of quoted.matchAll(ESCAPE)) {
    keep(index);
    const meant = meaningOf(escape);
    text += meant;
    offsets.fill(index, length, length + meant.length);
    length += meant.length;
    at = index + escape.length;
  }
  keep(quoted.length);
  offsets[length] = quoted.length;
  return { text, offsets: offsets.slice(0, length + 1) };
}

function meaningOf(escape: string): string {
  const letter = escape.charAt(1);
  if (escape.length === 2) return LETTERS[letter] ?? letter;
  const code = Number.parseInt(escape.slice(2), 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}
