import type { CachedObject } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type ApiError, isOutage } from '../kube/errors.ts';
import { nameSelector } from '../kube/field-selector.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import { InformerError } from './errors.ts';
import type { ReflectorStatus } from './reflector.ts';
import type { ObjectEvent } from './reflector-types.ts';
import { EVERYTHING, type Selection, type Slice, withoutSelectors } from './selection.ts';
import { SELECTORS_AGAIN_MS, SelectorRefusals } from './selector-refusals.ts';
import { type SliceSink, SliceWatches } from './slice-watches.ts';
import { type ObjectStore, Store } from './store.ts';
import type { WatchListChoice } from './watch-lists.ts';

export interface InformerStatus extends ReflectorStatus {
  /** True once a full list was handed to all handlers. Stays true through later failures, until the informer is stopped. */
  readonly synced: boolean;
  /** Others are selected than before, and not all of them are listed yet: what is known is what was selected before. */
  readonly selecting: boolean;
  readonly objects: number;
  /** When the last list, event or bookmark came, in milliseconds since the Unix epoch. */
  readonly lastEventAt: number | undefined;
}

export type ChangeOrigin = 'Change' | 'Found' | 'Listed';

/**
 * Told of each change after it is in the store. All calls are synchronous and must be quick: enqueue a key, do the work
 * elsewhere. What one throws is logged and hurts nobody else.
 */
export interface InformerHandler {
  /**
   * `previous` is the very object of the last call, undefined for a new one; it is `object` itself where all is told again. `origin`: whether it has just changed, or was found so in
   * a list or in the store, as one of many. `Listed`: so too, and `synced` follows when all of them are told.
   */
  change(object: CachedObject, previous: CachedObject | undefined, origin: ChangeOrigin): void;
  /**
   * `object` is the last that was told of, and is out of sight: deleted, or not selected any more. An object that was deleted and
   * made again is removed first, then changed.
   */
  remove(object: CachedObject): void;
  /** After each full list, the first and later ones, when all its changes were told. */
  synced(): void;
  /** On each change of the phase or of the error. */
  status?(status: InformerStatus): void;
}

export interface InformerOptions {
  /** Of all objects; or of each slice that comes to be selected. */
  readonly listWatch: ListWatch | ((slice: Slice) => ListWatch);
  /** Default: everything. */
  readonly selection?: Selection | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** For logs. */
  readonly name: string;
  /** The server could not be reached or failed, and now a watch is open again. */
  readonly onReconnect?: (() => void) | undefined;
  /** Without it all that there is comes by lists. */
  readonly watchList?: WatchListChoice | undefined;
  /** The server is at an earlier version than this watched: what else is known of it may be of a time that is lost. */
  readonly onWentBack?: (() => void) | undefined;
}

/** A handler that hears of an informer. */
export interface HandlerRegistration {
  /** Nothing is told from now on. Again, it does nothing. */
  remove(): void;
  /** Tells the handler of all that is stored once more, as found. @throws InformerError 'Stopped' */
  resync(): void;
}

interface Registration {
  readonly handler: InformerHandler;
  active: boolean;
}

/** One watched resource: a store that follows the API server, and handlers that hear of each change. Lives once. */
export class Informer {
  readonly #store = new Store();
  readonly #listWatchOf: (slice: Slice) => ListWatch;
  readonly #watches: SliceWatches;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #name: string;
  readonly #onReconnect: (() => void) | undefined;
  /** Replaced, never changed, so that a delivery on its way is not disturbed by handlers that come. */
  #registrations: readonly Registration[] = [];
  #life: 'New' | 'Started' | 'Stopped' = 'New';
  #synced = false;
  /** As it was last asked for; what is watched where the server takes selectors. */
  #wanted: Selection;
  readonly #refusals = new SelectorRefusals();
  /** The server takes no selector for this resource, as some aggregated servers do. Calls off the next try of one. */
  #takesNoSelector: (() => void) | undefined;
  #lastEventAt: number | undefined;
  /** The error that the log knows of, or another one of its code. */
  #logged: ApiError | undefined;
  #answers: CachedObject[] = [];
  #telling = false;

