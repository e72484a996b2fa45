import { cutTo } from '../api/words.ts';
import { hideKnown } from './known-values.ts';

/** No answer that is worth reading is longer, in characters. */
const MOST = 4_096;
/** So far known values are sought, in characters. */
const MOST_SOUGHT = 65_536;
const HIDDEN = '(not shown)';

/** Before a value, in the words of the API server's validation (`field.Error`), its typed objects and Go's parsers. */
const INTRODUCTION = /\b(?:(?:Invalid|Unsupported|Duplicate) value|Not found|Too many|Too few): |, got |\bparsing /g;
/** A value whose end is certain: text in Go's quotes, a number, a word. */
const PLAIN_VALUE = /(?:"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|true|false|null)(?=[:,\])]|$)/sy;

/** Who was refused, in the words of RBAC's escalation check: long, always the same, and before what matters. */
const GROUPS = / \(groups=\[[^\]]*\]\)/g;

/** What a conversion webhook says: it may quote any part of any object, of which nothing is known yet in a list. */
const CONVERSION = /\bconversion webhook for [^:]{1,600} (?:failed|returned invalid [^:]{1,600}): /;
/** Why a webhook was not heard at all, in the words of Go's network and of the API server: nothing in them is an object's. */
const CAUSES = [
  String.raw`dial tcp [\d.:a-f[\]]{1,80}: (?:connect: (?:connection refused|no route to host)|i/o timeout)`,
  'service "[a-z0-9-]{1,63}" not found',
  'no endpoints available for service "[a-z0-9-]{1,63}"',
  'context deadline exceeded',
  String.raw`(?:read|write) tcp [\d.:a-f[\]]{1,80}->[\d.:a-f[\]]{1,80}: (?:read|write): (?:connection reset by peer|broken pipe)`,
  '(?:unexpected )?EOF',
];
const UNHEARD = new RegExp(String.raw`Post "https://[\w.:[\]/?=&-]{1,600}": (?:${CAUSES.join('|')})`, 'y');

/**
 * The server's words, on one line, without the values that they quote: validation answers repeat parts of the object,
 * and those have no place in status or logs. Where the end of a value is not certain (objects, lists, Go's own
 * notation, words of a conversion webhook) all that follows goes too. Admission webhooks, policies and rules of CRDs quote
 * as they like: of their words the `known` values are cut out, as they stand and in quotes.
 */
export function withoutValues(message: string, known: Iterable<string> = []): string {
  const text = cutTo(MOST_SOUGHT, message);
  // Both look at the words as they came: none hides from the other what it goes by.
  const isHidden = new Uint8Array(text.length);
  hideQuoted(text, isHidden);
  hideKnown(text, known, isHidden);
  return onOneLine(cutTo(MOST, covered(text, isHidden)));
}

function hideQuoted(text: string, isHidden: Uint8Array): void {
  const conversion = CONVERSION.exec(text);
  if (conversion !== null) {
    const start = conversion.index + conversion[0].length;
    UNHEARD.lastIndex = start;
    isHidden.fill(1, UNHEARD.test(text) ? UNHEARD.lastIndex : start);
  }
  let at = 0;
  for (const introduction of text.matchAll(INTRODUCTION)) {
    // Inside of a value that is hidden already.
    if (introduction.index < at) continue;
    const start = introduction.index + introduction[0].length;
    PLAIN_VALUE.lastIndex = start;
    at = PLAIN_VALUE.test(text) ? PLAIN_VALUE.lastIndex : text.length;
    isHidden.fill(1, start, at);
  }
}

function covered(text: string, isHidden: Uint8Array): string {
  let shown = '';
  for (let at = 0; at < text.length; ) {
    const start = isHidden.indexOf(1, at);
    if (start === -1) return shown + text.slice(at);
    const end = isHidden.indexOf(0, start);
    shown += text.slice(at, start) + HIDDEN;
    at = end === -1 ? text.length : end;
  }
  return shown;
}

function onOneLine(text: string): string {
  return text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .replaceAll(GROUPS, '')
    .trim();
}
