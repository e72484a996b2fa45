import { type CachedObject, objectKey } from '../api/object.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { Backoff, type BackoffOptions } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { WriteOutcome, Writer } from '../controller/writer.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import type { Desired } from '../policy/desired.ts';
import type { KindContext } from '../policy/program.ts';
import { NO_WINNERS } from '../policy/winners.ts';
import { keysToLeave, type OwnKeys, ownKeys } from './own-keys.ts';

export interface CleanupOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Finds what would be removed, and removes nothing. */
  readonly dryRun: boolean;
  /** Removes also the keys that are to stay when nothing wants them any more (`removalPolicy: Retain`, renamed keys). */
  readonly retained: boolean;
  readonly writer: Pick<Writer, 'differs' | 'write'>;
  readonly lister: (kind: KindContext) => Pick<ListWatch, 'list'>;
  /** Writes in flight at once. */
  readonly width: number;
  readonly observe: CleanupObserver;
}

/** Told as it goes on, for a progress bar. */
export interface CleanupObserver {
  /** A page of a kind was looked at; so many of its objects carry keys to remove. */
  listed(kind: GroupResourceName, objects: number, found: number): void;
  /** An object was cleaned, or cannot be. */
  handled(kind: GroupResourceName): void;
}

/** What came of one kind. */
export interface KindCleanup {
  readonly kind: GroupResourceName;
  /** Objects looked at. */
  readonly objects: number;
  /** Of these, with keys to remove. */
  readonly found: number;
  /** Of these, on which nothing of ours is left. In a dry run none. */
  readonly cleaned: number;
  /** Keys found that are to be removed. */
  readonly labels: number;
  readonly annotations: number;
  /** Keys that stay, because they are to be retained. */
  readonly retained: number;
  /** Why something is left, in words: the first reason that was met. */
  readonly problem: string | undefined;
}

const PAGE = 500;
const TRIES = 6;
const RETRY: BackoffOptions = { initialMs: 100, maxMs: 5_000, factor: 3, jitter: 0.5, resetAfterMs: 60_000 };

type Tally = { -readonly [K in keyof KindCleanup]: KindCleanup[K] };

/** Takes our keys off every object of a kind. Needs no policy and no operator: the objects themselves say what is ours. */
export class Cleanup {
  readonly #options: CleanupOptions;

  constructor(options: CleanupOptions) {
    this.#options = options;
  }

  /** Rejects only when the signal aborts: what goes wrong is in the answer. */
  async clean(kind: KindContext): Promise<KindCleanup> {
    const tally: Tally = {
      kind: groupResourceName(kind),
      objects: 0,
      found: 0,
      cleaned: 0,
      labels: 0,
      annotations: 0,
      retained: 0,
      problem: undefined,
    };
    const { signal, dryRun, width } = this.#options;
    try {
      // All pages first: a token for the next page would not outlive the writes of a large kind.
      const found = await this.#find(kind, tally);
      if (dryRun) return tally;
      // Workers share the list: each takes the next object as soon as it has done one.
      const rest = found.values();
      await Promise.all(Array.from({ length: width }, () => this.#worker(kind, rest, tally)));
    } catch (error) {
      if (signal.aborted) throw error;
      tally.problem ??= `its objects could not be listed: ${messageOf(error)}`;
    }
    return tally;
  }

  /** The objects that carry keys to remove. */
  async #find(kind: KindContext, tally: Tally): Promise<readonly CachedObject[]> {
    const { lister, signal, retained, writer, observe } = this.#options;
    const list = lister(kind);
    const found: CachedObject[] = [];
    let next: string | undefined;
    do {
      const page = await list.list({ limit: PAGE, continue: next, signal });
      next = page.continue || undefined;
      tally.objects += page.items.length;
      const before = found.length;
      for (const object of page.items) {
        const own = ownKeys(object);
        if (!retained) tally.retained += own.retained;
        if (!writer.differs(object, keysToLeave(object, { retained }))) continue;
        tally.labels += toRemove(own.labels, retained);
        tally.annotations += toRemove(own.annotations, retained);
        found.push(object);
      }
      observe.listed(tally.kind, page.items.length, found.length - before);
    } while (next !== undefined);
    tally.found = found.length;
    return found;
  }

  async #worker(kind: KindContext, objects: Iterable<CachedObject>, tally: Tally): Promise<void> {
    for (const object of objects) {
      const problem = await this.#cleanObject(kind, object);
      if (problem === undefined) tally.cleaned += 1;
      else tally.problem ??= `${objectKey(object)}: ${problem}`;
      this.#options.observe.handled(tally.kind);
    }
  }

  /** Resolves to what is wrong, or undefined once nothing of ours is left. */
  async #cleanObject(kind: KindContext, found: CachedObject): Promise<string | undefined> {
    const { writer, clock, signal, retained } = this.#options;
    const backoff = new Backoff(RETRY, clock);
    let object = found;
    let problem = 'it could not be written';
    for (let tries = 0; tries < TRIES; tries++) {
      const desired: Desired = keysToLeave(object, { retained });
      if (!writer.differs(object, desired)) return undefined;
      signal.throwIfAborted();
      const outcome = await writer.write(kind, object, desired, NO_WINNERS);
      const next = nextAfter(outcome, object);
      if (next.kind === 'Gone') return undefined;
      if (next.kind === 'Failed') return next.problem;
      if (next.kind === 'Written') {
        object = next.object;
        continue;
      }
      problem = next.problem;
      await sleep(clock, Math.max(backoff.next(), next.afterMs), signal);
    }
    return problem;
  }
}

function nextAfter(outcome: WriteOutcome, before: CachedObject): Next {
  switch (outcome.kind) {
    case 'Written':
      if (outcome.answer.resourceVersion !== before.resourceVersion) return { kind: 'Written', object: outcome.answer };
      return { kind: 'Failed', problem: 'the API server took the write, but it changed nothing' };
    case 'Refused':
    case 'MissingRight':
    case 'NoServerSideApply':
      return { kind: 'Failed', problem: outcome.message };
    case 'Stale':
      return { kind: 'Again', afterMs: 0, problem: 'it is changed all the time' };
    case 'Overloaded':
      return { kind: 'Again', afterMs: outcome.afterMs, problem: 'the API server asks to wait' };
    case 'Unknown':
      return { kind: 'Again', afterMs: 0, problem: outcome.message };
    case 'NotLeading':
      return { kind: 'Failed', problem: 'another process writes' };
    case 'Gone':
      break;
  }
  return { kind: 'Gone' };
}

type Next =
  | { readonly kind: 'Written'; readonly object: CachedObject }
  | { readonly kind: 'Gone' }
  | { readonly kind: 'Failed'; readonly problem: string }
  | { readonly kind: 'Again'; readonly afterMs: number; readonly problem: string };

function toRemove({ applied, retained }: OwnKeys['labels'], alsoRetained: boolean): number {
  return alsoRetained ? applied + retained : applied;
}
