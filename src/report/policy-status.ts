import { isDeepStrictEqual } from 'node:util';
import { type WatchPolicyStatus, watchPolicyStatusSchema } from '../api/status.ts';
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { PolicyEntry } from '../controller/policy-set.ts';
import { isEarlier } from '../informer/resource-version.ts';
import { ApiError, isGivenUp } from '../kube/errors.ts';
import { withoutCounts } from './status.ts';
import type { StatusPace } from './status-pace.ts';
import type { StatusTroubles } from './status-troubles.ts';

/** Changes that come together are looked at together... */
const GATHER_MS = 20;
/** ...and a look that led to no write is not taken again before this: objects may change all the time. */
const LOOK_GAP_MS = 100;
/** A policy whose objects are not all evaluated yet, or not any more, usually soon is: one write instead of two, or none. */
const SYNCING_GATHER_MS = 300;
/** So much longer where an earlier process has said of this very spec all that there is to say: most likely it is still so. */
const KNOWN_GATHER_MS = 5_000;
/** No policy's status is written more often than this... */
const MIN_GAP_MS = 1_000;
/** ...nor, when only counts moved, than this; and not while they still move, unless they do for as long as this. */
const COUNTS_GAP_MS = 30_000;
/** Counts that did not move for this long have come to rest. */
const COUNTS_REST_MS = 1_000;
const RETRY = { initialMs: 500, maxMs: 60_000, factor: 2, jitter: 0.5, resetAfterMs: 300_000 };
/** No version that there is. */
const UNKNOWN = '';
const LONG_AGO = Number.NEGATIVE_INFINITY;

export interface PolicyStatusOptions {
  readonly clock: Clock;
  readonly random?: () => number;
  readonly entry: (policy: string) => PolicyEntry | undefined;
  /**
   * The status as it should be; `previous` is what stands there. `settled`: nothing better is to be expected in a moment,
   * as all objects are evaluated.
   */
  readonly build: (
    entry: PolicyEntry,
    previous: WatchPolicyStatus,
  ) => { readonly status: WatchPolicyStatus; readonly settled: boolean };
  /**
   * Writes the status to this version of the policy; resolves to its new resourceVersion. Rejects with ApiError, 'Conflict' when
   * another version stands there.
   */
  readonly write: (entry: PolicyEntry, status: WatchPolicyStatus, resourceVersion: string) => Promise<string>;
  readonly observe?: StatusObserver;
  readonly troubles: StatusTroubles;
  /** Has a status looked at when it is its turn: those of a thousand policies may be due at the same moment. */
  readonly whenFree: (look: () => void) => void;
  /** All policies' own. */
  readonly pace: StatusPace;
}

/** Told of status writes; must not throw. */
export interface StatusObserver {
  /** `before` stood there until then. `seconds`: since the first change that is in it; `onlyCounts`: such a write is put off. */
  written(entry: PolicyEntry, before: WatchPolicyStatus, after: WatchPolicyStatus, write: StatusWrite): void;
  failed(): void;
}

export interface StatusWrite {
  readonly seconds: number;
  readonly onlyCounts: boolean;
}

/**
 * The status of one policy, from the moment that the policy is seen: what stands on the server, and what is due. Times are on
 * the monotonic clock.
 */
export class PolicyStatus {
  readonly uid: string;
  readonly #name: string;
  readonly #options: PolicyStatusOptions;
  /** What stands on the server as far as we know, and in which version of the object. */
  #standing: WatchPolicyStatus;
  #standingVersion: string;
  /** As the watch has shown it last. */
  #seenVersion: string;
  #generation: number;
  /** When this generation was first seen. */
  #seenAt: number;
  #touchedAt = LONG_AGO;
  /** Since when something may differ from what stands there. */
  #changedAt: number | undefined;
  #lookedAt = LONG_AGO;
  /** No write before this. */
  #notBefore = LONG_AGO;
  /** When only counts were written last, and since when nothing but counts differs from what stands there. */
  #countsWrittenAt = LONG_AGO;
  #countsDifferSince: number | undefined;
  /** When it may be written, of all policies' statuses; a turn that was taken and not used yet. */
  #turnAt: number | undefined;
  /** Something may have changed since the last look. */
  #dirty = false;
  #timer: { readonly dueAt: number; readonly cancel: () => void } | undefined;
  /** It is due, and waits for its turn. */
  #isDue = false;
  #writing: Promise<void> | undefined;
  #closed = false;
  #backoff: Backoff | undefined;

