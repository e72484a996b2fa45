import type { ObjectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { SlicedWork } from '../base/sliced-work.ts';
import { type Lane, Lanes } from './lanes.ts';

/** Must not throw. `since`: when the key was first asked for, on the monotonic clock in milliseconds. */
type Evaluate = (kind: GroupResourceName, key: ObjectKey, since: number, lane: Lane) => void;

/**
 * Keys to evaluate, each at most once: changes first, and taken from the kinds in turn so that one large kind does not make the others wait.
 * Evaluation is synchronous and runs in slices; streams, timers and writes go on in between.
 */
export class EvaluationQueue {
  readonly #evaluate: Evaluate;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #keys = new Lanes<GroupResourceName, ObjectKey>();
  readonly #work: SlicedWork;
  #stopped = false;

  constructor(evaluate: Evaluate, clock: Pick<Clock, 'monotonic'>) {
    this.#evaluate = evaluate;
    this.#clock = clock;
    this.#work = new SlicedWork(() => this.#evaluateNext(), clock);
  }

  /** Keys that wait. */
  get depth(): number {
    return this.#keys.size;
  }

  /** For how long the key that came first has been waiting, in milliseconds; 0 when none waits. */
  get ageMs(): number {
    const { oldest } = this.#keys;
    return oldest === undefined ? 0 : this.#clock.monotonic() - oldest;
  }

  has(kind: GroupResourceName): boolean {
    return this.#keys.hasAny(kind);
  }

  add(kind: GroupResourceName, key: ObjectKey, lane: Lane = 'Bulk'): void {
    if (this.#stopped) return;
    this.#keys.add(kind, key, lane, this.#clock.monotonic());
    this.#work.soon();
  }

  /** Forgets the kind's keys, because it is not watched any more. */
  drop(kind: GroupResourceName): void {
    this.#keys.drop(kind);
  }

  stop(): void {
    this.#stopped = true;
    this.#keys.clear();
    this.#work.stop();
  }

  /** Returns whether more are left. */
  #evaluateNext(): boolean {
    const taken = this.#keys.take(this.#clock.monotonic());
    if (taken === undefined) return false;
    const { owner, item, at, lane } = taken;
    this.#evaluate(owner, item, at, lane);
    return this.#keys.size > 0;
  }
}
