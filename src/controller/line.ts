/**
 * First in, first out, each item once, with the time at which it came. Every operation is O(1), also to take an item
 * out of the middle.
 */
export class Line<T> {
  readonly #items = new Map<T, number>();
  /** Kept between takes: a fresh one would step over the places of all items that were taken before. */
  #head = this.#items.entries();

  get size(): number {
    return this.#items.size;
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  /** An item that is there keeps its place and its time. */
  add(item: T, at = 0): void {
    if (!this.#items.has(item)) this.#items.set(item, at);
  }

  /** When the item came; undefined where it is not there. */
  timeOf(item: T): number | undefined {
    return this.#items.get(item);
  }

  delete(item: T): void {
    this.#items.delete(item);
  }

  take(): T | undefined {
    return this.takeEntry()?.[0];
  }

  /** The first item, and when it came. */
  takeEntry(): readonly [item: T, at: number] | undefined {
    let next = this.#head.next();
    if (next.done === true) {
      // An iterator that has come to its end stays there.
      this.#head = this.#items.entries();
      next = this.#head.next();
    }
    if (next.done === true) return undefined;
    this.#items.delete(next.value[0]);
    return next.value;
  }

  /** When the first item came. Now and then only: it may step over the places of items that were taken. */
  get oldest(): number | undefined {
    for (const at of this.#items.values()) return at;
    return undefined;
  }

  clear(): void {
    this.#items.clear();
  }
}
