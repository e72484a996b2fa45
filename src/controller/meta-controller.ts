import type { CachedObject } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import { WATCH_POLICIES } from '../api/watch-policy.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Informer } from '../informer/informer.ts';
import { InformerRegistry } from '../informer/registry.ts';
import type { WatchId, WatchTarget } from '../informer/watch-spec.ts';
import type { Discovery, DiscoverySnapshot } from '../kube/discovery.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import type { KeyProtection } from '../policy/key-protection.ts';
import type { Program } from '../policy/program.ts';
import type { Namespaces } from '../watchplan/limits.ts';
import { DiscoveryWatch } from './discovery-watch.ts';
import type { HeldKeys } from './held-keys.ts';
import { Incarnations } from './incarnations.ts';
import type { MissingVerbsReview } from './kind-health.ts';
import { KindSet } from './kind-set.ts';
import type { Ledger } from './ledger.ts';
import { LedgerUpkeep } from './ledger-upkeep.ts';
import type { MetaObserver } from './meta-observer.ts';
import type { ObjectController } from './object-controller.ts';
import { PlanReconciler } from './plan-reconciler.ts';
import { PlanStatus } from './plan-status.ts';
import type { PolicySet } from './policy-set.ts';
import { Prerequisites } from './prerequisites.ts';
import { Reevaluation } from './reevaluation.ts';
import { API_SERVICES_ID, CRDS_ID, POLICIES_ID } from './system-watches.ts';
import { policyHandler, servedHandler } from './triggers.ts';
import { WaitingKinds } from './waiting-kinds.ts';
import type { WatchedKind } from './watched-kind.ts';

export interface MetaControllerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly discovery: Discovery;
  readonly createListWatch: (target: WatchTarget) => ListWatch;
  /** Which of list, watch and patch we have no right to, by an access review. Rejects with ApiError. */
  readonly missingVerbs: MissingVerbsReview;
  /** The only namespaces in which objects are watched; undefined: all. */
  readonly namespaces?: Namespaces;
  /** Whether kinds are read by WatchLists where the server can do that. */
  readonly watchList?: boolean;
  readonly policies: PolicySet;
  readonly ledger: Ledger;
  /** Which keys policies may write. */
  readonly protection: KeyProtection;
  readonly objects: Pick<ObjectController, 'add' | 'remove' | 'enqueue' | 'startPass' | 'isBusy'>;
  /** Whether the ledger is this process's to write. Default: always. */
  readonly leads?: () => boolean;
  readonly observer: MetaObserver;
}

/**
 * Decides which informers run. Whatever happens (a policy, a CRD, an APIService, discovery, the ledger), it has the plan made
 * anew; this composes those who hear of it, who plan, and who can say how the plan stands.
 */
export class MetaController {
  /** How what policies are about stands. */
  readonly status: PlanStatus;
  readonly #options: MetaControllerOptions;
  readonly #registry: InformerRegistry;
  readonly #discovery: DiscoveryWatch;
  readonly #prerequisites: Prerequisites;
  readonly #kinds: KindSet;
  readonly #waiting: WaitingKinds;
  readonly #reevaluation: Reevaluation;
  readonly #upkeep: LedgerUpkeep;
  readonly #reconciler: PlanReconciler;
  #stopped = false;

