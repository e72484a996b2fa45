import type { CachedObject } from '../api/object.ts';
import { Backoff, type BackoffOptions, reflectorBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { ApiError } from '../kube/errors.ts';
import type { ListWatch, WatchOptions } from '../kube/list-watch.ts';
import { step } from './reflector-state.ts';
import type {
  ObjectEvent,
  ReflectorEffect,
  ReflectorInput,
  ReflectorState,
  RestartCause,
  StepContext,
} from './reflector-types.ts';
import { isEarlier } from './resource-version.ts';
import { Store } from './store.ts';
import type { WatchListChoice } from './watch-lists.ts';

export type ReflectorPhase =
  | 'Idle'
  /** A list or WatchList is on its way, the first or a later one. */
  | 'Syncing'
  /** A watch was asked for; the server has not answered yet. */
  | 'Connecting'
  | 'Watching'
  | 'BackingOff'
  | 'Stopped';

export interface ReflectorStatus {
  readonly phase: ReflectorPhase;
  /** What went wrong last; undefined again once a watch is open. */
  readonly lastError: ApiError | undefined;
  /** When the next try is due, in milliseconds since the Unix epoch; only while BackingOff. */
  readonly retryAt: number | undefined;
  /** Lists begun after the first whole one. */
  readonly relists: number;
  /** How many watches were left, by the reason. */
  readonly restarts: Readonly<Partial<Record<RestartCause, number>>>;
}

/** Where a reflector delivers. All calls are synchronous and in order; what one throws is logged and goes no further. */
export interface ReflectorSink {
  /** A consistent list is about to be asked for: it will hold every write that was answered before now. */
  listStarted(): void;
  /** The whole list. The array is the sink's own. */
  replace(items: readonly CachedObject[], resourceVersion: string): void;
  apply(event: ObjectEvent): void;
  bookmark(resourceVersion: string): void;
  /** On each change of the phase or of the error. */
  state(status: ReflectorStatus): void;
}

export interface ReflectorOptions {
  readonly listWatch: ListWatch;
  readonly sink: ReflectorSink;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly backoff?: BackoffOptions | undefined;
  /** Without it all that there is comes by lists. */
  readonly watchList?: WatchListChoice | undefined;
  /** The server is at an earlier version than was heard of before. A list follows where it is not that which showed it. */
  readonly onWentBack?: (() => void) | undefined;
}

/** Runs `step` against a ListWatch: one request and one timer at most at any time, none after `stop`. */
export class Reflector {
  readonly #listWatch: ListWatch;
  readonly #sink: ReflectorSink;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #restarts: Partial<Record<RestartCause, number>> = {};
  /** Requests that have not settled yet: the running one, and aborted ones on their way out. */
  readonly #unsettled = new Set<Promise<void>>();
  readonly #context: StepContext;
  readonly #watchListChoice: WatchListChoice | undefined;
  readonly #onWentBack: (() => void) | undefined;
  #state: ReflectorState = { kind: 'Idle' };
  #flight: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  /** Of the pages so far. */
  #items: CachedObject[] = [];
  /** What the initial events of a WatchList say so far. */
  #gathered: Store | undefined;
  #listed = false;
  /** As far as the server has come, as was heard last; '' where that is of no account. */
  #version = '';
  #relists = 0;
  #lastError: ApiError | undefined;

  constructor(options: ReflectorOptions) {
    const { listWatch, sink, clock, random, log, backoff = reflectorBackoff, watchList, onWentBack } = options;
    this.#listWatch = listWatch;
    this.#sink = sink;
    this.#clock = clock;
    this.#log = log;
    this.#watchListChoice = watchList;
    this.#onWentBack = onWentBack;
    const delays = new Backoff(backoff, clock, random);
    this.#context = {
      get now() {
        return clock.monotonic();
      },
      random,
      nextDelay: () => delays.next(),
      watchList: () => watchList?.isWanted() === true,
    };
  }

  /** What `status` says, for those who ask with each object. */
  get lastError(): ApiError | undefined {
    return this.#lastError;
  }

  get status(): ReflectorStatus {
    const state = this.#state;
    return {
      phase: phaseOf(state),
      lastError: this.#lastError,
      retryAt:
        state.kind === 'BackingOff'
          ? this.#clock.now() + Math.max(0, state.until - this.#clock.monotonic())
          : undefined,
      relists: this.#relists,
      restarts: { ...this.#restarts },
    };
  }

  start(): void {
    this.#dispatch({ kind: 'Start' });
  }

  /** What failed is tried now and not only when its time has come; the next delay grows all the same. */
  retry(): void {
    this.#dispatch({ kind: 'Retry' });
  }

  /** All that there is is listed anew, now, whatever goes on; where it was not started yet, that follows anyway. */
  relist(): void {
    this.#version = '';
    this.#dispatch({ kind: 'Relist' });
  }

  /** Nothing is delivered any more once this was called; resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#dispatch({ kind: 'Stop' });
    while (this.#unsettled.size > 0) await Promise.all(this.#unsettled);
  }

  #dispatch(input: ReflectorInput): void {
    const before = this.#state;
    const { state, effects } = step(before, input, this.#context);
    this.#state = state;
    const news = this.#remember(before, input);
    for (const effect of effects) {
      this.#run(effect);
      // The sink may have stopped us, or asked for a list: what is left to do belongs to a state that is over.
      if (this.#state !== state) return;
    }
    if (news) this.#deliver(() => this.#sink.state(this.status));
  }

  /** Keeps the error of the status; returns whether the status changed. */
  #remember(before: ReflectorState, input: ReflectorInput): boolean {
    const error = this.#lastError;
    // A WatchList that is not to be had is no trouble: the list is on its way.
    if (this.#state.kind === 'Listing' && this.#state.instead !== undefined) return false;
    if (input.kind === 'ListFailed' || input.kind === 'WatchFailed') this.#lastError = input.error;
    else if (input.kind === 'WatchEvent' && input.event.type === 'ERROR') this.#lastError = input.event.error;
    else if (this.#state.kind === 'BackingOff') this.#lastError = this.#state.error;
    else if (phaseOf(this.#state) === 'Watching') this.#lastError = undefined;
    return this.#lastError !== error || phaseOf(before) !== phaseOf(this.#state);
  }

  #run(effect: ReflectorEffect): void {
    switch (effect.kind) {
      case 'Cancel':
        this.#clearTimer();
        this.#flight?.abort();
        this.#flight = undefined;
        if (this.#state.kind === 'Stopped') this.#items = [];
        this.#gathered = undefined;
        return;
      case 'List':
        this.#list(effect);
        return;
      case 'Watch':
        this.#watch(effect);
        return;
      case 'WatchList':
        this.#watchList(effect.timeoutSeconds);
        return;
      case 'Gather':
        if (effect.event.type === 'DELETED') this.#gathered?.delete(effect.event.object, { mayReturn: true });
        else this.#gathered?.upsert(effect.event.object);
        return;
      case 'PreferLists':
        this.#watchListChoice?.preferLists(effect.error);
        return;
      case 'SetTimer':
        this.#clearTimer();
        this.#cancelTimer = this.#clock.after(effect.ms, () => {
          this.#cancelTimer = undefined;
          this.#dispatch({ kind: 'TimerFired' });
        });
        return;
      case 'Replace': {
        const items = this.#gathered === undefined ? this.#items : Array.from(this.#gathered.values());
        this.#items = [];
        this.#gathered = undefined;
        this.#listed = true;
        const { resourceVersion } = effect;
        this.#deliver(() => this.#sink.replace(items, resourceVersion));
        const hasGoneBack = isEarlier(resourceVersion, this.#version);
        this.#version = resourceVersion;
        if (hasGoneBack) this.#onWentBack?.();
        return;
      }
      case 'Apply':
        this.#version = effect.event.object.resourceVersion;
        this.#deliver(() => this.#sink.apply(effect.event));
        return;
      case 'Bookmark':
        this.#version = effect.resourceVersion;
        this.#deliver(() => this.#sink.bookmark(effect.resourceVersion));
        return;
      case 'CountRestart':
        this.#restarts[effect.cause] = (this.#restarts[effect.cause] ?? 0) + 1;
    }
  }

  #list(effect: Extract<ReflectorEffect, { kind: 'List' }>): void {
    if (effect.continue === '') this.#beginAnew();
    const position = effect.continue === '' ? { resourceVersion: '' } : { continue: effect.continue };
    this.#request(
      async (signal, current) => {
        const page = await this.#listWatch.list({ ...position, limit: effect.limit, signal });
        if (!current()) return;
        for (const item of page.items) this.#items.push(item);
        const { resourceVersion, items, bytes } = page;
        const itemBytes = items.length === 0 ? undefined : bytes / items.length;
        this.#dispatch({ kind: 'PageListed', resourceVersion, continue: page.continue, itemBytes });
      },
      (error) => this.#dispatch({ kind: 'ListFailed', error }),
    );
  }

  #watchList(timeoutSeconds: number): void {
    this.#beginAnew();
    this.#gathered = new Store();
    this.#stream({ resourceVersion: '', sendInitialEvents: true, timeoutSeconds });
  }

  /** What is asked for from here on is consistent, and takes the place of what came before. */
  #beginAnew(): void {
    this.#items = [];
    this.#gathered = undefined;
    if (this.#listed) this.#relists += 1;
    this.#deliver(() => this.#sink.listStarted());
  }

  #watch({ resourceVersion, timeoutSeconds, resumed }: Extract<ReflectorEffect, { kind: 'Watch' }>): void {
    this.#stream({ resourceVersion, timeoutSeconds }, (signal) =>
      resumed ? this.#requireHistory(resourceVersion, signal) : Promise.resolve(),
    );
  }

  #stream(
    options: Omit<WatchOptions, 'signal' | 'onAsked' | 'onOpen' | 'onEvent'>,
    before?: (signal: AbortSignal) => Promise<void>,
  ): void {
    this.#request(
      async (signal, current) => {
        await before?.(signal);
        await this.#listWatch.watch({
          ...options,
          signal,
          onAsked: () => {
            if (current()) this.#dispatch({ kind: 'WatchAsked' });
          },
          onOpen: () => {
            if (current()) this.#dispatch({ kind: 'WatchOpened' });
          },
          onEvent: (event) => {
            if (current()) this.#dispatch({ kind: 'WatchEvent', event });
          },
        });
        if (current()) this.#dispatch({ kind: 'WatchEnded' });
      },
      (error) => this.#dispatch({ kind: 'WatchFailed', error }),
    );
  }

  /**
   * A server that has been restored from a backup is at an earlier version than the watch that broke. It would open the watch
   * and send nothing until it has come to that version again, by changes that nobody is told of. It counts as Gone: a list tells.
   */
  async #requireHistory(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const position = await this.#listWatch.position(signal);
    if (!isEarlier(position, resourceVersion)) return;
    if (!signal.aborted) this.#onWentBack?.();
    const message = `the server is at version ${position}, before ${resourceVersion} where the watch broke`;
    throw new ApiError({ code: 'Gone', status: 0, reason: '', message });
  }

  /** What a request does after it is no longer the current one (`current()` is false) is its own affair. */
  #request(
    run: (signal: AbortSignal, current: () => boolean) => Promise<void>,
    onError: (error: ApiError) => void,
  ): void {
    // What was waited for is over; what this request is given is said as it goes out.
    this.#clearTimer();
    if (this.#state.kind === 'Stopped') return;
    const flight = new AbortController();
    this.#flight = flight;
    const current = () => this.#flight === flight;
    const settled = run(flight.signal, current)
      .catch((thrown: unknown) => {
        if (current()) onError(apiErrorOf(thrown));
      })
      .finally(() => this.#unsettled.delete(settled));
    this.#unsettled.add(settled);
  }

  #deliver(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      this.#log.error({ err: thrown }, 'the receiver of a watch failed');
    }
  }

  #clearTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

function phaseOf(state: ReflectorState): ReflectorPhase {
  switch (state.kind) {
    case 'Listing':
    case 'Gathering':
      return 'Syncing';
    case 'Watching':
      return state.openedAt === undefined ? 'Connecting' : 'Watching';
    case 'Idle':
    case 'BackingOff':
    case 'Stopped':
      break;
  }
  return state.kind;
}

function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError({ code: 'Other', status: 0, reason: '', message: messageOf(thrown), cause: thrown });
}
