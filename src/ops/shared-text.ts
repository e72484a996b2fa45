import type { Clock } from '../base/clock.ts';

/** After each one is rested for so many times as long as it took: a fifth of the time at most is spent on them. */
const REST = 4;

/**
 * A text that many may ask for at once, and that costs something to make: it is made once for all who ask before that is begun.
 * Nobody gets what was made before he asked.
 */
export class SharedText {
  readonly #make: () => Promise<string>;
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Who asked since the last one was begun waits for this. */
  #next: PromiseWithResolvers<string> | undefined;
  #isFree = true;
  #isStopped = false;
  #cancelRest = () => {};

  constructor(make: () => Promise<string>, clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#make = make;
    this.#clock = clock;
  }

  /** Rejects with what making it throws. */
  get(): Promise<string> {
    this.#next ??= Promise.withResolvers<string>();
    const { promise } = this.#next;
    if (this.#isFree) void this.#answer();
    return promise;
  }

  /** Leaves no timer, and nobody waiting. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRest();
    this.#next?.reject(new Error('the server stops'));
    this.#next = undefined;
  }

  async #answer(): Promise<void> {
    const next = this.#next;
    this.#isFree = next === undefined;
    if (next === undefined) return;
    this.#next = undefined;
    const started = this.#clock.monotonic();
    await this.#make().then(next.resolve, next.reject);
    if (this.#isStopped) return;
    const spent = this.#clock.monotonic() - started;
    this.#cancelRest = this.#clock.after(REST * spent, () => void this.#answer());
  }
}
