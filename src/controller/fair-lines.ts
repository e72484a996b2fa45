import { Line } from './line.ts';

/** An item that was taken: whose it is, and when it came. */
export interface Taken<K, T> {
  readonly owner: K;
  readonly item: T;
  readonly at: number;
}

/**
 * A line for each owner; the owners take turns, so that one with many items does not make the others wait. Every
 * operation is O(1).
 */
export class FairLines<K, T> {
  /** An owner is here, and among `#turns`, exactly while it has items. */
  readonly #lines = new Map<K, Line<T>>();
  readonly #turns = new Line<K>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  hasAny(owner: K): boolean {
    return this.#lines.has(owner);
  }

  has(owner: K, item: T): boolean {
    return this.#lines.get(owner)?.has(item) === true;
  }

  /** When the item that came first did. Now and then only: it looks at every owner. */
  get oldest(): number | undefined {
    return earliest(this.#lines.values().map((line) => line.oldest));
  }

  /** An item that is there keeps its place and its time. */
  add(owner: K, item: T, at: number): void {
    let line = this.#lines.get(owner);
    if (line === undefined) {
      line = new Line();
      this.#lines.set(owner, line);
      this.#turns.add(owner);
    }
    const before = line.size;
    line.add(item, at);
    this.#size += line.size - before;
  }

  /** Returns when it came; undefined where it was not there. */
  delete(owner: K, item: T): number | undefined {
    const line = this.#lines.get(owner);
    const at = line?.timeOf(item);
    if (line === undefined || at === undefined) return undefined;
    line.delete(item);
    this.#size -= 1;
    if (line.size === 0) this.drop(owner);
    return at;
  }

  take(): Taken<K, T> | undefined {
    const owner = this.#turns.take();
    const line = owner === undefined ? undefined : this.#lines.get(owner);
    const entry = line?.takeEntry();
    if (owner === undefined || line === undefined || entry === undefined) return undefined;
    this.#size -= 1;
    if (line.size === 0) this.#lines.delete(owner);
    else this.#turns.add(owner);
    const [item, at] = entry;
    return { owner, item, at };
  }

  /** Forgets an owner's items. */
  drop(owner: K): void {
    this.#size -= this.#lines.get(owner)?.size ?? 0;
    this.#lines.delete(owner);
    this.#turns.delete(owner);
  }

  clear(): void {
    this.#lines.clear();
    this.#turns.clear();
    this.#size = 0;
  }
}

/** Undefined where there is no time among them. */
export function earliest(times: Iterable<number | undefined>): number | undefined {
  let first: number | undefined;
  for (const time of times) if (time !== undefined && (first === undefined || time < first)) first = time;
  return first;
}
