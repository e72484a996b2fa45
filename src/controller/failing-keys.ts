import type { ObjectKey } from '../api/object.ts';
import { Backoff, type BackoffOptions } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';

/** With the jitter a minute at most. */
const TRY: BackoffOptions = {
  initialMs: 1_000,
  maxMs: 50_000,
  factor: 2,
  jitter: 0.2,
  resetAfterMs: Number.POSITIVE_INFINITY,
};

interface Failing {
  readonly backoff: Backoff;
  /** Of the next try; undefined while that is under way. */
  cancel: (() => void) | undefined;
}

/** Objects of one kind whose evaluation fails unexpectedly. Each is tried again, less and less often. */
export class FailingKeys {
  readonly #clock: Clock;
  readonly #random: (() => number) | undefined;
  readonly #retry: (key: ObjectKey) => void;
  readonly #failing = new Map<ObjectKey, Failing>();

  constructor(clock: Clock, random: (() => number) | undefined, retry: (key: ObjectKey) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#retry = retry;
  }

  /** It has failed. Returns whether it did not fail before. */
  add(key: ObjectKey): boolean {
    const known = this.#failing.get(key);
    const failing = known ?? { backoff: new Backoff(TRY, this.#clock, this.#random), cancel: undefined };
    this.#failing.set(key, failing);
    // What fails before its time, as the object changes, has its next try as soon as before.
    failing.cancel ??= this.#clock.after(failing.backoff.next(), () => {
      failing.cancel = undefined;
      this.#retry(key);
    });
    return known === undefined;
  }

  /** It does not fail any more, or is gone. */
  forget(key: ObjectKey): void {
    this.#failing.get(key)?.cancel?.();
    this.#failing.delete(key);
  }

  /** Leaves no timer. */
  stop(): void {
    for (const { cancel } of this.#failing.values()) cancel?.();
    this.#failing.clear();
  }
}
