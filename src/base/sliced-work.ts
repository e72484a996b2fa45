import type { Clock } from './clock.ts';

/** How long work may hold the event loop at a stretch, in milliseconds. */
const SLICE_MS = 5;

/**
 * Work that would hold up everything else if it were done in one go: step by step, for a slice of each turn of the event loop.
 */
export class SlicedWork {
  readonly #step: () => boolean;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #scheduled: NodeJS.Immediate | undefined;
  #stopped = false;

  /** `step` does the next bit and says whether more is to be done. It must not throw. */
  constructor(step: () => boolean, clock: Pick<Clock, 'monotonic'>) {
    this.#step = step;
    this.#clock = clock;
  }

  /** There is something to do: from the next turn of the event loop on. */
  soon(): void {
    if (this.#stopped) return;
    this.#scheduled ??= setImmediate(() => this.now());
  }

  /** The same, with the first slice at once. */
  now(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#stopped) return;
    const end = this.#clock.monotonic() + SLICE_MS;
    while (this.#step()) {
      if (this.#clock.monotonic() < end) continue;
      this.soon();
      return;
    }
  }

  /** Does nothing more. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }
}
