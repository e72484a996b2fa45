import type { Clock } from './clock.ts';

export interface BackoffOptions {
  /** First delay in milliseconds. */
  readonly initialMs: number;
  /** Upper bound of the delay before jitter, in milliseconds. */
  readonly maxMs: number;
  /** Growth per step. */
  readonly factor: number;
  /** The delay is drawn from [d, d * (1 + jitter)). */
  readonly jitter: number;
  /** After this long without a failure the next one starts again at `initialMs`. */
  readonly resetAfterMs: number;
}

/** client-go's reflector: 800 ms doubling to 30 s, jitter 1.0, forgotten after 2 quiet minutes. */
export const reflectorBackoff: BackoffOptions = {
  initialMs: 800,
  maxMs: 30_000,
  factor: 2,
  jitter: 1,
  resetAfterMs: 120_000,
};

/** Growing, jittered delays for one thing that fails again and again. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #random: () => number;
  #next: number;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: BackoffOptions, clock: Pick<Clock, 'monotonic'>, random: () => number = Math.random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#next = options.initialMs;
  }

  /** The delay before the next try, in milliseconds. */
  next(): number {
    const now = this.#clock.monotonic();
    if (now - this.#last > this.#options.resetAfterMs) this.#next = this.#options.initialMs;
    const delay = this.#next * (1 + this.#random() * this.#options.jitter);
    this.#last = now + delay;
    this.#next = Math.min(this.#next * this.#options.factor, this.#options.maxMs);
    return delay;
  }

  reset(): void {
    this.#next = this.#options.initialMs;
  }
}
