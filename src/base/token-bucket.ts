import type { Clock } from './clock.ts';

export interface TokenBucketOptions {
  /** So many at once. */
  readonly burst: number;
  /** And so many more with each second. */
  readonly perSecond: number;
}

/** A rate limit that allows for bursts. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #tokens: number;
  #at: number;

  constructor(options: TokenBucketOptions, clock: Pick<Clock, 'monotonic'>) {
    this.#options = options;
    this.#clock = clock;
    this.#tokens = options.burst;
    this.#at = clock.monotonic();
  }

  /** Takes a token; false when there is none. */
  take(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Until there is a token, in milliseconds; 0 when there is one. */
  get waitMs(): number {
    this.#refill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#options.perSecond) * 1_000);
  }

  #refill(): void {
    const { burst, perSecond } = this.#options;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
  }
}
