import { isDeepStrictEqual } from 'node:util';
import { Backoff, reflectorBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { SlicedWork } from '../base/sliced-work.ts';
import type { Steps } from '../base/steps.ts';
import type { InformerRegistry } from '../informer/registry.ts';
import type { WatchId } from '../informer/watch-spec.ts';
import type { Program } from '../policy/program.ts';
import { Awaited } from '../watchplan/awaited.ts';
import { Expansions } from '../watchplan/expansions.ts';
import type { PolicyRecord } from '../watchplan/ledger-room.ts';
import type { Namespaces } from '../watchplan/limits.ts';
import { type Plan, planInSteps } from '../watchplan/plan.ts';
import type { DiscoveryWatch } from './discovery-watch.ts';
import { HeldKeys, recordsToKeep } from './held-keys.ts';
import type { Incarnations } from './incarnations.ts';
import type { KindSet } from './kind-set.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerUpkeep } from './ledger-upkeep.ts';
import type { MetaObserver } from './meta-observer.ts';
import type { PolicyEntry, PolicySet } from './policy-set.ts';
import type { Prerequisites } from './prerequisites.ts';
import type { Reevaluation } from './reevaluation.ts';
import { API_SERVICES_ID, CRDS_ID, desiredWatches } from './system-watches.ts';

export interface PlanReconcilerOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
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

/** A plan that is being made, and the policies that it is made of. */
interface UnderWay {
  readonly steps: Steps<Plan>;
  readonly entries: readonly PolicyEntry[];
  readonly programs: readonly Program[];
}

/**
 * Computes the whole plan again, a moment later and once for many causes, and makes what runs equal to it. With many policies and
 * kinds that takes a while: it is done in slices, and until a plan is whole the one before is in force. What changes meanwhile is
 * in the next one, so that changes without end keep none from becoming whole.
 */
export class PlanReconciler {
  readonly #options: PlanReconcilerOptions;
  readonly #expansions: Expansions;
  readonly #work: SlicedWork;
  #plan = NO_PLAN;
  #awaited = new Awaited(NO_PLAN);
  #held = new HeldKeys({ held: new Map(), handedOver: [] });
  /** Watches that start once those of the same id have ended. */
  #delayed: Set<WatchId> = new Set();
  /** Of watches that could not be made. */
  readonly #backoff: Backoff;
  #cancelRetry: (() => void) | undefined;
  #underWay: UnderWay | undefined;
  /** Something happened that no plan knows of. */
  #isWanted = false;
  #followsLedger = false;
  #stopped = false;

  constructor(options: PlanReconcilerOptions) {
    this.#options = options;
    this.#expansions = new Expansions(options.namespaces);
    this.#work = new SlicedWork(() => this.#step(), options.clock);
    this.#backoff = new Backoff(reflectorBackoff, options.clock);
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

  /** Whether plan and held keys are made with the ledger as it was read last. */
  get followsLedger(): boolean {
    return this.#followsLedger;
  }

  /** Has the watches that are needed whatever the policies say started; those of kinds follow with the first plan. */
  start(): void {
    this.#reconcileWatches();
  }

  replanSoon(): void {
    if (this.#stopped) return;
    this.#isWanted = true;
    this.#work.soon();
  }

  /** What must be known for a plan may be known by now. */
  goOn(): void {
    if (this.#isWanted) this.#work.soon();
  }

  /** The ledger was read: plans anew, beginning at once. */
  ledgerLoaded(): void {
    if (this.#stopped) return;
    this.ledgerOutdated();
    this.#isWanted = true;
    this.#work.now();
  }

  /** What is planned with the ledger as it was read before counts no more. */
  ledgerOutdated(): void {
    this.#underWay = undefined;
    this.#followsLedger = false;
  }

  /** An informer is about to start. One that had to wait for its predecessor's end does so by itself. */
  watchStarts(id: WatchId): void {
    if (this.#delayed.delete(id)) this.replanSoon();
  }

  /** Plans no more; what runs goes on. */
  stop(): void {
    this.#stopped = true;
    this.#underWay = undefined;
    this.#cancelRetry?.();
    this.#work.stop();
  }

  /** Begins a plan, goes on with it, or carries it out; returns whether there is more to do. */
  #step(): boolean {
    if (this.#underWay === undefined) {
      if (!this.#isWanted) return false;
      // Until all is known that must be, it stays wanted.
      this.#underWay = this.#begin();
      if (this.#underWay === undefined) return false;
      this.#isWanted = false;
      return true;
    }
    const step = this.#underWay.steps.next();
    if (step.done !== true) return true;
    const made = this.#underWay;
    this.#underWay = undefined;
    if (this.#options.prerequisites.met) this.#carryOut(step.value, made);
    return this.#isWanted;
  }

  #begin(): UnderWay | undefined {
    const { policies, ledger, discovery, incarnations, prerequisites, registry, namespaces } = this.#options;
    const { snapshot } = discovery;
    if (snapshot === undefined || !prerequisites.met) return undefined;
    const entries = policies.entries();
    const programs = entries.flatMap(({ program }) => (program === undefined ? [] : [program]));
    incarnations.update(snapshot, registry.get(CRDS_ID)?.store, registry.get(API_SERVICES_ID)?.store);
    const { crds: crdUids, apiServices: apiServiceUids } = incarnations;
    const written = new Set(ledger.kinds);
    // One that is gone makes room at once.
    const onRecord = new Map([...ledger.policies].filter(([name]) => policies.get(name) !== undefined));
    const input = { programs, discovery: snapshot, crdUids, apiServiceUids, written, onRecord, namespaces };
    return { steps: planInSteps(input, this.#expansions), entries, programs };
  }

  #carryOut(plan: Plan, { entries, programs }: UnderWay): void {
    const { policies, ledger, upkeep, discovery, incarnations, reevaluation, observer } = this.#options;
    const before = this.#plan;
    this.#plan = plan;
    this.#awaited = new Awaited(plan);
    const kept = recordsToKeep(ledger, entries, (policy) => plan.refused.has(policy));
    const { records } = this.#held;
    if (!isDeepStrictEqual(records, kept)) this.#held = new HeldKeys(kept);
    // What has been handed over everywhere concerns no object any more.
    const heldChanged = !isDeepStrictEqual(records.held, kept.held) || !areAmong(kept.handedOver, records.handedOver);
    this.#followsLedger = true;
    this.#reconcileKinds(heldChanged);
    // Nobody writes them any more. This plan still was for them.
    if (ledger.followCrds(incarnations.crds)) this.replanSoon();
    reevaluation.set(programs);
    // As they are by now: some may have changed, or gone, since this plan was begun.
    for (const entry of policies.entries()) observer.policyChanged(entry);
    const absent = [...plan.absent.keys()];
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
    if (heldChanged) for (const kind of kinds.values()) kind.surroundingsChanged();
    kinds.startPasses();
  }

  #reconcileWatches(): void {
    const { clock, registry, log } = this.#options;
    this.#cancelRetry?.();
    const { delayed, failed } = registry.reconcile(desiredWatches(this.#plan));
    this.#delayed = new Set(delayed);
    for (const { id, error } of failed) log.error({ watch: id, err: error }, 'a watch could not be started');
    this.#cancelRetry =
      failed.length === 0 ? undefined : clock.after(this.#backoff.next(), () => this.#reconcileKinds(false));
  }
}

function areAmong(some: readonly PolicyRecord[], others: readonly PolicyRecord[]): boolean {
  return some.every((one) => others.some((other) => isDeepStrictEqual(one, other)));
}