  constructor(options: InformerOptions) {
    const { listWatch, selection = EVERYTHING, clock, random, log, name, onReconnect, watchList, onWentBack } = options;
    this.#clock = clock;
    this.#log = log;
    this.#name = name;
    this.#onReconnect = onReconnect;
    const ofSlice = typeof listWatch === 'function' ? listWatch : () => listWatch;
    this.#listWatchOf = ofSlice;
    this.#wanted = selection;
    const listWatchOf = (slice: Slice) => this.#refusals.noticing(ofSlice(slice), slice);
    const sink = this.#sink();
    this.#watches = new SliceWatches({ listWatchOf, clock, random, log, sink, watchList, onWentBack }, selection);
  }

  /** What is known now. @throws InformerError 'Stopped': an empty store would look like an empty cluster. */
  get store(): ObjectStore {
    this.#refuseWhenStopped('read');
    return this.#store;
  }

  /** This, and the next two: as in `status`, for those who ask with each object. */
  get synced(): boolean {
    return this.#synced;
  }

  get selecting(): boolean {
    return this.#synced && !this.#watches.isListed;
  }

  get lastError(): ApiError | undefined {
    return this.#watches.lastError;
  }

  get status(): InformerStatus {
    return {
      ...this.#watches.status,
      synced: this.synced,
      selecting: this.selecting,
      objects: this.#store.size,
      lastEventAt: this.#lastEventAt,
    };
  }

