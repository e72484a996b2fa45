import type { Clock } from './clock.ts';

/** Runs at the first call, and then at most once in a while: calls meanwhile are one run at the end of it. */
export class Throttle {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #gapMs: number;
  readonly #run: () => void;
  #cancel: (() => void) | undefined;
  #called = false;
  #stopped = false;

  constructor(clock: Pick<Clock, 'after'>, gapMs: number, run: () => void) {
    this.#clock = clock;
    this.#gapMs = gapMs;
    this.#run = run;
  }

  call(): void {
    if (this.#stopped) return;
    if (this.#cancel !== undefined) {
      this.#called = true;
      return;
    }
    this.#called = false;
    this.#cancel = this.#clock.after(this.#gapMs, () => {
      this.#cancel = undefined;
      if (this.#called) this.call();
    });
    this.#run();
  }

  /** Leaves no timer. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
