import type { Clock } from '../base/clock.ts';

/** Writes that took so many times as long as the quickest of late tell of a server that has too much to do... */
const SLOWER_BY = 4;
/** ...unless they were quick all the same, in milliseconds. */
const QUICK_MS = 50;
/** Of late: this and the last such time, in milliseconds. A server that is slow with few writes too is as it is. */
const WINDOW_MS = 15_000;

/** How long the writes of a round took, beside the quickest of late. */
export class WritePace {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #ended = 0;
  #tookMs = 0;
  /** The quickest write of this window and of the one before it, in milliseconds. */
  #quickest = Number.POSITIVE_INFINITY;
  #quickestBefore = Number.POSITIVE_INFINITY;
  #windowEnds = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** A write was answered after so many milliseconds. */
  answered(ms: number): void {
    const now = this.#clock.monotonic();
    if (now >= this.#windowEnds) {
      this.#quickestBefore = now - this.#windowEnds < WINDOW_MS ? this.#quickest : Number.POSITIVE_INFINITY;
      this.#quickest = Number.POSITIVE_INFINITY;
      this.#windowEnds = now + WINDOW_MS;
    }
    this.#quickest = Math.min(this.#quickest, ms);
    this.#ended += 1;
    this.#tookMs += ms;
  }

  /** Ends the round; returns whether its writes, of which there was one at least, were quick enough. */
  wasQuick(): boolean {
    const mean = this.#tookMs / this.#ended;
    this.begin();
    return mean <= QUICK_MS || mean <= SLOWER_BY * Math.min(this.#quickest, this.#quickestBefore);
  }

  /** What was told so far is of no round. */
  begin(): void {
    this.#ended = 0;
    this.#tookMs = 0;
  }
}
