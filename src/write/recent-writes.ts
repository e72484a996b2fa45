import type { CachedObject } from '../api/object.ts';
import type { WriteAttempt } from '../controller/contention.ts';
import type { Oscillation } from '../policy/contention.ts';
import { isSameState, type KeyChange, stateOf } from './key-state.ts';
import { OwnRun } from './own-run.ts';

/** Within which time changes of a key are counted, in milliseconds. */
const WINDOW_MS = 60_000;
/** How often others may change a key back within that time, and how often we may write it for any reason. */
const MOST_REVERTS = 3;
const MOST_WRITES = 20;

/** Times of what happened to one key. */
interface KeyTimes {
  reverts: readonly number[];
  writes: readonly number[];
}

/** Of an object that was written lately. Most are written once and cost no more than this. */
interface Trace {
  /** As our last write left it; usually the very object that the cache holds. */
  last: CachedObject;
  at: number;
  /** From the second write on. */
  more: { readonly times: Map<string, KeyTimes>; run: OwnRun } | undefined;
}

/** What we wrote within the last minute, by object, and how often others have undone it. Times are on the monotonic clock. */
export class RecentWrites {
  /** By uid, in the order of the last writes. */
  readonly #traces = new Map<string, Trace>();

  get size(): number {
    return this.#traces.size;
  }

  /** Whether the change would undo what somebody else did to what we left. */
  isRevert({ object }: WriteAttempt, { channel, key, target }: KeyChange): boolean {
    const last = this.#traces.get(object.uid)?.last;
    if (last === undefined) return false;
    const left = stateOf(last, channel, key);
    return isSameState(left, target) && !isSameState(left, stateOf(object, channel, key));
  }

  /** Why the change must not be made now: it would be one too many. */
  excess(attempt: WriteAttempt, change: KeyChange, now: number): 'Changed' | 'Restless' | undefined {
    const times = this.#traces.get(attempt.object.uid)?.more?.times.get(idOf(change));
    const { reverts = [], writes = [] } = times ?? {};
    if (within(reverts, now).length >= MOST_REVERTS && this.isRevert(attempt, change)) return 'Changed';
    return within(writes, now).length >= MOST_WRITES ? 'Restless' : undefined;
  }

  /** What would go on without end if this write were made. */
  oscillation(attempt: WriteAttempt): Oscillation | undefined {
    const trace = this.#traces.get(attempt.object.uid);
    if (trace?.more?.run.continues(attempt, trace.last) !== true) return undefined;
    return trace.more.run.oscillation(attempt);
  }

  add(attempt: WriteAttempt, changes: readonly KeyChange[], answer: CachedObject, now: number): void {
    const { object } = attempt;
    const trace = this.#traces.get(object.uid);
    // An answer has no body; a write of ours does not change it.
    const last = answer.body === object.body ? answer : { ...answer, body: object.body };
    const more = trace && this.#more(trace, attempt, changes, answer, now);
    this.#traces.delete(object.uid);
    this.#traces.set(object.uid, { last, at: now, more });
  }

  /** Nothing is known of the object any more. */
  forget(uid: string): void {
    this.#traces.delete(uid);
  }

  /** Forgets what was written longer ago than counts. Returns when the next one is due. */
  prune(now: number): number | undefined {
    for (const [uid, { at }] of this.#traces) {
      if (at + WINDOW_MS > now) return at + WINDOW_MS;
      this.#traces.delete(uid);
    }
    return undefined;
  }

  #more(
    trace: Trace,
    attempt: WriteAttempt,
    changes: readonly KeyChange[],
    answer: CachedObject,
    now: number,
  ): Trace['more'] {
    const { times = new Map<string, KeyTimes>(), run } = trace.more ?? {};
    for (const change of changes) {
      const { reverts = [], writes = [] } = times.get(idOf(change)) ?? {};
      const reverting = this.isRevert(attempt, change);
      times.set(idOf(change), {
        reverts: reverting ? [...within(reverts, now), now] : reverts,
        writes: [...within(writes, now), now],
      });
    }
    const next = run?.continues(attempt, trace.last) === true ? run : new OwnRun(attempt);
    next.add(attempt, changes, answer);
    return { times, run: next };
  }
}

function within(times: readonly number[], now: number): readonly number[] {
  return times.filter((at) => at + WINDOW_MS > now);
}

export function idOf({ channel, key }: Pick<KeyChange, 'channel' | 'key'>): string {
  return `${channel} ${key}`;
}
