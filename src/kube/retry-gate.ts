import type { Clock } from '../base/clock.ts';
import { Pause } from '../base/pause.ts';

/** Holds writes back while the server asks for it. */
export class RetryGate {
  readonly #pause: Pause;
  #opening: PromiseWithResolvers<void> | undefined;
  #isStopped = false;

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#pause = new Pause(clock, () => this.#open());
  }

  /** Closes it for `ms` milliseconds from now, or leaves it closed for longer; for no longer than `LONGEST_PAUSE_MS`. */
  close(ms: number): void {
    if (!this.#isStopped) this.#pause.atLeast(ms);
  }

  /** Undefined when it is open, else resolves when it opens. */
  wait(): Promise<void> | undefined {
    if (!this.#pause.isOn) return undefined;
    this.#opening ??= Promise.withResolvers<void>();
    return this.#opening.promise;
  }

  /** Opens it for good and leaves no timer. */
  stop(): void {
    this.#isStopped = true;
    this.#pause.end();
    this.#open();
  }

  #open(): void {
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.resolve();
  }
}
