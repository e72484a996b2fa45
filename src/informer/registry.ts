import { apiVersionOf, type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { errorOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { isOutage } from '../kube/errors.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import { InformerError } from './errors.ts';
import { Informer } from './informer.ts';
import { ListSlots } from './list-slots.ts';
import { EVERYTHING, type Slice } from './selection.ts';
import { WatchLists } from './watch-lists.ts';
import { type WatchId, type WatchSpec, type WatchTarget, watchId } from './watch-spec.ts';

export interface DesiredWatch {
  readonly spec: WatchSpec;
  /** Who wants it, one unique name each; without any it is not wanted. */
  readonly owners: ReadonlySet<string>;
}

/** Keyed by `watchId(spec)`. */
export type DesiredWatches = ReadonlyMap<WatchId, DesiredWatch>;

export interface Reconciled {
  readonly started: readonly WatchId[];
  readonly stopped: readonly WatchId[];
  /** Wanted, but an informer of this id is still on its way out; starts by itself when that is gone. */
  readonly delayed: readonly WatchId[];
  /** Could not be made. Tried again by the next `reconcile`. */
  readonly failed: ReadonlyArray<{ readonly id: WatchId; readonly error: Error }>;
}

export interface InformerRegistryOptions {
  readonly createListWatch: (target: WatchTarget) => ListWatch;
  /** Called with each new informer before it starts: the place to add handlers. */
  readonly prepare: (informer: Informer, spec: WatchSpec, id: WatchId) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Lists at a time over all informers while all goes well; default 8. */
  readonly listConcurrency?: number | undefined;
  /** Read kinds by a WatchList where the server can do that; default false. */
  readonly watchList?: boolean | undefined;
  /** The API server has gone back in time, as after a restore: nothing that runs is synced any more until it is listed anew. */
  readonly onWentBack?: (() => void) | undefined;
}

/**
 * How many try at once when there is a sign that the server works again. Each that succeeds wakes as many, so all are
 * soon awake.
 */
const WOKEN = 4;
/** No informer is woken again so soon, in milliseconds: those that fail in turns would wake each other without end. */
const WAKE_EVERY_MS = 5_000;
/** Signs that time went back which come within this, in milliseconds, are of the same restore. */
const ONE_RESTORE_MS = 5_000;

/** Kinds of these groups kube-apiserver serves itself, whatever is installed, from the storage of nearly all others. */
const ITS_OWN: ReadonlySet<string> = new Set(['', 'apiextensions.k8s.io', 'apiregistration.k8s.io']);

interface Running {
  spec: WatchSpec;
  readonly informer: Informer;
  /** On the monotonic clock. */
  wokenAt: number;
}

/** The informers that run, held equal to the set that is wanted. One informer per id, shared by all owners. */
export class InformerRegistry {
  readonly #options: InformerRegistryOptions;
  readonly #slots: ListSlots;
  readonly #watchLists: WatchLists | undefined;
  readonly #running = new Map<WatchId, Running>();
  readonly #stopping = new Map<WatchId, Promise<void>>();
  #desired: DesiredWatches = new Map();
  #wentBackAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: InformerRegistryOptions) {
    this.#options = options;
    this.#slots = new ListSlots(options.listConcurrency ?? 8, options.clock);
    if (options.watchList === true) this.#watchLists = new WatchLists(options.clock, options.log);
  }

  /**
   * Makes what runs equal to what is wanted: handlers of an informer that goes are told at once that its objects are gone, and
   * requests end in the background; what is wanted and runs is not touched, but that it selects what is wanted now.
   * @throws InformerError 'Stopped'.
   */
  reconcile(desired: DesiredWatches): Reconciled {
    if (this.#stopped) throw new InformerError('Stopped', 'the informer registry is stopped');
    // A copy: the caller's map may change while a delayed start waits.
    this.#desired = new Map(desired);
    const stopped: WatchId[] = [];
    const started: WatchId[] = [];
    const delayed: WatchId[] = [];
    const failed: Array<{ id: WatchId; error: Error }> = [];
    for (const [id, { informer }] of this.#running) {
      if (this.#wanted(id) !== undefined) continue;
      this.#stop(id, informer, true);
      stopped.push(id);
    }
    for (const id of this.#desired.keys()) {
      const wanted = this.#wanted(id);
      if (wanted === undefined) continue;
      const running = this.#running.get(id);
      if (running !== undefined) {
        const error = this.#select(running, wanted.spec);
        if (error !== undefined) failed.push({ id, error });
        continue;
      }
      if (this.#stopping.has(id)) {
        delayed.push(id);
        continue;
      }
      const error = this.#start(id);
      if (error === undefined) started.push(id);
      else failed.push({ id, error });
    }
    return { started, stopped, delayed, failed };
  }

  /** The informer that runs; undefined before its start and from the moment that it is to stop. */
  get(id: WatchId): Informer | undefined {
    return this.#running.get(id)?.informer;
  }

  /** What runs. */
  *entries(): IterableIterator<readonly [id: WatchId, spec: WatchSpec, informer: Informer]> {
    for (const [id, { spec, informer }] of this.#running) yield [id, spec, informer];
  }

  owners(id: WatchId): ReadonlySet<string> {
    return this.#desired.get(id)?.owners ?? new Set();
  }

  /** Resolves when each informer that was told to stop so far has no request and no timer left. */
  async drained(): Promise<void> {
    await Promise.all(this.#stopping.values());
  }

  /** Ends everything for good, without telling handlers of removals: the objects are still there, we go. */
  async stopAll(): Promise<void> {
    this.#stopped = true;
    this.#desired = new Map();
    for (const [id, { informer }] of this.#running) this.#stop(id, informer, false);
    this.#slots.stop();
    await this.drained();
  }

  /** The server answers again: informers that it failed may be in the middle of a long wait, and a few of them try now. */
  wake(): void {
    const now = this.#options.clock.monotonic();
    let left = WOKEN;
    for (const running of this.#running.values()) {
      if (left === 0) return;
      const { phase, lastError } = running.informer.status;
      if (phase !== 'BackingOff' || lastError === undefined || !isOutage(lastError)) continue;
      // A wait that the server asked for is not cut short.
      if (lastError.retryAfterMs !== undefined || now - running.wokenAt < WAKE_EVERY_MS) continue;
      left -= 1;
      running.wokenAt = now;
      running.informer.retry();
    }
  }

  /**
   * A watch may have broken so soon after its last event that the server has come past that version again, by changes that nobody
   * is told of: that one cannot know it. Where another one does, or who reads a kind that kube-apiserver serves itself, all are
   * listed anew. Aggregated servers have a time of their own.
   */
  serverWentBack(seenBy: GroupResourceName): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#wentBackAt < ONE_RESTORE_MS) return;
    this.#wentBackAt = now;
    const message = 'the API server has gone back in time, as after a restore of etcd: all is listed anew';
    this.#options.log.warn({ kind: seenBy }, message);
    this.#options.onWentBack?.();
    for (const { informer } of this.#running.values()) informer.relist();
  }

  #wanted(id: WatchId): DesiredWatch | undefined {
    const desired = this.#desired.get(id);
    return desired !== undefined && desired.owners.size > 0 ? desired : undefined;
  }

  #start(id: WatchId): Error | undefined {
    const desired = this.#wanted(id);
    if (desired === undefined) return undefined;
    const { createListWatch, prepare, clock, random, log } = this.#options;
    try {
      const { spec } = desired;
      const { selection, ...target } = spec;
      const listWatch = ({ namespace = target.namespace, ...selectors }: Slice) =>
        this.#slots.limit(createListWatch({ ...target, namespace, ...selectors }));
      const watchList = this.#watchLists?.of(`${groupResourceName(spec.gvr)} ${apiVersionOf(spec.gvr)}`);
      const informer = new Informer({
        listWatch,
        selection,
        clock,
        random,
        log,
        name: id,
        watchList,
        onReconnect: () => this.wake(),
        onWentBack: () => {
          if (ITS_OWN.has(spec.gvr.group)) this.serverWentBack(groupResourceName(spec.gvr));
        },
      });
      prepare(informer, spec, id);
      this.#running.set(id, { spec, informer, wokenAt: Number.NEGATIVE_INFINITY });
      informer.start();
      return undefined;
    } catch (thrown) {
      this.#running.delete(id);
      log.error({ informer: id, err: thrown }, 'an informer could not be made');
      return errorOf(thrown);
    }
  }

  #select(running: Running, spec: WatchSpec): Error | undefined {
    const { log } = this.#options;
    const { selection = EVERYTHING } = spec;
    try {
      if (running.informer.select(selection))
        log.info({ informer: watchId(spec), selection }, 'the informer selects other objects from now on');
      running.spec = spec;
      return undefined;
    } catch (thrown) {
      log.error({ informer: watchId(spec), err: thrown }, 'an informer could not select other objects');
      return errorOf(thrown);
    }
  }

  #stop(id: WatchId, informer: Informer, removals: boolean): void {
    this.#running.delete(id);
    const stopping = informer.stop({ removals }).finally(() => {
      this.#stopping.delete(id);
      if (!this.#running.has(id)) this.#start(id);
    });
    this.#stopping.set(id, stopping);
  }
}