  constructor({ name, uid, generation, object }: PolicyEntry, options: PolicyStatusOptions) {
    this.uid = uid;
    this.#name = name;
    this.#options = options;
    this.#standing = statusOf(object.body?.['status']);
    this.#standingVersion = object.resourceVersion;
    this.#seenVersion = object.resourceVersion;
    this.#generation = generation;
    this.#seenAt = options.clock.monotonic();
  }

  get standing(): WatchPolicyStatus {
    return this.#standing;
  }

  /** The policy was seen again, with the status that stands in it. */
  seen(entry: PolicyEntry): void {
    if (this.#writing === undefined) this.#takeOver(entry);
    if (this.#generation !== entry.generation) {
      this.#generation = entry.generation;
      this.#seenAt = this.#options.clock.monotonic();
    }
    this.touch();
  }

  /** Something that the status depends on may have changed. */
  touch(): void {
    const now = this.#options.clock.monotonic();
    this.#dirty = true;
    this.#touchedAt = now;
    this.#changedAt ??= now;
    const earliest = Math.max(now + GATHER_MS, this.#lookedAt + LOOK_GAP_MS, this.#notBefore, this.#turnAt ?? now);
    if (this.#writing === undefined) this.#lookIn(earliest - now);
  }

  /**
   * Ends it after a last write of what is known and complete, where the policy is still there and it is its turn: the next process
   * writes the others. Resolves when no write is under way.
   */
  async finish(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#writing;
    if (this.#dirty) await this.#lastLook();
    await this.#writing;
  }

  #lastLook(): Promise<void> {
    return new Promise((looked) => {
      this.#options.whenFree(() => {
        this.#look('Last');
        looked();
      });
    });
  }

  /** An earlier appointment stands. */
  #lookIn(ms: number): void {
    if (this.#closed || this.#isDue) return;
    const { clock, whenFree } = this.#options;
    const dueAt = clock.monotonic() + ms;
    if (this.#timer !== undefined && this.#timer.dueAt <= dueAt) return;
    this.#timer?.cancel();
    const cancel = clock.after(ms, () => {
      this.#timer = undefined;
      this.#isDue = true;
      whenFree(() => {
        this.#isDue = false;
        if (!this.#closed) this.#look('Usual');
      });
    });
    this.#timer = { dueAt, cancel };
  }

  #look(occasion: 'Usual' | 'Last'): void {
    const { entry: entryOf, build, clock } = this.#options;
    const entry = entryOf(this.#name);
    if (entry?.uid !== this.uid) return;
    const { status, settled } = build(entry, this.#standing);
    this.#dirty = false;
    this.#lookedAt = clock.monotonic();
    if (isDeepStrictEqual(status, this.#standing)) {
      this.#countsDifferSince = undefined;
      this.#changedAt = undefined;
      this.#turnAt = undefined;
      return;
    }
    const wait = this.#wait(status, settled);
    const wanted = occasion === 'Last' ? settled : wait <= 0;
    const turnIn = wanted ? this.#turnIn() : 0;
    if (wanted && turnIn <= 0) {
      this.#turnAt = undefined;
      this.#writing = this.#write(entry, status);
      return;
    }
    this.#dirty = true;
    this.#lookIn(Math.max(wait, turnIn));
  }

  /** How long a write that is due has to wait for those of other policies, in milliseconds. */
  #turnIn(): number {
    this.#turnAt ??= this.#options.pace.turn();
    return this.#turnAt - this.#options.clock.monotonic();
  }

  /** How long a write can wait for a better one, in milliseconds. */
  #wait(status: WatchPolicyStatus, settled: boolean): number {
    const now = this.#options.clock.monotonic();
    if (!isDeepStrictEqual(withoutCounts(status), withoutCounts(this.#standing))) {
      this.#countsDifferSince = undefined;
      if (settled) return 0;
      const firstLook = this.#seenAt + (this.#isKnown ? KNOWN_GATHER_MS : SYNCING_GATHER_MS);
      return Math.max(firstLook, (this.#changedAt ?? now) + SYNCING_GATHER_MS) - now;
    }
    this.#countsDifferSince ??= now;
    const rest = Math.min(this.#touchedAt + COUNTS_REST_MS, this.#countsDifferSince + COUNTS_GAP_MS);
    return Math.max(rest, this.#countsWrittenAt + COUNTS_GAP_MS) - now;
  }

  get #isKnown(): boolean {
    const { observedGeneration, conditions = [] } = this.#standing;
    const compliant = conditions.find(({ type }) => type === 'Compliant');
    return observedGeneration === this.#generation && compliant !== undefined && compliant.reason !== 'Evaluating';
  }

  async #write(entry: PolicyEntry, status: WatchPolicyStatus): Promise<void> {
    const { clock, random, troubles, write, observe } = this.#options;
    const onlyCounts = this.#countsDifferSince !== undefined;
    this.#countsDifferSince = undefined;
    const before = this.#standing;
    const changedAt = this.#changedAt ?? clock.monotonic();
    this.#changedAt = undefined;
    try {
      this.#standingVersion = await write(entry, status, this.#standingVersion);
      this.#standing = status;
      if (onlyCounts) this.#countsWrittenAt = clock.monotonic();
      this.#backoff = undefined;
      troubles.written();
      observe?.written(entry, before, status, { seconds: (clock.monotonic() - changedAt) / 1_000, onlyCounts });
    } catch (error) {
      const code = error instanceof ApiError ? error.code : undefined;
      if (isGivenUp(error)) {
        // We stop, or somebody else writes it: that is no trouble.
        this.#changedAt = changedAt;
        this.#dirty = true;
      } else if (code !== 'NotFound') {
        // Of a policy that is gone the watch tells.
        this.#changedAt = changedAt;
        this.#backoff ??= new Backoff(RETRY, clock, random);
        this.#dirty = true;
        // Our picture was old, and is no trouble: the watch brings a newer one, or that of a server that went back in time.
        if (code === 'Conflict') this.#standingVersion = UNKNOWN;
        else {
          observe?.failed();
          troubles.failed(this.#name, error);
        }
      }
    }
    this.#writing = undefined;
    this.#notBefore = clock.monotonic() + Math.max(MIN_GAP_MS, this.#backoff?.next() ?? 0);
    const seen = this.#options.entry(this.#name);
    if (seen !== undefined) this.#takeOver(seen);
    if (this.#dirty) this.#lookIn(this.#notBefore - clock.monotonic());
  }

  /** What stands in a newer version of the policy counts, whoever wrote it. */
  #takeOver({ uid, object }: PolicyEntry): void {
    if (uid !== this.uid) return;
    // A restored etcd goes back, and what was written since then is gone.
    const wentBack = isEarlier(object.resourceVersion, this.#seenVersion);
    this.#seenVersion = object.resourceVersion;
    const isKnown = this.#standingVersion !== UNKNOWN && !wentBack;
    if (isKnown && !isEarlier(this.#standingVersion, object.resourceVersion)) return;
    this.#standing = statusOf(object.body?.['status']);
    this.#standingVersion = object.resourceVersion;
    this.#dirty = true;
  }
}

/** What another version wrote, or somebody by hand, may not be a status: then it is as if there were none. */
function statusOf(raw: unknown): WatchPolicyStatus {
  const parsed = watchPolicyStatusSchema.safeParse(raw ?? {});
  return parsed.success ? parsed.data : {};
}
