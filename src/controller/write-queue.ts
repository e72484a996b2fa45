import type { ObjectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import { Backoff, type BackoffOptions } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { Pause } from '../base/pause.ts';
import { type Lane, Lanes } from './lanes.ts';
import { type WriteWidth, writeWidth } from './write-width.ts';

/** What became of one turn of a key. */
export type Turn =
  /** Nothing is left to do until the object or a policy changes. `wroteMs`: how long a write took, where there was one. */
  | { readonly kind: 'Done'; readonly wroteMs?: number }
  /**
   * Try again after the item's own growing delay, or after `afterMs` where that is longer. `askedAnew`: whoever wants it sooner says
   * so after this turn; what was added during it knew nothing of how it ended, and does not count.
   */
  | { readonly kind: 'Retry'; readonly afterMs?: number | undefined; readonly askedAnew?: boolean }
  /** The server asks everybody to wait, in milliseconds. */
  | { readonly kind: 'Overloaded'; readonly afterMs: number };

export interface WriteItem {
  readonly kind: GroupResourceName;
  readonly key: ObjectKey;
}

export interface WhenToWrite {
  /** Default `Bulk`. */
  readonly lane?: Lane;
  /** See `add`. */
  readonly withinMs?: number | undefined;
}

export interface WriteQueueOptions {
  /** Turns under way at once, at most; fewer after the server has asked to wait. Undefined: as many as make it quicker. */
  readonly width: number | undefined;
  readonly clock: Clock;
  readonly random?: (() => number) | undefined;
  /** One turn: looks at the present state and makes what it needs. Must not reject. */
  readonly turn: (item: WriteItem) => Promise<Turn>;
  /** Told of each key that leaves the queue at the end of a turn. */
  readonly onEnd?: ((item: WriteItem) => void) | undefined;
}

/** client-go's per-item limiter: 5 ms doubling to 1,000 s. */
const ITEM_BACKOFF: BackoffOptions = {
  initialMs: 5,
  maxMs: 1_000_000,
  factor: 2,
  jitter: 0.2,
  resetAfterMs: Number.POSITIVE_INFINITY,
};

/** What was asked for during a turn; it counts when the turn has ended. */
type Meanwhile =
  | { readonly kind: 'Nothing' }
  /** Another turn, at most so many milliseconds after this one; undefined: whenever it comes. */
  | { readonly kind: 'Added'; readonly withinMs: number | undefined }
  | { readonly kind: 'Forgotten' };

type State =
  | { readonly kind: 'Waiting' }
  /** `dueAt` on the monotonic clock. */
  | { readonly kind: 'Delayed'; readonly dueAt: number; readonly cancel: () => void }
  | { readonly kind: 'Running'; readonly meanwhile: Meanwhile };

interface Entry {
  readonly item: WriteItem;
  /** On the monotonic clock, in milliseconds. */
  readonly since: number;
  /** That of the most urgent reason. */
  lane: Lane;
  state: State;
  backoff: Backoff | undefined;
}

const WAITING: State = { kind: 'Waiting' };
const NOTHING: Meanwhile = { kind: 'Nothing' };

/**
 * Keys whose objects differ from what is wanted. A key is there once, and has one turn at a time; what is asked for
 * during a turn runs after it. Changes go first, and kinds take turns.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #perKind = new Map<GroupResourceName, number>();
  /** Exactly the entries that are Waiting. */
  readonly #waiting = new Lanes<GroupResourceName, Entry>();
  readonly #width: WriteWidth;
  #running = 0;
  readonly #pause: Pause;
  #stopped = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(options: WriteQueueOptions) {
    this.#options = options;
    this.#width = writeWidth(options.width, options.clock);
    this.#pause = new Pause(options.clock, () => this.#pump());
  }

  /** Keys that wait, are delayed or run. */
  get depth(): number {
    return this.#entries.size;
  }

  /** For how long the key that came first has been here, in milliseconds; 0 when there is none. */
  get ageMs(): number {
    for (const { since } of this.#entries.values()) return this.#options.clock.monotonic() - since;
    return 0;
  }

  get running(): number {
    return this.#running;
  }

  /** Whether any key of the kind waits, is delayed or runs. */
  hasKind(kind: GroupResourceName): boolean {
    return this.#perKind.has(kind);
  }

  /**
   * `withinMs` shortens a delay to at most so many milliseconds from now (0: none), because what the delay was for has
   * changed; without it a delay stands.
   */
  add(item: WriteItem, { lane = 'Bulk', withinMs }: WhenToWrite = {}): void {
    if (this.#stopped) return;
    const id = idOf(item);
    const entry = this.#entries.get(id);
    if (entry !== undefined && lane === 'Change') entry.lane = lane;
    if (entry === undefined) {
      const since = this.#options.clock.monotonic();
      const fresh: Entry = { item, since, lane, state: WAITING, backoff: undefined };
      this.#entries.set(id, fresh);
      this.#perKind.set(item.kind, (this.#perKind.get(item.kind) ?? 0) + 1);
      this.#wait(fresh);
    } else if (entry.state.kind === 'Waiting') {
      this.#wait(entry);
    } else if (entry.state.kind === 'Running') {
      entry.state = {
        kind: 'Running',
        meanwhile: { kind: 'Added', withinMs: sooner(entry.state.meanwhile, withinMs) },
      };
    } else if (entry.state.kind === 'Delayed' && withinMs !== undefined) {
      const dueAt = this.#options.clock.monotonic() + withinMs;
      if (dueAt < entry.state.dueAt) this.#delay(entry, withinMs);
    }
    this.#pump();
  }

  /** The object is as wanted, or gone: no turn any more. One that runs ends by itself and is not tried again. */
  forget(item: WriteItem): void {
    const entry = this.#entries.get(idOf(item));
    if (entry?.state.kind === 'Running') entry.state = { kind: 'Running', meanwhile: { kind: 'Forgotten' } };
    else if (entry !== undefined) this.#remove(entry);
  }

  /** Forgets every key of a kind. */
  drop(kind: GroupResourceName): void {
    if (!this.hasKind(kind)) return;
    for (const { item } of this.#entries.values()) if (item.kind === kind) this.forget(item);
  }

  /** No new turns; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause.end();
    for (const { item } of this.#entries.values()) this.forget(item);
    if (this.#running > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  #pump(): void {
    if (this.#stopped || this.#pause.isOn) return;
    while (this.#running < this.#width.now) {
      const taken = this.#waiting.take(this.#options.clock.monotonic());
      if (taken === undefined) {
        this.#width.idle();
        return;
      }
      void this.#run(taken.item);
    }
  }

  async #run(entry: Entry): Promise<void> {
    entry.state = { kind: 'Running', meanwhile: NOTHING };
    this.#running += 1;
    const turn = await this.#options.turn(entry.item);
    this.#running -= 1;
    this.#settle(entry, turn);
    if (this.#running === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    this.#pump();
  }

  #settle(entry: Entry, turn: Turn): void {
    const meanwhile = entry.state.kind === 'Running' ? entry.state.meanwhile : NOTHING;
    if (turn.kind === 'Overloaded' && !this.#stopped) this.#overloaded(turn.afterMs);
    else if (turn.kind === 'Done' && turn.wroteMs !== undefined) this.#width.answered(turn.wroteMs);
    if (this.#stopped || meanwhile.kind === 'Forgotten' || (turn.kind === 'Done' && meanwhile.kind === 'Nothing')) {
      this.#remove(entry);
      this.#options.onEnd?.(entry.item);
      return;
    }
    if (turn.kind === 'Retry') {
      entry.backoff ??= new Backoff(ITEM_BACKOFF, this.#options.clock, this.#options.random);
      const delay = Math.max(entry.backoff.next(), turn.afterMs ?? 0);
      const withinMs = meanwhile.kind === 'Added' && turn.askedAnew !== true ? meanwhile.withinMs : undefined;
      this.#delay(entry, Math.min(delay, withinMs ?? delay));
      return;
    }
    if (turn.kind === 'Done') entry.backoff = undefined;
    this.#wait(entry);
  }

  #wait(entry: Entry): void {
    entry.state = WAITING;
    this.#waiting.add(entry.item.kind, entry, entry.lane, this.#options.clock.monotonic());
  }

  /** In place of a delay that the entry may have. */
  #delay(entry: Entry, ms: number): void {
    const { clock } = this.#options;
    if (entry.state.kind === 'Delayed') entry.state.cancel();
    const cancel = clock.after(ms, () => {
      this.#wait(entry);
      this.#pump();
    });
    entry.state = { kind: 'Delayed', dueAt: clock.monotonic() + ms, cancel };
  }

  #remove({ item, state }: Entry): void {
    const id = idOf(item);
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    if (state.kind === 'Delayed') state.cancel();
    this.#waiting.delete(item.kind, entry);
    this.#entries.delete(id);
    const left = (this.#perKind.get(item.kind) ?? 0) - 1;
    if (left > 0) this.#perKind.set(item.kind, left);
    else this.#perKind.delete(item.kind);
  }

  /** Requests that were under way together tell of the same overload. */
  #overloaded(ms: number): void {
    if (!this.#pause.isOn) this.#width.shrink();
    this.#pause.atLeast(ms);
  }
}

function sooner(meanwhile: Meanwhile, withinMs: number | undefined): number | undefined {
  const earlier = meanwhile.kind === 'Added' ? meanwhile.withinMs : undefined;
  if (earlier === undefined || withinMs === undefined) return earlier ?? withinMs;
  return Math.min(earlier, withinMs);
}

function idOf({ kind, key }: WriteItem): string {
  return `${kind} ${key}`;
}
