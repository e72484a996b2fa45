import { listed } from '../../api/words.ts';
import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Result } from '../../policy/program.ts';
import { counted } from './wording.ts';

export interface ResultDigestOptions {
  readonly clock: Clock;
  /** Not all objects are evaluated yet. */
  readonly isSettling: () => boolean;
  /** `changes`: how many results came or went that were told of nowhere else. */
  readonly tell: (digest: Digest) => void;
}

export interface Digest {
  /** Results that came, as text: `2,500 violations and 3 errors`; '' for none. */
  readonly found: string;
  readonly ended: number;
  readonly changes: number;
  /** Of the first evaluation of all objects, or of a changed policy. */
  readonly settled: boolean;
}

/** Results of one policy that are told of one by one, at most; what comes faster is rolled up. */
const SINGLE = { burst: 20, perSecond: 0.5 };
/** How long a burst is rolled up, in milliseconds... */
const ROLL_UP_MS = 10_000;
/** ...and a first evaluation, which may never end where a kind cannot be watched. */
const SETTLE_MS = 60_000;
const LOOK_MS = 1_000;

interface RollUp {
  readonly since: number;
  readonly settling: boolean;
  readonly came: Record<Result['result'], number>;
  ended: number;
}

/** Decides whether a change of a policy's results is told of by itself, or with others: all of a first evaluation, and bursts. */
export class ResultDigest {
  readonly #options: ResultDigestOptions;
  readonly #bucket: TokenBucket;
  #open: RollUp | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: ResultDigestOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(SINGLE, options.clock);
  }

  /** True when the change may be told of by itself; else it is in the next digest. `result`: that came; undefined: one ended. */
  isSingle(result: Result['result'] | undefined): boolean {
    if (this.#open === undefined) {
      const settling = this.#options.isSettling();
      if (!settling && this.#bucket.take()) return true;
      this.#open = {
        since: this.#options.clock.monotonic(),
        settling,
        came: { Violation: 0, Error: 0, Yielded: 0 },
        ended: 0,
      };
      this.#lookLater();
    }
    if (result === undefined) this.#open.ended += 1;
    else this.#open.came[result] += 1;
    return false;
  }

  /** The first evaluation may have ended: then what it found is told now, before anything that comes later is mixed with it. */
  look(): void {
    const { clock, isSettling } = this.#options;
    const open = this.#open;
    if (open === undefined) return;
    const age = clock.monotonic() - open.since;
    if (open.settling ? age >= SETTLE_MS || !isSettling() : age >= ROLL_UP_MS) this.flush();
  }

  /** Tells what is open, now. */
  flush(): void {
    const open = this.#open;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#open = undefined;
    if (open === undefined) return;
    const { came, ended, settling: settled } = open;
    this.#options.tell({
      found: foundText(came),
      ended,
      changes: came.Violation + came.Error + came.Yielded + ended,
      settled,
    });
  }

  #lookLater(): void {
    this.#cancel = this.#options.clock.after(LOOK_MS, () => {
      this.look();
      if (this.#open !== undefined) this.#lookLater();
    });
  }
}

function foundText({ Violation, Error: errors, Yielded }: RollUp['came']): string {
  const parts: string[] = [];
  if (Violation > 0) parts.push(counted(Violation, 'violation'));
  if (errors > 0) parts.push(counted(errors, 'error'));
  if (Yielded > 0) parts.push(counted(Yielded, 'yielded key'));
  return listed(parts, 'and');
}
