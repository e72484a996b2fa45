import type { Informer } from '../informer/informer.ts';
import type { WatchId } from '../informer/watch-spec.ts';
import type { DiscoveryWatch } from './discovery-watch.ts';
import type { Ledger } from './ledger.ts';
import type { PolicySet } from './policy-set.ts';
import { API_SERVICES_ID, CRDS_ID, POLICIES_ID } from './system-watches.ts';

export interface PrerequisitesOptions {
  readonly registry: { readonly get: (id: WatchId) => Pick<Informer, 'synced' | 'lastError'> | undefined };
  readonly discovery: Pick<DiscoveryWatch, 'snapshot' | 'problem'>;
  readonly ledger: Pick<Ledger, 'problem'>;
  readonly policies: Pick<PolicySet, 'underWay'>;
}

/** What must be known before it can be said which kinds to watch: policies, who serves what, and the ledger. */
export class Prerequisites {
  readonly #options: PrerequisitesOptions;
  #ledgerLoaded = false;
  #policiesCompiled = false;

  constructor(options: PrerequisitesOptions) {
    this.#options = options;
  }

  ledgerLoaded(): void {
    this.#ledgerLoaded = true;
  }

  /** Somebody else may have changed it. */
  ledgerOutdated(): void {
    this.#ledgerLoaded = false;
  }

  /** They are listed anew, and what is new among them is compiled before anything else. */
  policiesOutdated(): void {
    this.#policiesCompiled = false;
  }

  /** From here on every kind is on its way. */
  get met(): boolean {
    const known = this.#ledgerLoaded && this.#options.discovery.snapshot !== undefined;
    const served = this.#isSynced(CRDS_ID) && this.#apiServicesTried;
    return known && served && this.#isSynced(POLICIES_ID) && this.#compiledOnce;
  }

  /** What is missing, in words; empty when nothing is. */
  missing(): readonly string[] {
    const { registry, discovery, ledger } = this.#options;
    const reasons: string[] = [];
    for (const [id, what] of [
      [POLICIES_ID, 'WatchPolicies'],
      [CRDS_ID, 'CustomResourceDefinitions'],
    ] as const) {
      if (this.#isSynced(id)) continue;
      const error = registry.get(id)?.lastError;
      reasons.push(error === undefined ? `${what} are not listed yet` : `${what} cannot be listed: ${error.message}`);
    }
    if (this.#isSynced(POLICIES_ID) && !this.#compiledOnce) reasons.push('WatchPolicies are not compiled yet');
    if (!this.#apiServicesTried) reasons.push('APIServices are not listed yet');
    if (discovery.snapshot === undefined) {
      const { problem } = discovery;
      reasons.push(problem === undefined ? 'discovery is not read yet' : `discovery cannot be read: ${problem}`);
    }
    if (!this.#ledgerLoaded) {
      const { problem } = ledger;
      reasons.push(problem === undefined ? 'the ledger is not read yet' : `the ledger cannot be read: ${problem}`);
    }
    return reasons;
  }

  /** Of all policies of the first list it is known what they say; a later one that takes its time holds up nobody else. */
  get #compiledOnce(): boolean {
    this.#policiesCompiled ||= this.#isSynced(POLICIES_ID) && this.#options.policies.underWay === 0;
    return this.#policiesCompiled;
  }

  /** Who serves aggregated kinds is known, or we cannot know it. */
  get #apiServicesTried(): boolean {
    const informer = this.#options.registry.get(API_SERVICES_ID);
    return informer !== undefined && (informer.synced || informer.lastError !== undefined);
  }

  #isSynced(id: WatchId): boolean {
    return this.#options.registry.get(id)?.synced === true;
  }
}
