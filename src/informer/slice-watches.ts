import type { CachedObject } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ApiError } from '../kube/errors.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import { Reflector, type ReflectorPhase, type ReflectorStatus } from './reflector.ts';
import type { ObjectEvent, RestartCause } from './reflector-types.ts';
import { EVERYTHING, isEverything, isSameSelection, type Selection, type Slice, sliceId } from './selection.ts';
import type { WatchListChoice } from './watch-lists.ts';

/** Where the slices deliver: synchronously, each in order. */
export interface SliceSink {
  listStarted(): void;
  /** The whole list of a slice. */
  replace(items: readonly CachedObject[], slice: Slice): void;
  apply(event: ObjectEvent): void;
  bookmark(): void;
  /** The phase or the error of a slice has changed. */
  state(): void;
}

export interface SliceWatchesOptions {
  readonly listWatchOf: (slice: Slice) => ListWatch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly sink: SliceSink;
  readonly watchList?: WatchListChoice | undefined;
  readonly onWentBack?: (() => void) | undefined;
}

interface SliceWatch {
  readonly reflector: Reflector;
  /** A whole list was delivered. */
  listed: boolean;
}

/** The lists and watches of one informer: one reflector for each slice of what is selected. */
export class SliceWatches {
  readonly #options: SliceWatchesOptions;
  readonly #watches = new Map<string, SliceWatch>();
  readonly #ending = new Set<Promise<void>>();
  /** Of slices that are not watched any more. */
  #relists = 0;
  readonly #restarts: Partial<Record<RestartCause, number>> = {};
  #selection: Selection = EVERYTHING;
  /** The same was selected from the start. */
  #hasStayed = true;
  /** What was wrong when these were selected: nothing has shown yet that it is not so any more. */
  #inherited: ApiError | undefined;
  #life: 'New' | 'Started' | 'Stopped' = 'New';

  constructor(options: SliceWatchesOptions, selection: Selection) {
    this.#options = options;
    this.select(selection);
  }

  get selection(): Selection {
    return this.#selection;
  }

  /** Whether each slice was listed. */
  get isListed(): boolean {
    for (const { listed } of this.#watches.values()) if (!listed) return false;
    return true;
  }

  /** Whether not all objects are selected. */
  get isNarrowed(): boolean {
    return !isEverything(this.#selection);
  }

  /** Whether all objects are selected, and were listed. */
  get isWhole(): boolean {
    return !this.isNarrowed && this.isListed;
  }

  /** Of the first slice that has one. */
  get lastError(): ApiError | undefined {
    for (const { reflector } of this.#watches.values())
      if (reflector.lastError !== undefined) return reflector.lastError;
    return this.isListed ? undefined : this.#inherited;
  }

  /** Of all slices together: where they are not all at one, what most concerns those that wait for them. */
  get status(): ReflectorStatus {
    const all = [...this.#watches.values()].map(({ reflector }) => reflector.status);
    const [only] = all;
    // By far the most informers, which are asked often.
    if (only !== undefined && all.length === 1 && this.#hasStayed) return only;
    const restarts = { ...this.#restarts };
    for (const each of all) addRestarts(restarts, each.restarts);
    const retries = all.flatMap(({ retryAt }) => retryAt ?? []);
    return {
      phase: LEAST_FIRST.find((phase) => all.some((each) => each.phase === phase)) ?? 'Idle',
      lastError: this.lastError,
      retryAt: retries.length === 0 ? undefined : Math.min(...retries),
      relists: all.reduce((sum, { relists }) => sum + relists, this.#relists),
      restarts,
    };
  }

  start(): void {
    this.#life = 'Started';
    for (const { reflector } of this.#watches.values()) reflector.start();
  }

  retry(): void {
    for (const { reflector } of this.#watches.values()) reflector.retry();
  }

  /** All slices count as not listed until each has been listed anew. */
  relist(): void {
    for (const watch of this.#watches.values()) {
      watch.listed = false;
      watch.reflector.relist();
    }
  }

  /**
   * Watches these from now on. Slices that stay go on as they are; of others nothing is delivered any more, and new
   * ones begin with a list. Returns false where this is what is selected. Throws what making a list-watch throws; then
   * nothing has changed.
   */
  select(selection: Selection): boolean {
    if (this.#watches.size > 0 && isSameSelection(selection, this.#selection)) return false;
    const wanted = new Map(selection.map((slice) => [sliceId(slice), slice]));
    const begun = new Map<string, SliceWatch>();
    for (const [id, slice] of wanted) if (!this.#watches.has(id)) begun.set(id, this.#make(id, slice));
    this.#inherited = this.lastError;
    this.#hasStayed = this.#watches.size === 0;
    this.#selection = selection;
    for (const [id, { reflector }] of this.#watches) {
      if (wanted.has(id)) continue;
      const { relists, restarts } = reflector.status;
      this.#relists += relists;
      addRestarts(this.#restarts, restarts);
      this.#watches.delete(id);
      this.#end(reflector);
    }
    for (const [id, watch] of begun) this.#watches.set(id, watch);
    if (this.#life === 'Started') for (const { reflector } of begun.values()) reflector.start();
    return true;
  }

  /** Nothing is delivered any more once this was called; resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#life = 'Stopped';
    for (const { reflector } of this.#watches.values()) this.#end(reflector);
    await Promise.all(this.#ending);
  }

  #make(id: string, slice: Slice): SliceWatch {
    const { listWatchOf, clock, random, log, sink, watchList, onWentBack } = this.#options;
    const watch: SliceWatch = {
      listed: false,
      reflector: new Reflector({
        listWatch: listWatchOf(slice),
        clock,
        random,
        log,
        watchList,
        onWentBack,
        sink: {
          listStarted: () => sink.listStarted(),
          replace: (items) => {
            watch.listed = true;
            sink.replace(items, slice);
          },
          apply: (event) => sink.apply(event),
          bookmark: () => sink.bookmark(),
          state: () => {
            // Of one that is on its way out nobody wants to hear.
            if (this.#life === 'Stopped' || this.#watches.get(id) === watch) sink.state();
          },
        },
      }),
    };
    return watch;
  }

  #end(reflector: Reflector): void {
    const ending = reflector.stop().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

const LEAST_FIRST: readonly ReflectorPhase[] = ['BackingOff', 'Idle', 'Syncing', 'Connecting', 'Watching', 'Stopped'];

function addRestarts(
  sum: Partial<Record<RestartCause, number>>,
  more: Readonly<Partial<Record<RestartCause, number>>>,
): void {
  for (const cause of Object.keys(more) as RestartCause[]) sum[cause] = (sum[cause] ?? 0) + (more[cause] ?? 0);
}
