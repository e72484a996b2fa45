import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Discovery, DiscoverySnapshot } from '../kube/discovery.ts';

/** The server does not tell when discovery changes. What we expect to change is asked for soon and then less and less often. */
const FIRST_GAP_MS = 20;
const LAST_GAP_MS = 2_000;
/** Discovery follows a CRD or an APIService by itself, within this time in milliseconds where all is well. */
const SETTLE_MS = 2_000;
/** How long what is expected is asked after; a CRD may never become established. */
const EXPECT_FOR_MS = 30_000;
/** Without any reason: what no trigger told of. */
const IDLE_GAP_MS = 60_000;

export interface DiscoveryWatchOptions {
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether something that we were told of (a CRD that came or went) is not to be seen in the snapshot yet. */
  readonly expectsChange: (snapshot: DiscoverySnapshot) => boolean;
  readonly onChange: (snapshot: DiscoverySnapshot) => void;
}

/** Keeps the discovery snapshot as new as the triggers ask for. */
export class DiscoveryWatch {
  readonly #options: DiscoveryWatchOptions;
  readonly #abort = new AbortController();
  #known: DiscoverySnapshot | undefined;
  #failing = false;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #gap = FIRST_GAP_MS;
  /** This and the next on the monotonic clock. */
  #triggeredAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DiscoveryWatchOptions) {
    this.#options = options;
  }

  /** Undefined until the first answer. */
  get snapshot(): DiscoverySnapshot | undefined {
    return this.#known;
  }

  /** Something happened after which discovery may differ. Cheap: triggers that come together are one. */
  trigger(): void {
    if (this.#abort.signal.aborted) return;
    const now = this.#options.clock.monotonic();
    this.#triggeredAt = now;
    this.#gap = FIRST_GAP_MS;
    // A request that runs may have been answered before what happened: the next one comes soon after it.
    if (this.#running !== undefined) return;
    if (now - this.#askedAt >= FIRST_GAP_MS) this.#ask();
    else this.#askIn(this.#askedAt + FIRST_GAP_MS - now);
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
      if (!this.#abort.signal.aborted) this.#askIn(this.#nextGap());
    });
  }

  #askIn(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(ms, () => this.#ask());
  }

  async #refresh(): Promise<void> {
    const { discovery, log, onChange } = this.#options;
    try {
      const snapshot = await discovery.refresh(this.#abort.signal);
      if (this.#failing) log.info({}, 'discovery can be read again');
      this.#failing = false;
      if (snapshot === this.#known || this.#abort.signal.aborted) return;
      this.#known = snapshot;
      onChange(snapshot);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!this.#failing) log.warn({ reason: messageOf(error) }, 'discovery cannot be read; what was known stays');
      this.#failing = true;
    }
  }

  #nextGap(): number {
    if (!this.#isDue()) return IDLE_GAP_MS;
    const gap = this.#gap;
    this.#gap = Math.min(gap * 1.5, LAST_GAP_MS);
    return gap;
  }

  /** Whether there is a reason to ask again before the usual time. */
  #isDue(): boolean {
    if (this.#failing || this.#known === undefined) return true;
    const since = this.#options.clock.monotonic() - this.#triggeredAt;
    return since < SETTLE_MS || (since < EXPECT_FOR_MS && this.#options.expectsChange(this.#known));
  }
}
