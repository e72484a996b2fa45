import type { ObjectKey } from '../api/object.ts';
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';

/** Why no object behind a gate can be written. */
export interface GateReason {
  readonly cause: 'MissingRight' | 'LedgerUnavailable' | 'NoServerSideApply' | 'NoAnswer';
  /** In words. */
  readonly message: string;
}

export interface WriteGateOptions {
  readonly clock: Clock;
  readonly random?: (() => number) | undefined;
  /** Lets one object go on to be written. */
  readonly release: (key: ObjectKey) => void;
  /** By how much longer than usual to wait between two tries, because there are many gates; default 1. */
  readonly stretch?: () => number;
  /** The gate closed, opened, or is closed for another reason. */
  readonly onChange: (reason: GateReason | undefined) => void;
}

interface Closed {
  readonly reason: GateReason;
  /** Objects that wait until the gate opens. */
  readonly waiting: Set<ObjectKey>;
  /** The one that was let through to see whether the reason still holds. */
  trying: ObjectKey | undefined;
  readonly backoff: Backoff;
  cancelTry: () => void;
}

/** A gate that opens forgets it; waits can be stretched for as long as it takes. */
const TRY = { initialMs: 1_000, maxMs: 30_000, factor: 2, jitter: 0.2, resetAfterMs: Number.POSITIVE_INFINITY };

/**
 * Holds back all writes of a kind, or of a kind in one namespace, while none of them can succeed: one object at a time
 * tries, at growing intervals, and when its write goes through so do all others.
 */
export class WriteGate {
  readonly #options: WriteGateOptions;
  #closed: Closed | undefined;

  constructor(options: WriteGateOptions) {
    this.#options = options;
  }

  admits(key: ObjectKey): boolean {
    return this.#closed === undefined || this.#closed.trying === key;
  }

  /** Whether it was let through, and nobody else is before it is known what became of it. */
  isTrying(key: ObjectKey): boolean {
    return this.#closed?.trying === key;
  }

  /** The object is to be written once the gate is open. */
  wait(key: ObjectKey): void {
    this.#closed?.waiting.add(key);
  }

  /** The write of this object failed for a reason that concerns all behind the gate. */
  close(key: ObjectKey, reason: GateReason): void {
    const { clock, random, onChange, stretch = () => 1 } = this.#options;
    const before = this.#closed;
    // Writes that were under way when the first one failed say nothing new.
    if (before !== undefined && before.trying !== key) {
      before.waiting.add(key);
      return;
    }
    const closed: Closed = {
      reason,
      waiting: (before?.waiting ?? new Set<ObjectKey>()).add(key),
      trying: undefined,
      backoff: before?.backoff ?? new Backoff(TRY, clock, random),
      cancelTry: () => {},
    };
    closed.cancelTry = clock.after(closed.backoff.next() * stretch(), () => this.#try(closed));
    this.#closed = closed;
    if (before?.reason.cause !== reason.cause || before.reason.message !== reason.message) onChange(reason);
  }

  /** The one that tried found out nothing: another one does, later. Nothing for any other. */
  again(key: ObjectKey): void {
    if (this.#closed?.trying === key) this.close(key, this.#closed.reason);
  }

  /** There is reason to hope: one tries at once. */
  tryNow(): void {
    const closed = this.#closed;
    if (closed === undefined || closed.trying !== undefined) return;
    closed.cancelTry();
    this.#try(closed);
  }

  /** A write went through, or got as far as the object itself: whoever waits goes on. */
  open(): void {
    const closed = this.#closed;
    if (closed === undefined) return;
    closed.cancelTry();
    this.#closed = undefined;
    for (const key of closed.waiting) this.#options.release(key);
    this.#options.onChange(undefined);
  }

  /** The object needs no write. If it was the one to try, another one does; when none is left, nobody misses anything. */
  settled(key: ObjectKey): void {
    const closed = this.#closed;
    if (closed === undefined) return;
    closed.waiting.delete(key);
    if (closed.trying === key) this.#try(closed);
    else if (closed.trying === undefined && closed.waiting.size === 0) this.open();
  }

  /** For good; leaves no timer. */
  stop(): void {
    this.#closed?.cancelTry();
    this.#closed = undefined;
  }

  /** Those that wait take turns: an object that fails waits behind the others. */
  #try(closed: Closed): void {
    const [key] = closed.waiting;
    closed.trying = key;
    if (key === undefined) {
      this.open();
      return;
    }
    closed.waiting.delete(key);
    this.#options.release(key);
  }
}
