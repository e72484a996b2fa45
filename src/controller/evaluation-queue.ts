import type { ObjectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { SlicedWork } from '../base/sliced-work.ts';
import { Line } from './line.ts';

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
  readonly #work: SlicedWork;
  #stopped = false;

  /** `evaluate` must not throw; `since`: when the key was first asked for, on the monotonic clock in milliseconds. */
  constructor(
    evaluate: (kind: GroupResourceName, key: ObjectKey, since: number) => void,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#evaluate = evaluate;
    this.#clock = clock;
    this.#work = new SlicedWork(() => this.#evaluateNext(), clock);
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
    this.#work.soon();
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
    this.#work.stop();
  }

  /** Returns whether more are left. */
  #evaluateNext(): boolean {
    const kind = this.#turns.take();
    if (kind === undefined) return false;
    const keys = this.#keys.get(kind);
    const entry = keys?.takeEntry();
    if (keys !== undefined && entry !== undefined) {
      this.#depth -= 1;
      if (keys.size === 0) this.#keys.delete(kind);
      else this.#turns.add(kind);
      this.#evaluate(kind, ...entry);
    }
    return this.#turns.size > 0;
  }
}
