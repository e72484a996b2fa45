import { unquoted } from './unquoted.ts';

/** Of a value that is sought, in characters: shorter ones stand in any text, and none of a longer one is left. */
const KNOWN_FROM = 6;
/** Quotes inside of quotes, as in JSON that is quoted in JSON. */
const DEPTH = 2;
/** So many characters are compared, at most: about 10 ms. Values and texts that are made alike could take minutes. */
const MOST_COMPARED = 4_000_000;
const BUCKETS = 1 << 16;

/**
 * Marks in `isHidden`, which has a place for each character of the text, where a known value stands, as it is or quoted as in
 * Go, JSON and JavaScript; also one that the end of the text cuts off. Where the search would take too long, all is marked.
 */
export function hideKnown(text: string, known: Iterable<string>, isHidden: Uint8Array): void {
  const values = Array.from(known).filter(({ length }) => length >= KNOWN_FROM);
  if (values.length === 0) return;
  // Where in `text` each character of `words` begins, and where the last one ends.
  let offsets = Int32Array.from({ length: text.length + 1 }, (_, i) => i);
  let words = text;
  let left = MOST_COMPARED;
  for (let depth = 0; ; depth += 1) {
    left = seek(words, values, left, (start, end) => isHidden.fill(1, offsets[start], offsets[end]));
    if (left < 0) isHidden.fill(1);
    if (left < 0 || depth === DEPTH || !words.includes('\\')) return;
    const inner = unquoted(words);
    words = inner.text;
    offsets = inner.offsets.map((offset) => offsets[offset] ?? 0);
  }
}

/** Tells where values stand. Returns how many comparisons are left; less than none when it gave up. */
function seek(
  text: string,
  values: readonly string[],
  comparisons: number,
  found: (start: number, end: number) => void,
): number {
  const first = new Int32Array(BUCKETS).fill(-1);
  const next = new Int32Array(text.length);
  for (let at = text.length - KNOWN_FROM; at >= 0; at -= 1) {
    const bucket = bucketOf(text, at);
    next[at] = first[bucket] ?? -1;
    first[bucket] = at;
  }
  let left = comparisons;
  for (const value of values) {
    let behind = 0;
    for (let at = first[bucketOf(value, 0)] ?? -1; at !== -1; at = next[at] ?? -1) {
      const length = at < behind ? 0 : agreement(text, at, value);
      left -= length + 1;
      if (left < 0) return left;
      if (length < value.length && (length === 0 || at + length < text.length)) continue;
      behind = at + length;
      found(at, behind);
    }
  }
  return left;
}

/** By the first characters. */
function bucketOf(text: string, start: number): number {
  let hash = 0;
  for (let at = start; at < start + KNOWN_FROM; at += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return (hash ^ (hash >>> 16)) & (BUCKETS - 1);
}

/** For how many characters the text goes on as the value does. */
function agreement(text: string, start: number, value: string): number {
  const most = Math.min(value.length, text.length - start);
  let length = 0;
  while (length < most && text.charCodeAt(start + length) === value.charCodeAt(length)) length += 1;
  return length;
}
