import type { ObjectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { SlicedWork } from '../base/sliced-work.ts';
import { type Lane, Lanes } from './lanes.ts';
import type { KeySource } from './pass.ts';

/** Must not throw. `since`: when the key was first asked for, on the monotonic clock in milliseconds. */
type Evaluate = (kind: GroupResourceName, key: ObjectKey, since: number, lane: Lane) => void;

/**
 * Keys to evaluate, each at most once: changes first, and taken from the kinds in turn so that one large kind does not
 * make the others wait. Evaluation is synchronous and runs in slices; streams, timers and writes go on in between.
 */
export class EvaluationQueue {
  readonly #evaluate: Evaluate;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #keys = new Lanes<GroupResourceName, ObjectKey>();
  readonly #work: SlicedWork;
  /** By kind, what of a pass is still to be drawn, and when it was asked for. */
  readonly #sources = new Map<GroupResourceName, { readonly keys: KeySource; readonly at: number }>();
  #stopped = false;

  constructor(evaluate: Evaluate, clock: Pick<Clock, 'monotonic'>) {
    this.#evaluate = evaluate;
    this.#clock = clock;
    this.#work = new SlicedWork(() => this.#evaluateNext(), clock);
  }

  /** Keys that wait, those included that are still to be drawn. */
  get depth(): number {
    let undrawn = 0;
    for (const { keys } of this.#sources.values()) undrawn += keys.left;
    return this.#keys.size + undrawn;
  }

  /** For how long the key that came first has been waiting, in milliseconds; 0 when none waits. */
  get ageMs(): number {
    const { oldest } = this.#keys;
    return oldest === undefined ? 0 : this.#clock.monotonic() - oldest;
  }

  has(kind: GroupResourceName): boolean {
    return this.#keys.hasAny(kind) || (this.#sources.get(kind)?.keys.left ?? 0) > 0;
  }

  add(kind: GroupResourceName, key: ObjectKey, lane: Lane = 'Bulk'): void {
    if (this.#stopped) return;
    this.#keys.add(kind, key, lane, this.#clock.monotonic());
    this.#work.soon();
  }

  /**
   * Has all of these evaluated too, as Bulk and in their order, each drawn when its turn comes. In place of what is
   * left of such keys of the kind.
   */
  addAll(kind: GroupResourceName, keys: KeySource): void {
    if (this.#stopped) return;
    this.#sources.set(kind, { keys, at: this.#clock.monotonic() });
    this.#draw(kind);
    if (this.#keys.size > 0) this.#work.soon();
  }

  /** Forgets the kind's keys, because it is not watched any more. */
  drop(kind: GroupResourceName): void {
    this.#keys.drop(kind);
    this.#sources.delete(kind);
  }

  stop(): void {
    this.#stopped = true;
    this.#keys.clear();
    this.#sources.clear();
    this.#work.stop();
  }

  /** Returns whether more are left. */
  #evaluateNext(): boolean {
    const taken = this.#keys.take(this.#clock.monotonic());
    if (taken === undefined) return false;
    const { owner, item, at, lane } = taken;
    this.#evaluate(owner, item, at, lane);
    // Not before: the next one to draw may have been this very key.
    this.#draw(owner);
    return this.#keys.size > 0;
  }

  /** While there are keys to draw, one of them is in the line: it waits among other kinds', and for changes, as any other. */
  #draw(kind: GroupResourceName): void {
    const source = this.#sources.get(kind);
    if (source === undefined) return;
    const { keys, at } = source;
    while (!this.#keys.hasBulk(kind)) {
      const key = keys.draw();
      if (key === undefined) break;
      this.#keys.add(kind, key, 'Bulk', at);
    }
    if (keys.left === 0) this.#sources.delete(kind);
  }
}
