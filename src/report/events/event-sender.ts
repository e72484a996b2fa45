import { Backoff } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { LONGEST_PAUSE_MS } from '../../base/pause.ts';
import { SerialWork } from '../../base/serial-work.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import { Line } from '../../controller/line.ts';
import { ApiError, type ApiErrorCode } from '../../kube/errors.ts';
import { eventName } from '../../kube/event-name.ts';
import type { EventContent, EventPlace, EventSeries } from '../../kube/events.ts';
import { type Fact, factId } from './fact.ts';
import { RefusedNamespaces } from './refused-namespaces.ts';
import { contentOf, newStanding, type Standing, seriesOf } from './standing.ts';

/** What became of something that there was to tell. */
export type EventResult = 'Sent' | 'Repeated' | 'RolledUp' | 'Dropped' | 'Failed';

/** Both reject with ApiError. */
export interface EventRequests {
  create(place: EventPlace, content: EventContent, signal: AbortSignal): Promise<void>;
  repeat(place: EventPlace, series: EventSeries, signal: AbortSignal): Promise<void>;
}

export interface EventSenderOptions {
  readonly clock: Clock;
  readonly random?: () => number;
  readonly log: Log;
  readonly requests: EventRequests;
  /** Who tells: the pod or the machine, at most 128 characters. */
  readonly instance: string;
  /** Nothing is sent any more, and what is under way is left, from when it is aborted. */
  readonly signal: AbortSignal;
  /** Each thing that there was to tell is counted once. */
  readonly observe: (result: EventResult, count: number) => void;
}

/** Requests for Events, at most. */
const RATE = { burst: 30, perSecond: 5 };
/** Events that wait, at most. */
export const MAX_WAITING = 500;
/** Events that may still be repeated, at most. */
const MAX_STANDING = 2_000;
/** What happens again this long after it happened last is a new Event, in milliseconds; as client-go has it. */
const SERIES_ENDS_MS = 360_000;
/** A series that goes on is told of again no sooner than this, in milliseconds. */
const SERIES_GAP_MS = 30_000;
const TICK_MS = 10_000;
const TRIES = 5;
const RETRY = { initialMs: 500, maxMs: 10_000, factor: 2, jitter: 0.5, resetAfterMs: 60_000 };
const DRAIN_MS = 1_000;

/** The server is away, or has too much to do. */
const TRY_LATER: ReadonlySet<ApiErrorCode> = new Set([
  'TooManyRequests',
  'Unavailable',
  'Timeout',
  'Network',
  'ServerError',
  'Unauthorized',
]);
const NO_ANSWER: Pick<ApiError, 'code' | 'retryAfterMs'> = { code: 'Other', retryAfterMs: undefined };

/** A number: in so many milliseconds at least it may be tried again. */
type TryOutcome = 'Done' | 'Failed' | 'Dropped' | 'Again' | number;

/**
 * Sends Events as fast as is polite and no faster: what repeats becomes a series, what waits is bounded, what cannot be sent is
 * counted. Nothing ever waits for it.
 */
export class EventSender {
  readonly #options: EventSenderOptions;
  readonly #abort = new AbortController();
  readonly #bucket: TokenBucket;
  readonly #refused: RefusedNamespaces;
  readonly #standing = new Map<string, Standing>();
  readonly #waiting = new Line<Standing>();
  readonly #working = new SerialWork(() => this.#work());
  #cancelTick: (() => void) | undefined;
  #serial: bigint;
  #stopped = false;

