/** First in, first out, each item once. Every operation is O(1), also to take an item out of the middle. */
export class Line<T> {
  readonly #items = new Set<T>();
  /** Kept between takes: a fresh one would step over the places of all items that were taken before. */
  #head = this.#items.values();

  get size(): number {
    return this.#items.size;
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  /** An item that is there keeps its place. */
  add(item: T): void {
    this.#items.add(item);
  }

  delete(item: T): void {
    this.#items.delete(item);
  }

  take(): T | undefined {
    let next = this.#head.next();
    if (next.done === true) {
      // An iterator that has come to its end stays there.
      this.#head = this.#items.values();
      next = this.#head.next();
    }
    if (next.done === true) return undefined;
    this.#items.delete(next.value);
    return next.value;
  }

  clear(): void {
    this.#items.clear();
  }
}
