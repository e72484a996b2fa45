import { AdaptiveWidth } from '../base/adaptive-width.ts';
import type { Clock } from '../base/clock.ts';

/** A round of writes that took so many times as long as the quickest of late tells of a server that has too much to do... */
const SLOWER_BY = 4;
/** ...unless it was quick all the same, in milliseconds. */
const QUICK_MS = 50;
/** Of late: this and the last such time, in milliseconds. A server that is slow with few writes too is as it is. */
const WINDOW_MS = 15_000;

/**
 * How many turns may be under way at once: fewer each time that the server asks to wait, or takes much longer than it
 * did with fewer.
 */
export class WriteWidth {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #width: AdaptiveWidth;
  /** Of this round: how many writes ended, and how long they took together. */
  #ended = 0;
  #tookMs = 0;
  /** The quickest write of this window and of the one before it, in milliseconds. */
  #quickest = Number.POSITIVE_INFINITY;
  #quickestBefore = Number.POSITIVE_INFINITY;
  #windowEnds = 0;

  constructor(most: number, clock: Pick<Clock, 'monotonic'>) {
    this.#width = new AdaptiveWidth(most);
    this.#clock = clock;
  }

  get now(): number {
    return this.#width.now;
  }

  /** To be called once for all that were under way together: they tell of the same overload. */
  shrink(): void {
    this.#width.shrink();
    this.#ended = 0;
    this.#tookMs = 0;
  }

  /** A write was answered after so many milliseconds. */
  answered(ms: number): void {
    this.#remember(ms);
    this.#ended += 1;
    this.#tookMs += ms;
    this.#width.ended(() => this.#wasQuick());
  }

  /** Of the round that is over. */
  #wasQuick(): boolean {
    const mean = this.#tookMs / this.#ended;
    this.#ended = 0;
    this.#tookMs = 0;
    return mean <= QUICK_MS || mean <= SLOWER_BY * Math.min(this.#quickest, this.#quickestBefore);
  }

  #remember(ms: number): void {
    const now = this.#clock.monotonic();
    if (now >= this.#windowEnds) {
      this.#quickestBefore = now - this.#windowEnds < WINDOW_MS ? this.#quickest : Number.POSITIVE_INFINITY;
      this.#quickest = Number.POSITIVE_INFINITY;
      this.#windowEnds = now + WINDOW_MS;
    }
    this.#quickest = Math.min(this.#quickest, ms);
  }
}
