import { namesOf } from '../api/cohabitation.ts';
import { groupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { isGivenUp } from '../kube/errors.ts';
import type { KeyProtection } from '../policy/key-protection.ts';
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
  /** Whether a write of an object is wanted or under way: what it brings may not be in the store yet. */
  readonly isWriting: (id: KindId) => boolean;
  readonly protection: KeyProtection;
  /** Whether the ledger is this process's to write. */
  readonly leads: () => boolean;
  /** The ledger has forgotten a kind: it need not be watched any more for what is left of ours. */
  readonly onRelease: () => void;
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

  /** To be called when a kind has nothing left to do: where no policy writes it and nothing of ours is left, we let go. */
  releaseIfClean({ name, context }: WatchedKind): void {
    const { ledger, kinds, namespaces, isReady, isWriting, protection, onRelease } = this.#options;
    // Its objects may have been written when the server had them under another name.
    const recorded = namesOf(context)
      .map(groupResourceName)
      .filter((one) => ledger.kinds.has(one));
    if (recorded.length === 0) return;
    for (const id of kindIds(name, namespaces)) {
      const one = kinds.get(id);
      if (
        one === undefined ||
        one.isWritten ||
        !one.isWhole ||
        !isReady(one) ||
        one.hasOwnKeys(protection) ||
        isWriting(id)
      )
        return;
    }
    for (const one of recorded) ledger.forgetKind(one);
    onRelease();
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