  constructor(options: EventSenderOptions) {
    this.#options = options;
    const { clock, log, signal } = options;
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true });
    this.#bucket = new TokenBucket(RATE, clock);
    this.#refused = new RefusedNamespaces(clock, log);
    // In microseconds, as far as the clock goes; a restart begins further on.
    this.#serial = BigInt(Math.trunc(clock.now())) * 1_000n;
  }

  /** Events that wait to be sent. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** `rolledUp`: how many changes the fact stands for, itself not counted. */
  offer(fact: Fact, rolledUp = 0): void {
    const { clock } = this.#options;
    const id = factId(fact);
    const standing = this.#standing.get(id) ?? this.#begin(id, fact);
    if (standing === undefined) {
      this.#count('Dropped', 1 + rolledUp);
      return;
    }
    standing.count += 1;
    standing.rolledUp += rolledUp;
    standing.lastAt = clock.now();
    standing.lastSeen = clock.monotonic();
    // The first repetition makes it a series, and is told at once; later ones together.
    if (standing.told <= 1) this.#send(standing);
  }

  /** Sends what it can in a moment, and nothing after that. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick?.();
    const cancel = this.#options.clock.after(DRAIN_MS, () => this.#abort.abort());
    for (const standing of this.#standing.values()) if (standing.count > standing.told) this.#send(standing);
    await this.#working.running;
    cancel();
    this.#abort.abort();
    for (const standing of this.#standing.values()) this.#giveUp(standing, 'Dropped');
    this.#waiting.clear();
  }

  #begin(id: string, fact: Fact): Standing | undefined {
    if (this.#stopped || this.#waiting.size >= MAX_WAITING) return undefined;
    if (this.#standing.size >= MAX_STANDING) this.#forgetOne();
    const standing = newStanding(id, fact, this.#newName(fact), this.#options.clock.now());
    this.#standing.set(id, standing);
    this.#tickLater();
    return standing;
  }

  #newName({ regarding }: Fact): string {
    this.#serial += 1n;
    return eventName(regarding.name, this.#serial);
  }

  /** The one that stands longest and does not wait. */
  #forgetOne(): void {
    for (const standing of this.#standing.values()) {
      if (this.#waiting.has(standing)) continue;
      this.#giveUp(standing, 'Dropped');
      return;
    }
  }

  #tickLater(): void {
    if (this.#cancelTick !== undefined || this.#stopped) return;
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => {
      this.#cancelTick = undefined;
      this.#tick();
      if (this.#standing.size > 0) this.#tickLater();
    });
  }

  #tick(): void {
    const now = this.#options.clock.monotonic();
    for (const standing of this.#standing.values()) {
      const isQuiet = now - standing.lastSeen >= SERIES_ENDS_MS;
      if (standing.count > standing.told) {
        if (isQuiet || now - standing.sentAt >= SERIES_GAP_MS) this.#send(standing);
      } else if (isQuiet) this.#standing.delete(standing.id);
    }
  }

  #send(standing: Standing): void {
    this.#waiting.add(standing);
    this.#working.wake();
  }

  async #work(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#abort;
    while (this.#waiting.size > 0 && !signal.aborted) {
      const wait = this.#bucket.waitMs;
      if (wait > 0) {
        await sleep(clock, wait, signal).catch(() => {});
        continue;
      }
      const standing = this.#waiting.take();
      if (standing === undefined) return;
      if (standing.count === standing.told) continue;
      await this.#deliver(standing);
    }
  }

  async #deliver(standing: Standing): Promise<void> {
    const { clock, random } = this.#options;
    const backoff = new Backoff(RETRY, clock, random);
    for (let tries = 1; !this.#abort.signal.aborted; tries += 1) {
      if (!this.#refused.admits(standing.namespace)) break;
      this.#bucket.take();
      const retryAfterMs = await this.#try(standing, tries);
      if (retryAfterMs === 'Done') return;
      if (retryAfterMs === 'Dropped') return this.#giveUp(standing, 'Dropped');
      if (retryAfterMs === 'Failed' || tries === TRIES) break;
      if (retryAfterMs === 'Again') continue;
      const delay = Math.max(Math.min(retryAfterMs, LONGEST_PAUSE_MS), backoff.next());
      await sleep(clock, delay, this.#abort.signal).catch(() => {});
    }
    this.#giveUp(standing, this.#abort.signal.aborted ? 'Dropped' : 'Failed');
  }

  async #try(standing: Standing, tries: number): Promise<TryOutcome> {
    const { requests, clock, instance } = this.#options;
    const { told, count, rolledUp } = standing;
    const content = standing.exists ? undefined : contentOf(standing, instance);
    try {
      if (content === undefined) await requests.repeat(standing, seriesOf(standing), this.#abort.signal);
      else await requests.create(standing, content, this.#abort.signal);
    } catch (error) {
      const outcome = this.#afterError(standing, error, tries);
      if (outcome !== 'Done') return outcome;
    }
    this.#refused.accept(standing.namespace);
    standing.told = count;
    standing.exists = true;
    standing.sentAt = clock.monotonic();
    standing.rolledUp -= rolledUp;
    if (told === 0) this.#count('Sent', 1);
    this.#count('Repeated', count - Math.max(told, 1));
    this.#count('RolledUp', rolledUp);
    return 'Done';
  }

  #afterError(standing: Standing, error: unknown, tries: number): TryOutcome {
    const { namespace, fact, exists } = standing;
    const { code, retryAfterMs = 0 } = error instanceof ApiError ? error : NO_ANSWER;
    const reason = messageOf(error);
    if (TRY_LATER.has(code)) return retryAfterMs;
    // Whoever leads now tells of what it finds.
    if (code === 'NotLeading') return 'Dropped';
    // Without an answer, an earlier try may have been made all the same.
    if (code === 'Conflict' && !exists && tries > 1) return 'Done';
    if (code === 'Conflict' || (code === 'NotFound' && exists)) {
      // The name is taken, or the Event has expired: what goes on is told anew. Or somebody else changed it meanwhile.
      standing.exists = exists && code === 'Conflict';
      if (!standing.exists) standing.name = this.#newName(fact);
      return 'Again';
    }
    if (code === 'Forbidden' && !isTerminating(error)) this.#refused.refuse(namespace, reason);
    else this.#options.log.debug({ namespace, event: fact.reason, code, reason }, 'an Event was not taken');
    return 'Failed';
  }

  #giveUp(standing: Standing, result: 'Dropped' | 'Failed'): void {
    this.#standing.delete(standing.id);
    this.#count(result, standing.count - standing.told + standing.rolledUp);
  }

  #count(result: EventResult, count: number): void {
    if (count > 0) this.#options.observe(result, count);
  }
}

/** Nothing can be made in a namespace that is on its way out; that is nobody's fault. */
function isTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    (error.causes.some(({ reason }) => reason === 'NamespaceTerminating') ||
      error.message.includes('because it is being terminated'))
  );
}
