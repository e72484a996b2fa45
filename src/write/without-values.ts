/** No answer that is worth reading is longer, in characters. */
const MOST = 4_096;
const HIDDEN = '(not shown)';

/** Before a value, in the words of the API server's validation (`field.Error`), its typed objects and Go's parsers. */
const INTRODUCTION = /\b(?:(?:Invalid|Unsupported|Duplicate) value|Not found|Too many|Too few): |, got |\bparsing /g;
/** A value whose end is certain: text in Go's quotes, a number, a word. */
const PLAIN_VALUE = /(?:"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|true|false|null)(?=[:,\])]|$)/sy;

/** Who was refused, in the words of RBAC's escalation check: long, always the same, and before what matters. */
const GROUPS = / \(groups=\[[^\]]*\]\)/g;

/** Of a value that the server may quote, in characters: shorter ones stand in any text, and none of a longer one is left. */
const KNOWN_FROM = 6;

/**
 * The server's words, on one line, without the values that they quote: validation answers repeat parts of the object,
 * and those have no place in status or logs. Where the end of a value is not certain (objects, lists, Go's own
 * notation) all that follows goes too. Admission webhooks and policies quote as they like: of their words the `known`
 * values are cut out, as they stand and in quotes.
 */
export function withoutValues(message: string, known: Iterable<string> = []): string {
  const text = withoutKnown(message.slice(0, 2 * MOST), known).slice(0, MOST);
  let shown = '';
  let at = 0;
  for (const introduction of text.matchAll(INTRODUCTION)) {
    // Inside of a value that is hidden already.
    if (introduction.index < at) continue;
    const start = introduction.index + introduction[0].length;
    shown += `${text.slice(at, start)}${HIDDEN}`;
    PLAIN_VALUE.lastIndex = start;
    const value = PLAIN_VALUE.exec(text);
    if (value === null) return onOneLine(shown);
    at = PLAIN_VALUE.lastIndex;
  }
  return onOneLine(shown + text.slice(at));
}

function withoutKnown(text: string, known: Iterable<string>): string {
  const values = new Set<string>();
  for (const value of known) {
    if (value.length < KNOWN_FROM || value.length > text.length) continue;
    const inQuotes = JSON.stringify(value).slice(1, -1);
    for (const form of [value, inQuotes]) if (text.includes(form)) values.add(form);
  }
  const longestFirst = [...values].toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((shown, value) => shown.replaceAll(value, () => HIDDEN), text);
}

function onOneLine(text: string): string {
  return text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .replaceAll(GROUPS, '')
    .trim();
}
