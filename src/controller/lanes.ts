import { earliest, FairLines, type Taken } from './fair-lines.ts';

/**
 * `Change`: something has just happened to the object. `Bulk`: it is one of many that are looked at for another reason,
 * such as a list or a policy.
 */
export type Lane = 'Change' | 'Bulk';

/**
 * One turn of so many is Bulk's, however many changes come: the longer its items have waited, in milliseconds, the more
 * of them.
 */
const BULK_SHARES: readonly { readonly waitedMs: number; readonly oneOf: number }[] = [
  { waitedMs: 60_000, oneOf: 2 },
  { waitedMs: 10_000, oneOf: 4 },
];
const BULK_SHARE = 8;

export interface LaneTaken<K, T> extends Taken<K, T> {
  readonly lane: Lane;
}

/**
 * Items in two lanes, each item once, and in each lane the owners in turn. Changes go first, so that what happens to
 * one object does not wait for the many of a policy that has just come; Bulk has its share all the same, and a larger
 * one as it ages, and so comes to its end. Changes keep half of the turns, so that however old the many are, none of
 * them goes before one by more than a turn.
 */
export class Lanes<K, T> {
  readonly #changes = new FairLines<K, T>();
  readonly #bulk = new FairLines<K, T>();
  /** Turns since Bulk had one, and how long the item had waited that was taken then, in milliseconds. */
  #sinceBulk = 0;
  #bulkWaitedMs = 0;

  get size(): number {
    return this.#changes.size + this.#bulk.size;
  }

  hasAny(owner: K): boolean {
    return this.#changes.hasAny(owner) || this.#bulk.hasAny(owner);
  }

  hasBulk(owner: K): boolean {
    return this.#bulk.hasAny(owner);
  }

  /** When the item that came first did. Now and then only: it looks at every owner. */
  get oldest(): number | undefined {
    return earliest([this.#changes.oldest, this.#bulk.oldest]);
  }

  /** An item that is there keeps its time, and its place but where it becomes a change. */
  add(owner: K, item: T, lane: Lane, at: number): void {
    if (lane === 'Change') {
      this.#changes.add(owner, item, this.#bulk.delete(owner, item) ?? at);
    } else if (!this.#changes.has(owner, item)) {
      if (this.#bulk.size === 0) this.#bulkWaitedMs = 0;
      this.#bulk.add(owner, item, at);
    }
  }

  delete(owner: K, item: T): void {
    if (this.#changes.delete(owner, item) === undefined) this.#bulk.delete(owner, item);
  }

  /** `now` is on the clock of the items' times. */
  take(now: number): LaneTaken<K, T> | undefined {
    const isBulksTurn = this.#changes.size === 0 || (this.#sinceBulk >= this.#bulkShare() - 1 && this.#bulk.size > 0);
    const taken = (isBulksTurn ? this.#bulk : this.#changes).take();
    if (taken === undefined) return undefined;
    this.#sinceBulk = isBulksTurn ? 0 : this.#sinceBulk + 1;
    if (isBulksTurn) this.#bulkWaitedMs = now - taken.at;
    return { ...taken, lane: isBulksTurn ? 'Bulk' : 'Change' };
  }

  #bulkShare(): number {
    return BULK_SHARES.find(({ waitedMs }) => this.#bulkWaitedMs >= waitedMs)?.oneOf ?? BULK_SHARE;
  }

  /** Forgets an owner's items. */
  drop(owner: K): void {
    this.#changes.drop(owner);
    this.#bulk.drop(owner);
  }

  clear(): void {
    this.#changes.clear();
    this.#bulk.clear();
  }
}
