import type { Clock } from '../base/clock.ts';
import { LONGEST_PAUSE_MS } from '../base/pause.ts';

/** Holds writes back while the server asks for it. */
export class RetryGate {
  readonly #clock: Clock;
  /** Monotonic milliseconds. */
  #closedUntil = Number.NEGATIVE_INFINITY;
  #opening: { readonly promise: Promise<void>; readonly open: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Closes it for `ms` milliseconds from now, or leaves it closed for longer. */
  close(ms: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, this.#clock.monotonic() + Math.min(ms, LONGEST_PAUSE_MS));
  }

  /** Undefined when it is open, else resolves when it opens. */
  wait(): Promise<void> | undefined {
    if (this.#opening === undefined && this.#clock.monotonic() >= this.#closedUntil) return undefined;
    this.#opening ??= this.#beginOpening();
    return this.#opening.promise;
  }

  /** Opens it now and leaves no timer. */
  stop(): void {
    this.#closedUntil = Number.NEGATIVE_INFINITY;
    this.#opening?.open();
  }

  #beginOpening(): { readonly promise: Promise<void>; readonly open: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    let cancel: (() => void) | undefined;
    const open = () => {
      cancel?.();
      this.#opening = undefined;
      resolve();
    };
    const check = () => {
      const left = this.#closedUntil - this.#clock.monotonic();
      if (left <= 0) open();
      else cancel = this.#clock.after(left, check);
    };
    check();
    return { promise, open };
  }
}
