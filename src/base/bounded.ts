/** What sets and maps have in common: they hold their keys in the order in which these came. */
interface Keyed<K> {
  readonly size: number;
  keys(): IterableIterator<K>;
  delete(key: K): boolean;
}

/** Where there is one more than `most`, the oldest makes room. Returns its key; undefined when nothing had to go. */
export function dropOldest<K>(kept: Keyed<K>, most: number): K | undefined {
  if (kept.size <= most) return undefined;
  for (const oldest of kept.keys()) {
    kept.delete(oldest);
    return oldest;
  }
  return undefined;
}
