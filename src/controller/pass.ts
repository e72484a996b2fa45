import type { ObjectKey } from '../api/object.ts';
import type { ObjectStore } from '../informer/store.ts';

/** Keys that are made as they are drawn. */
export interface KeySource {
  /** How many are still to come, about; 0 exactly when none is. */
  readonly left: number;
  draw(): ObjectKey | undefined;
}

/**
 * One evaluation of every object that a store holds when it begins. What comes later, by an event or by a list that is
 * swapped in, has to tell of itself, and may be met or not. The keys are drawn one by one: to make those of 50,000
 * objects at once would hold up everything else.
 */
export class Pass implements KeySource {
  readonly #store: ObjectStore;
  readonly #lists: number;
  #keys: Iterator<ObjectKey>;
  #next: ObjectKey | undefined;
  /** The key that it began with, in the midst of the store: what is before that one follows what is after it. */
  #from: ObjectKey | undefined;
  #isBack = false;
  #left: number;
  readonly #underWay = new Set<ObjectKey>();
  /** Evaluated since it began, for another reason and before their turn, which they need no more. */
  readonly #early = new Set<ObjectKey>();

  /**
   * `before`: a pass over the same store that is not done. Where no list was swapped in since, this one goes on where
   * that is, so that however often passes begin anew, each object has its turn.
   */
  constructor(store: ObjectStore, before?: Pass) {
    this.#store = store;
    this.#lists = store.lists;
    this.#left = store.size;
    const goesOn = before !== undefined && before.#next !== undefined && before.#lists === store.lists;
    this.#from = goesOn ? before.#next : undefined;
    this.#keys = goesOn ? before.#keys : store.keys();
    this.#next = this.#from ?? this.#advance();
  }

  get left(): number {
    return this.#next === undefined ? 0 : Math.max(1, this.#left);
  }

  draw(): ObjectKey | undefined {
    const key = this.#next;
    if (key === undefined) return undefined;
    this.#underWay.add(key);
    this.#left -= 1;
    this.#next = this.#advance();
    return key;
  }

  /** The object was evaluated, for whatever reason. */
  evaluated(key: ObjectKey): void {
    if (this.#underWay.delete(key) || this.#next === undefined) return;
    if (key === this.#next) this.#next = this.#advance();
    else this.#early.add(key);
  }

  /** Whether all keys were drawn and evaluated. */
  get isDone(): boolean {
    return this.#next === undefined && this.#underWay.size === 0;
  }

  #advance(): ObjectKey | undefined {
    for (;;) {
      const next = this.#keys.next();
      if (next.done === true) {
        if (this.#isBack || this.#from === undefined) return undefined;
        this.#isBack = true;
        this.#keys = this.#store.keys();
      } else if (this.#isBack && next.value === this.#from) return undefined;
      else if (!this.#early.delete(next.value)) return next.value;
    }
  }
}
