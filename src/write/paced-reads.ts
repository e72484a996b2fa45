import type { ObjectKey } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';

/** Reads wait at most this many; a fight over thousands of objects is the same one. */
const MOST_WAITING = 20;
const GAP_MS = 1_000;

/** Reads of single objects, one after another and at most one in a second. */
export class PacedReads {
  readonly #clock: Pick<Clock, 'after' | 'monotonic'>;
  readonly #read: (key: ObjectKey) => Promise<void>;
  readonly #waiting = new Set<ObjectKey>();
  #notBefore = 0;
  #cancel: (() => void) | undefined;
  #reading = false;
  #stopped = false;

  /** `read` must not reject. */
  constructor(clock: Pick<Clock, 'after' | 'monotonic'>, read: (key: ObjectKey) => Promise<void>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Where too many wait already, the object is not read. */
  add(key: ObjectKey): void {
    if (this.#stopped || this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.add(key);
    this.#next();
  }

  /** For good; leaves no timer. What is being read ends by itself. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#waiting.clear();
  }

  #next(): void {
    if (this.#stopped || this.#reading || this.#cancel !== undefined || this.#waiting.size === 0) return;
    this.#cancel = this.#clock.after(Math.max(0, this.#notBefore - this.#clock.monotonic()), () => {
      this.#cancel = undefined;
      void this.#readNext();
    });
  }

  async #readNext(): Promise<void> {
    const [key] = this.#waiting;
    if (key === undefined) return;
    this.#waiting.delete(key);
    this.#notBefore = this.#clock.monotonic() + GAP_MS;
    this.#reading = true;
    await this.#read(key);
    this.#reading = false;
    this.#next();
  }
}
