/**
 * How much may be under way at once, between 1 and `most`: half as much each time that there is too much of it, and one
 * more again for each round that went well. A round is as many as may be under way at once.
 */
export class AdaptiveWidth {
  readonly #most: number;
  #width: number;
  /** Of this round. */
  #ended = 0;

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
    this.#ended = 0;
  }

  /** One ended. `wentWell` is asked when that was the last of its round: false is an overload that nobody has told of. */
  ended(wentWell: () => boolean = () => true): void {
    this.#ended += 1;
    if (this.#ended < this.now) return;
    this.#ended = 0;
    if (wentWell()) this.#width = Math.min(this.#most, this.now + 1);
    else this.shrink();
  }
}