  /** @throws InformerError 'Stopped' or 'AlreadyStarted'. */
  start(): void {
    this.#refuseWhenStopped('start');
    if (this.#life === 'Started')
      throw new InformerError('AlreadyStarted', `informer ${this.#name} was started before`);
    this.#life = 'Started';
    this.#watches.start();
  }

  /** Something changed that may have mended what failed: it is tried now. Nothing where nothing fails. */
  retry(): void {
    this.#watches.retry();
  }

  /**
   * Is not synced from here on until all has been listed anew: for who must know all that was answered to anybody before now,
   * which a watch may still owe. What is in the store stays meanwhile.
   */
  relist(): void {
    if (this.#life === 'Stopped') return;
    this.#synced = false;
    this.#watches.relist();
  }

  /** Whether not all objects are selected. */
  get isNarrowed(): boolean {
    return this.#watches.isNarrowed;
  }

  /** Whether what is not in the store is not there: all objects are selected, and were listed. */
  get isWhole(): boolean {
    return this.#life !== 'Stopped' && this.#watches.isWhole;
  }

  /**
   * Selects other objects from now on. What is known stays until lists have told what is selected now; so nothing is removed that
   * is selected before and after, and what happens meanwhile is in the lists. Returns false where this is what is selected.
   * Of a server that refuses selectors, all is selected that is in these namespaces, and an hour later they are tried again.
   * @throws InformerError 'Stopped', and what making a list-watch throws; then nothing has changed.
   */
  select(selection: Selection): boolean {
    this.#refuseWhenStopped('select objects of');
    const taken = this.#takesNoSelector === undefined ? selection : withoutSelectors(selection);
    const isOther = this.#watches.select(taken);
    this.#wanted = selection;
    if (!isOther) return false;
    const { isListed } = this.#watches;
    const removed = isListed ? this.#dropUnselected() : [];
    this.#inOrder(() => {
      for (const object of removed) tell(this.#registrations, (handler) => handler.remove(object), this.#failed);
      if (!isListed || this.#life === 'Stopped') return;
      // The slices that were waited for may be those that are not selected any more.
      this.#synced = true;
      tell(this.#registrations, (handler) => handler.synced(), this.#failed);
    });
    // So may be the one that failed.
    if (this.#life === 'Started') this.#stateChanged();
    return true;
  }

  /**
   * The uid of an object on the server, selected or not; undefined when it is not there. Rejects with ApiError, and with
   * InformerError 'Stopped'.
   */
  async look({ namespace, name }: Pick<CachedObject, 'namespace' | 'name'>, signal: AbortSignal) {
    this.#refuseWhenStopped('look for an object of');
    const fieldSelector = nameSelector(name);
    const slice = namespace === '' ? { fieldSelector } : { namespace, fieldSelector };
    const { items } = await this.#listWatchOf(slice).list({ limit: 1, signal });
    return items.find((item) => item.name === name && item.namespace === namespace)?.uid;
  }

  /**
   * Ends it for good. With `removals`, handlers are told before this returns that each object is gone from their sight: for a
   * kind that vanished or that nobody wants. Nothing is told afterwards. Resolves when no request and no timer is left;
   * may be called from a handler, and more than once.
   */
  async stop({ removals = false }: { readonly removals?: boolean } = {}): Promise<void> {
    const stopped = this.#watches.stop();
    this.#takesNoSelector?.();
    if (this.#life !== 'Stopped') {
      this.#life = 'Stopped';
      const registrations = this.#registrations;
      this.#registrations = [];
      if (removals) {
        for (const object of this.#store.values())
          tell(registrations, (handler) => handler.remove(object), this.#failed);
      }
      for (const registration of registrations) registration.active = false;
      this.#answers = [];
      this.#store.clear();
      this.#synced = false;
    }
    await stopped;
  }

  /**
   * Tells a handler of everything from now on, what is in the store first. @throws InformerError 'Stopped'.
   */
  addHandler(handler: InformerHandler): HandlerRegistration {
    this.#refuseWhenStopped('add a handler to');
    const registration: Registration = { handler, active: true };
    const origin = this.#synced ? 'Listed' : 'Found';
    this.#inOrder(() => {
      for (const object of this.#store.values())
        tell([registration], (to) => to.change(object, undefined, origin), this.#failed);
      if (this.#synced) tell([registration], (to) => to.synced(), this.#failed);
      // A handler that stopped the informer has nothing to be added to.
      if (this.#life !== 'Stopped') this.#registrations = [...this.#registrations, registration];
      else registration.active = false;
    });
    return {
      remove: () => {
        registration.active = false;
        this.#registrations = this.#registrations.filter((other) => other !== registration);
      },
      resync: () => {
        this.#refuseWhenStopped('tell all again of');
        this.#inOrder(() => {
          for (const object of this.#store.values())
            tell([registration], (to) => to.change(object, object, 'Found'), this.#failed);
        });
      },
    };
  }

  /**
   * The object as the server answered a write of ours, so that nobody acts on the older one until the watch has caught up.
   * Ignored when the informer is stopped, the object is gone or another one, or the store is as new.
   */
  accept(answer: CachedObject): void {
    if (this.#life === 'Stopped') return;
    this.#answers.push(answer);
    this.#inOrder(() => {});
  }

  /** Runs what tells handlers. Answers that they hand in meanwhile are told afterwards, so that all handlers see one order. */
  #inOrder(run: () => void): void {
    const outer = this.#telling;
    this.#telling = true;
    run();
    if (outer) return;
    for (let answer = this.#answers.shift(); answer !== undefined; answer = this.#answers.shift()) {
      const change = this.#store.upsertIfNewer(answer);
      if (change === undefined) continue;
      const [previous, next] = change;
      tell(this.#registrations, (handler) => handler.change(next, previous, 'Change'), this.#failed);
    }
    this.#telling = false;
  }

  #replaced(items: readonly CachedObject[], { namespace }: Slice): void {
    this.#lastEventAt = this.#clock.now();
    const isAlone = this.#watches.selection.length === 1;
    const { removed, changed, added } = this.#store.replace(items, isAlone ? undefined : namespace);
    const { isListed } = this.#watches;
    const unselected = isListed ? this.#dropUnselected() : [];
    const origin = isListed ? 'Listed' : 'Found';
    this.#inOrder(() => {
      // A handler that comes from now on sees the new store as a whole.
      const registrations = this.#registrations;
      for (const object of [...removed, ...unselected])
        tell(registrations, (handler) => handler.remove(object), this.#failed);
      for (const [previous, next] of changed) {
        tell(registrations, (handler) => handler.change(next, previous, origin), this.#failed);
      }
      for (const object of added)
        tell(registrations, (handler) => handler.change(object, undefined, origin), this.#failed);
      if (this.#life === 'Stopped' || !isListed) return;
      this.#synced = true;
      tell(this.#registrations, (handler) => handler.synced(), this.#failed);
    });
  }

  /** What is in namespaces of which nothing is selected any more. */
  #dropUnselected(): readonly CachedObject[] {
    const namespaces = this.#watches.selection.flatMap(({ namespace }) => namespace ?? []);
    return namespaces.length === 0 ? [] : this.#store.keepOnly(new Set(namespaces));
  }

  #received(event: ObjectEvent): void {
    this.#lastEventAt = this.#clock.now();
    const { object } = event;
    if (event.type === 'DELETED') {
      const previous = this.#store.delete(object, { mayReturn: !this.#watches.isWhole });
      if (previous === undefined) return;
      this.#inOrder(() => tell(this.#registrations, (handler) => handler.remove(previous), this.#failed));
      return;
    }
    const upsert = this.#store.upsert(object);
    if (upsert.kind === 'Unchanged') return;
    this.#inOrder(() => {
      const registrations = this.#registrations;
      if (upsert.kind === 'Recreated') tell(registrations, (handler) => handler.remove(upsert.previous), this.#failed);
      const previous = upsert.kind === 'Changed' ? upsert.previous : undefined;
      tell(registrations, (handler) => handler.change(object, previous, 'Change'), this.#failed);
    });
  }

  #stateChanged(): void {
    const { lastError } = this;
    // Once for each kind of trouble, not once for each try.
    const wasOut = this.#logged !== undefined && isOutage(this.#logged);
    if (lastError?.code !== this.#logged?.code) {
      this.#logged = lastError;
      if (lastError === undefined) this.#log.info({ informer: this.#name }, 'the watch works again');
      else
        this.#log.warn(
          { informer: this.#name, code: lastError.code, reason: lastError.message },
          'the watch failed and is tried again',
        );
    }
    if (lastError !== undefined && this.#refusals.has(lastError)) this.#giveUpSelectors();
    const { status } = this;
    this.#inOrder(() => tell(this.#registrations, (handler) => handler.status?.(status), this.#failed));
    if (wasOut && lastError === undefined) this.#onReconnect?.();
  }

  #giveUpSelectors(): void {
    if (this.#takesNoSelector !== undefined || this.#life === 'Stopped') return;
    this.#takesNoSelector = this.#clock.after(SELECTORS_AGAIN_MS, () => {
      this.#takesNoSelector = undefined;
      this.select(this.#wanted);
    });
    this.#log.warn({ informer: this.#name }, 'the server takes no selector for this resource: all of it is watched');
    this.select(this.#wanted);
  }

  readonly #failed = (thrown: unknown): void => {
    this.#log.error({ informer: this.#name, err: thrown }, 'a handler of the informer failed');
  };

  #sink(): SliceSink {
    return {
      listStarted: () => this.#store.listStarted(),
      replace: (items, slice) => this.#replaced(items, slice),
      apply: (event) => this.#received(event),
      bookmark: () => {
        this.#lastEventAt = this.#clock.now();
      },
      state: () => this.#stateChanged(),
    };
  }

  #refuseWhenStopped(what: string): void {
    if (this.#life === 'Stopped')
      throw new InformerError('Stopped', `cannot ${what} informer ${this.#name}: it is stopped`);
  }
}

function tell(
  registrations: readonly Registration[],
  call: (handler: InformerHandler) => void,
  failed: (thrown: unknown) => void,
): void {
  for (const { handler, active } of registrations) {
    if (!active) continue;
    try {
      call(handler);
    } catch (thrown) {
      failed(thrown);
    }
  }
}
