import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Discovery, DiscoverySnapshot } from '../kube/discovery.ts';
import { ApiError } from '../kube/errors.ts';

/** The server does not tell when discovery changes. What we expect to change is asked for soon and then less and less often. */
const FIRST_GAP_MS = 20;
const LAST_GAP_MS = 2_000;
/** Hundreds of CRDs may come at once. The first gap is for the first of them in a second; while they keep coming, it is this. */
const QUICKEN_EVERY_MS = 1_000;
const STEADY_GAP_MS = 100;
/** An answer may take long where much is served: we leave the server four times as long in peace, up to half a second. */
const PEACE_FACTOR = 4;
const MAX_PEACE_MS = 500;
/** Discovery follows a CRD or an APIService by itself, within this time in milliseconds where all is well. */
const SETTLE_MS = 2_000;
/** How long what is expected is asked after; a CRD may never become established. */
const EXPECT_FOR_MS = 30_000;
/** A server that asks for more than this has lost its clock. */
const MAX_WAIT_MS = 60_000;
/** Without any reason: what no trigger told of. */
const IDLE_GAP_MS = 60_000;

export interface DiscoveryWatchOptions {
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether something that we were told of (a CRD that came or went) is not to be seen in the snapshot yet. */
  readonly expectsChange: (snapshot: DiscoverySnapshot) => boolean;
  readonly onChange: (snapshot: DiscoverySnapshot) => void;
  /** It could not be read, and now it can. */
  readonly onRecovery?: () => void;
}

/** Keeps the discovery snapshot as new as the triggers ask for. */
export class DiscoveryWatch {
  readonly #options: DiscoveryWatchOptions;
  readonly #abort = new AbortController();
  #known: DiscoverySnapshot | undefined;
  #problem: string | undefined;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #gap = FIRST_GAP_MS;
  /** For how long the server asked to be left alone, in milliseconds. */
  #wait = 0;
  /** This and the next on the monotonic clock. */
  #triggeredAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #quickenedAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  #peaceUntil = Number.NEGATIVE_INFINITY;

  constructor(options: DiscoveryWatchOptions) {
    this.#options = options;
  }

  /** Undefined until the first answer. */
  get snapshot(): DiscoverySnapshot | undefined {
    return this.#known;
  }

  /** Why discovery cannot be read now; undefined when it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Something happened after which discovery may differ. Cheap: triggers that come together are one. */
  trigger(): void {
    if (this.#abort.signal.aborted) return;
    const now = this.#options.clock.monotonic();
    this.#triggeredAt = now;
    const quickens = now - this.#quickenedAt >= QUICKEN_EVERY_MS;
    const soonest = quickens ? FIRST_GAP_MS : STEADY_GAP_MS;
    if (quickens) {
      this.#quickenedAt = now;
      this.#gap = FIRST_GAP_MS;
    } else this.#gap = Math.min(this.#gap, soonest);
    // A request that runs may have been answered before what happened: the next one comes soon after it.
    if (this.#running !== undefined) return;
    const due = Math.max(this.#askedAt + soonest, this.#peaceUntil);
    if (due <= now) this.#ask();
    else if (due < this.#dueAt) this.#askIn(due - now);
  }

  /** Resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.#running;
  }

  #ask(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#askedAt = this.#options.clock.monotonic();
    this.#running = this.#refresh().finally(() => {
      this.#running = undefined;
      const now = this.#options.clock.monotonic();
      this.#peaceUntil = now + Math.max(this.#wait, Math.min((now - this.#askedAt) * PEACE_FACTOR, MAX_PEACE_MS));
      if (!this.#abort.signal.aborted) this.#askIn(this.#nextGap());
    });
  }

  #askIn(ms: number): void {
    this.#cancelTimer?.();
    this.#dueAt = this.#options.clock.monotonic() + ms;
    this.#cancelTimer = this.#options.clock.after(ms, () => this.#ask());
  }

  async #refresh(): Promise<void> {
    const { discovery, log, onChange } = this.#options;
    this.#wait = 0;
    try {
      const snapshot = await discovery.refresh(this.#abort.signal);
      this.#recovered();
      if (snapshot === this.#known || this.#abort.signal.aborted) return;
      this.#known = snapshot;
      onChange(snapshot);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const reason = messageOf(error);
      if (error instanceof ApiError) this.#wait = Math.min(error.retryAfterMs ?? 0, MAX_WAIT_MS);
      if (this.#problem === undefined) log.warn({ reason }, 'discovery cannot be read; what was known stays');
      this.#problem = reason;
    }
  }

  #recovered(): void {
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#options.log.info({}, 'discovery can be read again');
    this.#options.onRecovery?.();
  }

  #nextGap(): number {
    if (!this.#isDue()) return IDLE_GAP_MS;
    const gap = Math.max(this.#gap, this.#peaceUntil - this.#options.clock.monotonic());
    this.#gap = Math.min(gap * 1.5, LAST_GAP_MS);
    return gap;
  }

  /** Whether there is a reason to ask again before the usual time. */
  #isDue(): boolean {
    if (this.#problem !== undefined || this.#known === undefined) return true;
    const since = this.#options.clock.monotonic() - this.#triggeredAt;
    return since < SETTLE_MS || (since < EXPECT_FOR_MS && this.#options.expectsChange(this.#known));
  }
}
