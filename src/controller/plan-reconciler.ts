import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../base/log.ts';
import type { InformerRegistry } from '../informer/registry.ts';
import type { WatchId } from '../informer/watch-spec.ts';
import { Awaited } from '../watchplan/awaited.ts';
import type { Namespaces } from '../watchplan/limits.ts';
import { type Plan, planWatches } from '../watchplan/plan.ts';
import { Expansions } from '../watchplan/targets.ts';
import type { DiscoveryWatch } from './discovery-watch.ts';
import { HeldKeys, recordsToHold } from './held-keys.ts';
import type { Incarnations } from './incarnations.ts';
import type { KindSet } from './kind-set.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerUpkeep } from './ledger-upkeep.ts';
import type { MetaObserver } from './meta-observer.ts';
import type { PolicySet } from './policy-set.ts';
import type { Prerequisites } from './prerequisites.ts';
import type { Reevaluation } from './reevaluation.ts';
import { API_SERVICES_ID, CRDS_ID, desiredWatches } from './system-watches.ts';

export interface PlanReconcilerOptions {
  readonly log: Log;
  readonly namespaces: Namespaces;
  readonly policies: PolicySet;
  readonly ledger: Ledger;
  readonly upkeep: Pick<LedgerUpkeep, 'flush'>;
  readonly discovery: Pick<DiscoveryWatch, 'snapshot' | 'trigger'>;
  readonly incarnations: Incarnations;
  readonly prerequisites: Pick<Prerequisites, 'met'>;
  readonly registry: InformerRegistry;
  readonly kinds: KindSet;
  readonly reevaluation: Pick<Reevaluation, 'set'>;
  readonly observer: Pick<MetaObserver, 'policyChanged' | 'kindChanged'>;
}

const NO_PLAN: Plan = { kinds: new Map(), absent: new Map(), parts: new Map(), refused: new Map() };

/** Computes the whole plan again, a moment later and once for many causes, and makes what runs equal to it. */
export class PlanReconciler {
  readonly #options: PlanReconcilerOptions;
  readonly #expansions: Expansions;
  #plan = NO_PLAN;
  #awaited = new Awaited(NO_PLAN);
  #held = new HeldKeys(new Map());
  /** Watches that start once those of the same id have ended. */
  #delayed: Set<WatchId> = new Set();
  #planning: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(options: PlanReconcilerOptions) {
    this.#options = options;
    this.#expansions = new Expansions(options.namespaces);
  }

  /** The present one; empty until what must be known for one is. */
  get plan(): Plan {
    return this.#plan;
  }

  /** What the plan wants and the server does not serve. */
  get awaited(): Awaited {
    return this.#awaited;
  }

  /** What is held on an object for policies that do not enforce now. */
  get held(): HeldKeys {
    return this.#held;
  }

  /** Has the watches that are needed whatever the policies say started; those of kinds follow with the first plan. */
  start(): void {
    this.#reconcileWatches();
  }

  replanSoon(): void {
    if (this.#stopped) return;
    this.#planning ??= setImmediate(() => this.replanNow());
  }

  replanNow(): void {
    if (this.#stopped) return;
    clearImmediate(this.#planning);
    this.#planning = undefined;
    this.#replan();
  }

  /** An informer is about to start. One that had to wait for its predecessor's end does so by itself. */
  watchStarts(id: WatchId): void {
    if (this.#delayed.delete(id)) this.replanSoon();
  }

  /** Plans no more; what runs goes on. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#planning);
  }

  #replan(): void {
    const { policies, ledger, upkeep, discovery, incarnations, prerequisites, registry } = this.#options;
    const { namespaces, reevaluation, observer } = this.#options;
    const { snapshot } = discovery;
    if (snapshot === undefined || !prerequisites.met) return;
    const entries = policies.entries();
    const programs = entries.flatMap(({ program }) => (program === undefined ? [] : [program]));
    const before = this.#plan;
    incarnations.update(snapshot, registry.get(CRDS_ID)?.store, registry.get(API_SERVICES_ID)?.store);
    const { crds: crdUids, apiServices: apiServiceUids } = incarnations;
    const input = { programs, discovery: snapshot, crdUids, apiServiceUids, written: ledger.kinds, namespaces };
    this.#plan = planWatches(input, this.#expansions);
    this.#awaited = new Awaited(this.#plan);
    const held = recordsToHold(ledger, entries, (policy) => this.#plan.refused.has(policy));
    const heldChanged = !isDeepStrictEqual(this.#held.records, held);
    if (heldChanged) this.#held = new HeldKeys(held);
    this.#reconcileKinds(heldChanged);
    reevaluation.set(programs);
    for (const entry of entries) observer.policyChanged(entry);
    const absent = [...this.#plan.absent.keys()];
    for (const name of new Set([...before.absent.keys(), ...absent])) observer.kindChanged(name);
    // Its CRD may have come before the policy, and discovery since we last asked.
    if (absent.some((name) => !before.absent.has(name))) discovery.trigger();
    upkeep.flush();
  }

  /** Makes the kinds that are looked after, and the informers that run, those of the plan. */
  #reconcileKinds(heldChanged: boolean): void {
    const { kinds, registry, log } = this.#options;
    for (const id of kinds.outdated(this.#plan.kinds)) {
      if (!this.#plan.kinds.has(id)) log.info({ kind: id }, 'the kind is not watched any more');
      kinds.forget(id);
    }
    this.#reconcileWatches();
    for (const [id, plan] of this.#plan.kinds) {
      const kind = kinds.get(id);
      if (kind === undefined) kinds.adopt(plan, (watch) => registry.get(watch));
      else kind.setPrograms(plan.programs, plan.versions);
    }
    if (heldChanged) for (const kind of kinds.values()) kind.needsPass = true;
    kinds.startPasses();
  }

  #reconcileWatches(): void {
    const { registry, log } = this.#options;
    const { delayed, failed } = registry.reconcile(desiredWatches(this.#plan));
    this.#delayed = new Set(delayed);
    for (const { id, error } of failed) log.error({ watch: id, err: error }, 'a watch could not be started');
  }
}
