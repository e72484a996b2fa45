/** The first `most` UTF-16 units of a text, or one less where that would be half a character. */
export function cutTo(most: number, text: string): string {
  return text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '');
}

/** `'a'`; long texts are cut and control characters replaced, so that a message stays one short line. */
export function quoted(text: string): string {
  const shown = text.length > 64 ? `${cutTo(61, text)}...` : text;
  return `'${shown.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '\ufffd')}'`;
}

/** `a`, `a or b`, `a, b or c`. */
export function listed(words: readonly string[], joiner: 'and' | 'or'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${joiner} ${words.at(-1) ?? ''}`;
}

/** `a, b and 3 more`: so many of them, and how many others there are. */
export function listedUpTo(most: number, words: readonly string[]): string {
  const more = words.length - most;
  return listed(more > 0 ? [...words.slice(0, most), `${more} more`] : words, 'and');
}

/** `1 entry`, `2 entries`. */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The word of `known` that `word` was probably meant to be; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein: how many characters to insert, drop or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Characters as the API server counts them: code points, not UTF-16 units. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
