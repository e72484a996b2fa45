import type { Clock } from './clock.ts';

/** A server that asks for more than this has lost its clock; in milliseconds. */
export const LONGEST_PAUSE_MS = 60_000;

/** A time in which nothing is begun, as somebody asked for. Leaves no timer once it is over or was ended. */
export class Pause {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly #onOver: () => void;
  /** On the monotonic clock, in milliseconds. */
  #until = 0;
  #cancel: (() => void) | undefined;

  /** `onOver` is called each time that it is over by itself. */
  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, onOver: () => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  get isOn(): boolean {
    return this.#cancel !== undefined;
  }

  /** Begins it, or makes it longer: of several wishes the longest counts, up to `LONGEST_PAUSE_MS` from now. */
  atLeast(wishMs: number): void {
    const ms = Math.min(wishMs, LONGEST_PAUSE_MS);
    const until = this.#clock.monotonic() + ms;
    if (this.#cancel !== undefined && until <= this.#until) return;
    this.#until = until;
    this.#cancel?.();
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#onOver();
    });
  }

  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
