import type { ObjectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { Line } from './line.ts';

/** How long evaluation may hold the event loop at a stretch, in milliseconds. */
const SLICE_MS = 5;

/**
 * Keys to evaluate, each at most once, taken from the kinds in turn so that one large kind does not make the others wait.
 * Evaluation is synchronous and runs in slices; streams, timers and writes go on in between.
 */
export class EvaluationQueue {
  readonly #evaluate: (kind: GroupResourceName, key: ObjectKey, since: number) => void;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** A kind is here, and among `#turns`, exactly while it has keys. */
  readonly #keys = new Map<GroupResourceName, Line<ObjectKey>>();
  readonly #turns = new Line<GroupResourceName>();
  #depth = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #stopped = false;

  /** `evaluate` must not throw; `since`: when the key was first asked for, on the monotonic clock in milliseconds. */
  constructor(
    evaluate: (kind: GroupResourceName, key: ObjectKey, since: number) => void,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#evaluate = evaluate;
    this.#clock = clock;
  }

  /** Keys that wait. */
  get depth(): number {
    return this.#depth;
  }

  /** For how long the key that came first has been waiting, in milliseconds; 0 when none waits. */
  get ageMs(): number {
    const now = this.#clock.monotonic();
    let age = 0;
    for (const keys of this.#keys.values()) age = Math.max(age, now - (keys.oldest ?? now));
    return age;
  }

  has(kind: GroupResourceName): boolean {
    return this.#keys.has(kind);
  }

  add(kind: GroupResourceName, key: ObjectKey): void {
    if (this.#stopped) return;
    let keys = this.#keys.get(kind);
    if (keys === undefined) {
      keys = new Line();
      this.#keys.set(kind, keys);
      this.#turns.add(kind);
    }
    const before = keys.size;
    keys.add(key, this.#clock.monotonic());
    this.#depth += keys.size - before;
    this.#schedule();
  }

  /** Forgets the kind's keys, because it is not watched any more. */
  drop(kind: GroupResourceName): void {
    this.#depth -= this.#keys.get(kind)?.size ?? 0;
    this.#keys.delete(kind);
    this.#turns.delete(kind);
  }

  stop(): void {
    this.#stopped = true;
    this.#keys.clear();
    this.#turns.clear();
    this.#depth = 0;
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#runSlice();
    });
  }

  #runSlice(): void {
    const end = this.#clock.monotonic() + SLICE_MS;
    for (let kind = this.#turns.take(); kind !== undefined; kind = this.#turns.take()) {
      this.#evaluateNext(kind);
      if (this.#clock.monotonic() >= end) break;
    }
    if (this.#turns.size > 0) this.#schedule();
  }

  #evaluateNext(kind: GroupResourceName): void {
    const keys = this.#keys.get(kind);
    const entry = keys?.takeEntry();
    if (keys === undefined || entry === undefined) return;
    this.#depth -= 1;
    if (keys.size === 0) this.#keys.delete(kind);
    else this.#turns.add(kind);
    this.#evaluate(kind, ...entry);
  }
}
