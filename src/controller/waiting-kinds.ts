import type { GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { Throttle } from '../base/throttle.ts';
import type { Informer } from '../informer/informer.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Awaited } from '../watchplan/awaited.ts';
import type { KindSet } from './kind-set.ts';

/** How often kinds that fail are tried at once because who serves them changed, in milliseconds. */
const RETRY_GAP_MS = 250;

export interface WaitingKindsOptions {
  readonly clock: Clock;
  readonly kinds: Pick<KindSet, 'values' | 'retry'>;
  /** Of the present plan: what is wanted and not served. */
  readonly awaited: () => Awaited;
  /** The informer of CRDs; undefined while there is none. */
  readonly crds: () => Informer | undefined;
}

/** Kinds that wait for who serves them: not served yet, or served and failing. Says when to look again, and tries them. */
export class WaitingKinds {
  readonly #options: WaitingKindsOptions;
  readonly #retries: Throttle;
  /** API groups whose failing kinds are to be tried now. */
  #mended = new Set<string>();
  #discovered: DiscoverySnapshot | undefined;

  constructor(options: WaitingKindsOptions) {
    this.#options = options;
    this.#retries = new Throttle(options.clock, RETRY_GAP_MS, () => {
      const groups = this.#mended;
      this.#mended = new Set();
      options.kinds.retry(groups);
    });
  }

  /** Whether a kind of this API group is named by a policy and not served yet, or cannot be listed or watched. */
  isAwaited(group: string): boolean {
    const { awaited, kinds } = this.#options;
    if (awaited().group(group)) return true;
    for (const { context, views } of kinds.values()) {
      if (context.group === group && views.some(({ informer }) => informer.lastError !== undefined)) return true;
    }
    return false;
  }

  /** A CRD of a kind that we want came or went, and discovery does not show it yet. */
  expectsChange(snapshot: DiscoverySnapshot): boolean {
    const { awaited, kinds } = this.#options;
    const crds = this.#options.crds();
    if (crds === undefined || !crds.synced) return true;
    for (const { name } of crds.store.values()) if (!snapshot.has(name) && awaited().resource(name)) return true;
    for (const { name, views } of kinds.values()) {
      for (const { context, informer } of views) {
        const isGone = informer.lastError?.code === 'NotFound';
        if (isGone && isServed(name, context.version, snapshot)) return true;
      }
    }
    return false;
  }

  /** What serves the kinds of this API group may be mended: those that fail are tried, once for many causes. */
  mended(group: string): void {
    this.#mended.add(group);
    this.#retries.call();
  }

  /** Kinds that discovery shows in another way than before may be mended. */
  discovered(snapshot: DiscoverySnapshot): void {
    for (const { name, context } of this.#options.kinds.values()) {
      if (snapshot.get(name) !== this.#discovered?.get(name)) this.mended(context.group);
    }
    this.#discovered = snapshot;
  }

  /** Leaves no timer. */
  stop(): void {
    this.#retries.stop();
  }
}

function isServed(name: GroupResourceName, wanted: string, snapshot: DiscoverySnapshot): boolean {
  return snapshot.get(name)?.versions.some(({ version }) => version === wanted) === true;
}
