import { namesOf } from '../api/cohabitation.ts';
import { type GroupResourceName, groupResourceName, parseGroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { isGivenUp } from '../kube/errors.ts';
import type { KeyProtection } from '../policy/key-protection.ts';
import type { KindContext } from '../policy/program.ts';
import { compileReachedKinds, type Reach } from '../policy/reach.ts';
import { type KindId, kindIds, type Namespaces } from '../watchplan/limits.ts';
import type { KindSet } from './kind-set.ts';
import type { Ledger } from './ledger.ts';
import type { WatchedKind } from './watched-kind.ts';

/** What the ledger must forget can wait, in milliseconds; what it must know is written before objects are. */
const FLUSH_RETRY_MS = 10_000;

export interface LedgerUpkeepOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly namespaces: Namespaces;
  readonly kinds: Pick<KindSet, 'get'>;
  readonly isReady: (kind: WatchedKind) => boolean;
  /** Whether an object waits for evaluation, or a write is wanted or under way: what it brings may not be in the store yet. */
  readonly isBusy: (id: KindId) => boolean;
  readonly protection: KeyProtection;
  /** Whether the ledger is this process's to write. */
  readonly leads: () => boolean;
  /** There is less on record than is planned by: a kind need not be watched any more, or a policy's keys not be looked for. */
  readonly onRelease: () => void;
  /** The ledger lacked what it knows now: what is planned by it counts no more. */
  readonly onMended: () => void;
}

/** Keeps the ledger no larger than it must be, and tries again what of it could not be written. */
export class LedgerUpkeep {
  readonly #options: LedgerUpkeepOptions;
  #flushing: Promise<void> | undefined;
  #cancelFlush: (() => void) | undefined;
  #stopped = false;

  constructor(options: LedgerUpkeepOptions) {
    this.#options = options;
  }

  /** To be called when a kind has nothing left to do. */
  kindIdle(kind: WatchedKind): void {
    this.#settleRecords();
    this.#releaseIfClean(kind);
  }

  /** Where no policy writes it and nothing of ours is left, also by a list that is made for this, we let go. */
  #releaseIfClean({ name, context }: WatchedKind): void {
    const { ledger, kinds, namespaces, onRelease } = this.#options;
    const recorded = this.#recorded(context);
    if (recorded.length === 0) return;
    const all = kindIds(name, namespaces).map((id) => kinds.get(id));
    if (!all.every((one) => one !== undefined && this.#isClean(one))) return;
    // All of them, not until the first that is not.
    if (all.filter((one) => one?.verify() !== true).length > 0) return;
    for (const one of recorded) ledger.forgetKind(one);
    onRelease();
  }

  /**
   * Objects of the kind carry keys of ours. Where that is not on record, it was lost, with more than this perhaps: the ledger is
   * mended before anything is evaluated again. Returns whether the kind was on record.
   */
  isKnown({ name, context }: WatchedKind): boolean {
    if (this.#recorded(context).length > 0) return true;
    const { ledger, log, onMended } = this.#options;
    log.warn(
      { kind: name },
      'objects carry keys that we own, and the ledger does not name their kind: it is put there',
    );
    ledger.mend(name);
    onMended();
    return false;
  }

  /** What policies were enforced with before is left nowhere once all objects within reach of it are as wanted now. */
  #settleRecords(): void {
    const { ledger, onRelease } = this.#options;
    let isSettled = false;
    let isHandedOver = false;
    for (const policy of ledger.narrowed.keys()) {
      const record = ledger.policies.get(policy);
      if (record !== undefined && !this.#isThrough(record.reach)) continue;
      ledger.settled(policy);
      isSettled = true;
      isHandedOver ||= record?.removal === 'HandOver';
    }
    if (isSettled) this.flush();
    if (isHandedOver) onRelease();
  }

  #isThrough(reach: Reach): boolean {
    const { ledger, kinds, namespaces, isReady, isBusy } = this.#options;
    const isReached = compileReachedKinds(reach);
    for (const name of ledger.kinds) {
      if (!isReached({ ...parseGroupResourceName(name), scope: 'Namespaced' })) continue;
      for (const id of kindIds(name, namespaces)) {
        const kind = kinds.get(id);
        if (kind === undefined || !isReady(kind) || !kind.isThrough || kind.holdsWrites() || isBusy(id)) return false;
      }
    }
    return true;
  }

  #isClean(kind: WatchedKind): boolean {
    const { isReady, isBusy, protection } = this.#options;
    return !kind.isWritten && kind.isWhole && isReady(kind) && !kind.hasOwnKeys(protection) && !isBusy(kind.id);
  }

  /** The names under which the kind is on record: its objects may have been written when the server had them under another one. */
  #recorded(context: KindContext): readonly GroupResourceName[] {
    const { ledger } = this.#options;
    return namesOf(context)
      .map(groupResourceName)
      .filter((one) => ledger.kinds.has(one));
  }

  /** The server's copy may be another one than ours. */
  outdated(): void {
    this.#options.ledger.outdated();
    this.flush();
  }

  /** Brings the server's copy up to date, as soon as that can be. */
  flush(): void {
    const { clock, ledger, log, leads } = this.#options;
    this.#cancelFlush?.();
    if (!leads()) return;
    this.#flushing = ledger.flush().catch((error: unknown) => {
      if (this.#stopped || isGivenUp(error)) return;
      log.warn({ reason: messageOf(error) }, 'the ledger could not be brought up to date; that is tried again');
      this.#cancelFlush?.();
      this.#cancelFlush = clock.after(FLUSH_RETRY_MS, () => this.flush());
    });
  }

  /** Resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelFlush?.();
    await this.#flushing;
  }
}
