import { type CachedObject, type ObjectKey, objectKey } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { WatchedKind } from './watched-kind.ts';

/** Watches of two versions tell of a change within milliseconds of each other. What takes longer than this is not waited for. */
export const VIEW_GRACE_MS = 2_000;

interface Wait {
  overdue: boolean;
  readonly cancel: () => void;
}

/**
 * A change comes from each view of a kind at its own time. Evaluated in between, an object would be written once for the
 * policies of each version; so its evaluation waits a moment until all views that work agree about it.
 */
export class AwaitedViews {
  readonly #kind: Pick<WatchedKind, 'views' | 'isAwaited'>;
  readonly #clock: Clock;
  readonly #retry: (key: ObjectKey) => void;
  readonly #waits = new Map<ObjectKey, Wait>();

  /** `retry` is called with an object that has waited for too long. */
  constructor(kind: Pick<WatchedKind, 'views' | 'isAwaited'>, clock: Clock, retry: (key: ObjectKey) => void) {
    this.#kind = kind;
    this.#clock = clock;
    this.#retry = retry;
  }

  /** Whether to leave the object for now: the view that lags behind brings it again. */
  holdUp(object: CachedObject): boolean {
    if (this.#kind.views.length === 1) return false;
    const key = objectKey(object);
    if (!this.#kind.isAwaited(object)) {
      this.forget(key);
      return false;
    }
    const known = this.#waits.get(key);
    if (known !== undefined) return !known.overdue;
    const wait: Wait = {
      overdue: false,
      cancel: this.#clock.after(VIEW_GRACE_MS, () => {
        wait.overdue = true;
        this.#retry(key);
      }),
    };
    this.#waits.set(key, wait);
    return true;
  }

  /** The object is gone, or not waited for any more. */
  forget(key: ObjectKey): void {
    this.#waits.get(key)?.cancel();
    this.#waits.delete(key);
  }

  /** Leaves no timer. */
  stop(): void {
    for (const { cancel } of this.#waits.values()) cancel();
    this.#waits.clear();
  }
}
