import type { ObjectKey } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';

/** Objects, writes and milliseconds after which it is no matter of single writes any more. */
const OBJECTS = 2;
const WRITES = 32;
const LASTING_MS = 1_000;

/** Writes of one kind that had no answer since the last that had one: who serves it may be away, or its conversion webhook. */
export class Unanswered {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** No more of them than it takes to tell. */
  readonly #objects = new Set<ObjectKey>();
  #since = 0;
  #count = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether no write of the kind is answered any more: neither those of one object alone, nor for a moment only. */
  get concernsAll(): boolean {
    const lasts = this.#clock.monotonic() - this.#since >= LASTING_MS;
    return lasts && this.#count >= WRITES && this.#objects.size >= OBJECTS;
  }

  add(key: ObjectKey): void {
    if (this.#count === 0) this.#since = this.#clock.monotonic();
    this.#count += 1;
    if (this.#objects.size < OBJECTS) this.#objects.add(key);
  }

  reset(): void {
    this.#count = 0;
    this.#objects.clear();
  }
}
