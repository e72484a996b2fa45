import type { Clock } from './clock.ts';

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

  /** Begins it, or makes it longer: of several wishes the longest counts. */
  atLeast(ms: number): void {
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
