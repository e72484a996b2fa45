/**
 * How many turns may be under way at once: half as many each time that the server asks to wait, and one more again for each
 * round of turns that ended well. Between 1 and `most`.
 */
export class WriteWidth {
  readonly #most: number;
  #width: number;

  constructor(most: number) {
    this.#most = most;
    this.#width = most;
  }

  get now(): number {
    return Math.floor(this.#width);
  }

  /** To be called once for all that were under way together: they tell of the same overload. */
  shrink(): void {
    this.#width = Math.max(1, this.now / 2);
  }

  /** One turn ended well. */
  grow(): void {
    this.#width = Math.min(this.#most, this.#width + 1 / this.now);
  }
}
