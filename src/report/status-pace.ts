import type { Clock } from '../base/clock.ts';

export interface StatusPaceOptions {
  /** So many at once. */
  readonly burst: number;
  /** And so many more with each second. */
  readonly perSecond: number;
}

/**
 * All statuses together: a change that concerns every policy is written at once for a hundred of them, and nothing
 * writes more for long.
 */
const STATUS_PACE: StatusPaceOptions = { burst: 100, perSecond: 20 };

/**
 * How often statuses of all policies together may be written. Whoever wants to write takes a turn, and writes what is
 * true when the turn comes: turns come in the order in which they were taken, so that no policy waits for ever behind
 * others that change more.
 */
export class StatusPace {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** When the next turn would be, if there were no bursts; on the monotonic clock. */
  #next = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonic'>, { burst, perSecond }: StatusPaceOptions = STATUS_PACE) {
    this.#clock = clock;
    this.#intervalMs = 1_000 / perSecond;
    this.#burstMs = (burst - 1) * this.#intervalMs;
  }

  /** When the turn comes, on the monotonic clock: now, or later. */
  turn(): number {
    const now = this.#clock.monotonic();
    const next = Math.max(this.#next, now);
    this.#next = next + this.#intervalMs;
    return Math.max(now, next - this.#burstMs);
  }
}