  constructor(options: MetaControllerOptions) {
    this.#options = options;
    const { clock, random, log, createListWatch, missingVerbs, namespaces, policies, ledger, objects, observer } =
      options;
    const { leads = () => true } = options;
    const isReady = (kind: WatchedKind) => this.isReady(kind);
    const registry = new InformerRegistry({
      clock,
      random,
      log,
      createListWatch,
      watchList: options.watchList,
      onWentBack: () => {
        this.#prerequisites.policiesOutdated();
        this.ledgerGrown();
        this.#upkeep.outdated();
      },
      prepare: (informer, _spec, id) => this.#prepare(informer, id),
    });
    const discovery = new DiscoveryWatch({
      discovery: options.discovery,
      clock,
      log,
      expectsChange: (snapshot) => this.#waiting.expectsChange(snapshot),
      onChange: (snapshot) => this.#discoveryChanged(snapshot),
      onRecovery: () => this.serverRecovered(),
    });
    const prerequisites = new Prerequisites({ registry, discovery, ledger, policies });
    const incarnations = new Incarnations();
    const kinds = new KindSet({
      clock,
      log,
      objects,
      missingVerbs,
      namespaces,
      sourceOf: (kind) => incarnations.sourceOf(kind, discovery.snapshot),
      onChange: (name) => observer.kindChanged(name),
      onNotFound: () => discovery.trigger(),
    });
    this.#waiting = new WaitingKinds({
      clock,
      kinds,
      awaited: () => this.#reconciler.awaited,
      crds: () => registry.get(CRDS_ID),
    });
    const reevaluation = new Reevaluation({ clock, due: (program) => this.#reevaluate(program) });
    const onRelease = () => this.#reconciler.replanSoon();
    const upkeep = new LedgerUpkeep({
      clock,
      log,
      ledger,
      namespaces,
      kinds,
      isReady,
      isBusy: (id) => objects.isBusy(id),
      protection: options.protection,
      leads,
      onRelease,
      onMended: () => this.ledgerGrown(),
    });
    this.#reconciler = new PlanReconciler({
      clock,
      log,
      namespaces,
      policies,
      ledger,
      upkeep,
      discovery,
      incarnations,
      prerequisites,
      registry,
      kinds,
      reevaluation,
      observer,
    });
    this.status = new PlanStatus({ plan: () => this.#reconciler.plan, kinds, prerequisites, namespaces, isReady });
    this.#registry = registry;
    this.#discovery = discovery;
    this.#prerequisites = prerequisites;
    this.#kinds = kinds;
    this.#reevaluation = reevaluation;
    this.#upkeep = upkeep;
  }

  /** Starts watching policies and CRDs; kinds follow when these and the ledger are known. */
  start(): void {
    this.#reconciler.start();
    this.#discovery.trigger();
  }

  /** The ledger was read, for the first time or again: plans by it at once. */
  ledgerLoaded(): void {
    this.#prerequisites.ledgerLoaded();
    this.#reconciler.ledgerLoaded();
  }

  /**
   * Nothing is evaluated until policies and CRDs are listed again: somebody else may have acted on those that our watches still
   * owe. To go by what these have shown would take the keys of such policies away, and such kinds off the record.
   */
  policiesOutdated(): void {
    this.#prerequisites.policiesOutdated();
    for (const id of [POLICIES_ID, CRDS_ID]) this.#registry.get(id)?.relist();
  }

  /** There is more on record, or may be, than what is planned by: nothing is evaluated until it is planned anew. */
  ledgerGrown(): void {
    this.#reconciler.ledgerOutdated();
    this.#reconciler.replanSoon();
  }

  /** Nothing is evaluated until it is read again: somebody else may have changed it. */
  ledgerOutdated(): void {
    this.#prerequisites.ledgerOutdated();
    this.#reconciler.ledgerOutdated();
  }

  /** `seenBy`: of a kind that the server keeps itself, something stands at an earlier version than before. */
  serverWentBack(seenBy: GroupResourceName): void {
    this.#registry.serverWentBack(seenBy);
  }

  /** A sign that the API server, or the way to it, works again: what it failed is tried soon. */
  serverRecovered(): void {
    this.#registry.wake();
  }

  /** Policies, CRDs, discovery and the ledger are known; from here on every kind is on its way. */
  get ready(): boolean {
    return this.#prerequisites.met;
  }

  /** What keeps `ready` from being true, in words; empty when it is. */
  waitingFor(): readonly string[] {
    return this.#prerequisites.missing();
  }

  /** What is held on an object for policies that do not enforce now. */
  get held(): HeldKeys {
    return this.#reconciler.held;
  }

  /** All that is watched of a kind: one where objects of all namespaces are, else one for each namespace. */
  of(name: GroupResourceName): readonly WatchedKind[] {
    return this.#kinds.of(name);
  }

  kinds(): IterableIterator<WatchedKind> {
    return this.#kinds.values();
  }

  namespace(name: string): CachedObject | undefined {
    return this.#kinds.namespace(name);
  }

  /** Everything that the policies on the kind read is known, and the kind itself can be relied on. */
  isReady(kind: WatchedKind): boolean {
    return this.ready && this.#reconciler.followsLedger && !this.#stopped && this.#kinds.isReady(kind);
  }

  /** To be called when a kind has nothing left to do: what the ledger holds for it may not be needed any more. */
  kindIdle(kind: WatchedKind): void {
    this.#upkeep.kindIdle(kind);
  }

  /** See `LedgerUpkeep.isKnown`. */
  isKnown(kind: WatchedKind): boolean {
    return this.#upkeep.isKnown(kind);
  }

  /** Resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.policies.stop();
    this.#reconciler.stop();
    this.#waiting.stop();
    this.#reevaluation.stop();
    this.#kinds.stop();
    await Promise.all([this.#discovery.stop(), this.#registry.stopAll(), this.#upkeep.stop()]);
  }

  #prepare(informer: Informer, id: WatchId): void {
    const { policies, ledger, log, observer } = this.#options;
    const replan = () => this.#reconciler.replanSoon();
    if (id === POLICIES_ID) {
      const onChange: MetaObserver['policyChanged'] = (entry) => {
        const { name, uid, program } = entry;
        if (program !== undefined) ledger.setRemoval(name, uid, program.removal);
        observer.policyChanged(entry);
      };
      const onRemove = (name: string) => observer.policyRemoved(name);
      informer.addHandler(policyHandler({ policies, log, onChange, onRemove, replan }));
    } else if (id === CRDS_ID || id === API_SERVICES_ID) {
      const rediscover = () => this.#discovery.trigger();
      const tried = () => this.#reconciler.goOn();
      const isAwaited = (group: string) => this.#waiting.isAwaited(group);
      const mended = (group: string) => {
        this.#waiting.mended(group);
        if (group === WATCH_POLICIES.group) this.#registry.get(POLICIES_ID)?.retry();
      };
      informer.addHandler(servedHandler({ waiting: { isAwaited, mended }, replan, tried, rediscover }));
    }
    this.#reconciler.watchStarts(id);
  }

  #discoveryChanged(snapshot: DiscoverySnapshot): void {
    this.#waiting.discovered(snapshot);
    this.#options.policies.setDiscovery(snapshot);
    this.#reconciler.replanSoon();
  }

  #reevaluate({ policy }: Program): void {
    for (const name of this.#reconciler.plan.parts.get(policy)?.resources.keys() ?? []) this.#kinds.reevaluate(name);
  }
}
