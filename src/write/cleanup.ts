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
import { keysToLeave, type OwnKeys, ownKeys, type Spared, whyInseparable } from './own-keys.ts';

export interface CleanupOptions extends Spared {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Finds what would be removed, and removes nothing. */
  readonly dryRun: boolean;
  readonly writer: Pick<Writer, 'differs' | 'write'>;
  /** Of all objects of a kind, or of the one with a name. */
  readonly lister: (kind: KindContext, only?: ObjectName) => Pick<ListWatch, 'list'>;
  /** Writes in flight at once. */
  readonly width: number;
  readonly observe: CleanupObserver;
}

/** `namespace` is '' for a cluster-scoped object. */
export type ObjectName = Pick<CachedObject, 'namespace' | 'name'>;

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
  /** Keys that stay, because no policy may write them. */
  readonly protected: number;
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
      protected: 0,
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
    const { lister, signal, retained, protection, writer, observe } = this.#options;
    const list = lister(kind);
    const found: CachedObject[] = [];
    let next: string | undefined;
    do {
      const page = await list.list({ limit: PAGE, continue: next, signal });
      next = page.continue || undefined;
      tally.objects += page.items.length;
      const before = found.length;
      for (const object of page.items) {
        const own = ownKeys(object, protection);
        tally.protected += own.protected;
        if (!retained) tally.retained += own.retained;
        if (!writer.differs(object, keysToLeave(object, this.#options))) continue;
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
    const { clock, signal } = this.#options;
    const backoff = new Backoff(RETRY, clock);
    let picture: Picture = { object: found, isOld: false };
    let problem = 'it could not be written';
    for (let tries = 0; tries < TRIES; tries++) {
      const next = await this.#attempt(kind, picture);
      if (next.kind === 'Done') return undefined;
      if (next.kind === 'Failed') return next.problem;
      picture = next.picture;
      if (next.kind === 'Written') continue;
      problem = next.problem;
      await sleep(clock, Math.max(backoff.next(), next.afterMs), signal);
    }
    return problem;
  }

  /** One write of an object, which is read first where it is known to have changed. */
  async #attempt(kind: KindContext, picture: Picture): Promise<Next> {
    const { writer, signal } = this.#options;
    let object: CachedObject | undefined;
    try {
      object = picture.isOld ? await this.#readAgain(kind, picture.object) : picture.object;
    } catch (error) {
      signal.throwIfAborted();
      return { kind: 'Again', picture, afterMs: 0, problem: `it could not be read again: ${messageOf(error)}` };
    }
    if (object === undefined) return { kind: 'Done' };
    const desired: Desired = keysToLeave(object, this.#options);
    if (!writer.differs(object, desired)) return { kind: 'Done' };
    const inseparable = whyInseparable(object);
    if (inseparable !== undefined) return { kind: 'Failed', problem: inseparable };
    signal.throwIfAborted();
    return nextAfter(await writer.write(kind, object, desired, NO_WINNERS), object);
  }

  /** Undefined when the object is gone. Read as a list of one, so that the right to list is enough. */
  async #readAgain(kind: KindContext, { namespace, name, uid }: CachedObject): Promise<CachedObject | undefined> {
    const { lister, signal } = this.#options;
    const { items } = await lister(kind, { namespace, name }).list({ limit: 1, signal });
    const found = items.find((item) => item.name === name && item.namespace === namespace);
    if (found === undefined && items.length > 0) throw new Error('the API server sent another object');
    return found?.uid === uid ? found : undefined;
  }
}

function nextAfter(outcome: WriteOutcome, object: CachedObject): Next {
  const picture = { object, isOld: false };
  switch (outcome.kind) {
    case 'Written':
      if (outcome.answer.resourceVersion === object.resourceVersion)
        return { kind: 'Failed', problem: 'the API server took the write, but it changed nothing' };
      return { kind: 'Written', picture: { object: outcome.answer, isOld: false } };
    case 'Refused':
    case 'MissingRight':
    case 'NoServerSideApply':
      return { kind: 'Failed', problem: outcome.message };
    case 'Stale':
      return { kind: 'Again', picture: { object, isOld: true }, afterMs: 0, problem: 'it is changed all the time' };
    case 'Overloaded':
      return { kind: 'Again', picture, afterMs: outcome.afterMs, problem: 'the API server asks to wait' };
    case 'Unknown':
      return { kind: 'Again', picture, afterMs: 0, problem: outcome.message };
    case 'NotLeading':
      return { kind: 'Failed', problem: 'another process writes' };
    case 'Gone':
      break;
  }
  // One of several servers may not serve the kind yet: a list tells.
  const problem = 'the API server that takes writes knows no such object';
  return { kind: 'Again', picture: { object, isOld: true }, afterMs: 0, problem };
}

/** `isOld`: the server has said that the object has changed since. */
interface Picture {
  readonly object: CachedObject;
  readonly isOld: boolean;
}

type Next =
  | { readonly kind: 'Written'; readonly picture: Picture }
  /** Nothing of ours is left, or no object. */
  | { readonly kind: 'Done' }
  | { readonly kind: 'Failed'; readonly problem: string }
  | { readonly kind: 'Again'; readonly picture: Picture; readonly afterMs: number; readonly problem: string };

function toRemove({ applied, retained }: OwnKeys['labels'], alsoRetained: boolean): number {
  return alsoRetained ? applied + retained : applied;
}
