import type { CachedObject } from '../api/object.ts';
import { Backoff, type BackoffOptions, reflectorBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { ApiError } from '../kube/errors.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import { step } from './reflector-state.ts';
import type {
  ObjectEvent,
  ReflectorEffect,
  ReflectorInput,
  ReflectorState,
  RestartCause,
  StepContext,
} from './reflector-types.ts';
import { compareResourceVersions } from './resource-version.ts';

export type ReflectorPhase =
  | 'Idle'
  /** A list is on its way, the first or a later one. */
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
  #state: ReflectorState = { kind: 'Idle' };
  #flight: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  #items: CachedObject[] = [];
  #listed = false;
  #relists = 0;
  #lastError: ApiError | undefined;

  constructor({ listWatch, sink, clock, random, log, backoff = reflectorBackoff }: ReflectorOptions) {
    this.#listWatch = listWatch;
    this.#sink = sink;
    this.#clock = clock;
    this.#log = log;
    const delays = new Backoff(backoff, clock, random);
    this.#context = {
      get now() {
        return clock.monotonic();
      },
      random,
      nextDelay: () => delays.next(),
    };
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
      // The sink may have stopped us.
      if (this.#state.kind === 'Stopped' && state.kind !== 'Stopped') return;
    }
    if (news && this.#state === state) this.#deliver(() => this.#sink.state(this.status));
  }

  /** Keeps the error of the status; returns whether the status changed. */
  #remember(before: ReflectorState, input: ReflectorInput): boolean {
    const error = this.#lastError;
    if (input.kind === 'ListFailed' || input.kind === 'WatchFailed') this.#lastError = input.error;
    else if (input.kind === 'WatchEvent' && input.event.type === 'ERROR') this.#lastError = input.event.error;
    else if (this.#state.kind === 'BackingOff') this.#lastError = this.#state.error;
    else if (input.kind === 'WatchOpened') this.#lastError = undefined;
    return this.#lastError !== error || phaseOf(before) !== phaseOf(this.#state);
  }

  #run(effect: ReflectorEffect): void {
    switch (effect.kind) {
      case 'Cancel':
        this.#clearTimer();
        this.#flight?.abort();
        this.#flight = undefined;
        if (this.#state.kind === 'Stopped') this.#items = [];
        return;
      case 'List':
        this.#clearTimer();
        this.#list(effect);
        return;
      case 'Watch':
        this.#watch(effect);
        return;
      case 'SetTimer':
        this.#clearTimer();
        this.#cancelTimer = this.#clock.after(effect.ms, () => {
          this.#cancelTimer = undefined;
          this.#dispatch({ kind: 'TimerFired' });
        });
        return;
      case 'Replace': {
        const items = this.#items;
        this.#items = [];
        this.#listed = true;
        this.#deliver(() => this.#sink.replace(items, effect.resourceVersion));
        return;
      }
      case 'Apply':
        this.#deliver(() => this.#sink.apply(effect.event));
        return;
      case 'Bookmark':
        this.#deliver(() => this.#sink.bookmark(effect.resourceVersion));
        return;
      case 'CountRestart':
        this.#restarts[effect.cause] = (this.#restarts[effect.cause] ?? 0) + 1;
    }
  }

  #list(effect: Extract<ReflectorEffect, { kind: 'List' }>): void {
    if (effect.continue === '') {
      this.#items = [];
      if (this.#listed) this.#relists += 1;
      this.#deliver(() => this.#sink.listStarted());
    }
    const position = effect.continue === '' ? { resourceVersion: '' } : { continue: effect.continue };
    this.#request(
      async (signal, current) => {
        const page = await this.#listWatch.list({ ...position, limit: effect.limit, signal });
        if (!current()) return;
        for (const item of page.items) this.#items.push(item);
        this.#dispatch({ kind: 'PageListed', resourceVersion: page.resourceVersion, continue: page.continue });
      },
      (error) => this.#dispatch({ kind: 'ListFailed', error }),
    );
  }

  #watch({ resourceVersion, timeoutSeconds, resumed }: Extract<ReflectorEffect, { kind: 'Watch' }>): void {
    this.#request(
      async (signal, current) => {
        if (resumed) await this.#requireHistory(resourceVersion, signal);
        await this.#listWatch.watch({
          resourceVersion,
          timeoutSeconds,
          signal,
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
    const order = compareResourceVersions(position, resourceVersion);
    if (order === undefined || order >= 0) return;
    const message = `the server is at version ${position}, before ${resourceVersion} where the watch broke`;
    throw new ApiError({ code: 'Gone', status: 0, reason: '', message });
  }

  /** What a request does after it is no longer the current one (`current()` is false) is its own affair. */
  #request(
    run: (signal: AbortSignal, current: () => boolean) => Promise<void>,
    onError: (error: ApiError) => void,
  ): void {
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
