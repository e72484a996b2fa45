import { isDeepStrictEqual } from 'node:util';
import type { FieldIssue } from '../api/field-issue.ts';
import type { CachedObject } from '../api/object.ts';
import {
  type GroupResource,
  type GroupResourceName,
  groupResourceName,
  parseGroupResourceName,
} from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Throttle } from '../base/throttle.ts';
import type { Informer, InformerHandler } from '../informer/informer.ts';
import { InformerRegistry } from '../informer/registry.ts';
import type { WatchId, WatchSpec } from '../informer/watch-spec.ts';
import type { Discovery, DiscoverySnapshot } from '../kube/discovery.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import type { KindContext, Program } from '../policy/program.ts';
import { Awaited } from '../watchplan/awaited.ts';
import { isElsewhere, kindIds, limitText, type Namespaces } from '../watchplan/limits.ts';
import { type Plan, planWatches } from '../watchplan/plan.ts';
import { Expansions } from '../watchplan/targets.ts';
import { DiscoveryWatch } from './discovery-watch.ts';
import { HeldKeys, recordsToHold } from './held-keys.ts';
import { Incarnations } from './incarnations.ts';
import type { MissingVerbsReview } from './kind-health.ts';
import { KindSet } from './kind-set.ts';
import { type KindSource, type KindState, worst } from './kind-state.ts';
import type { Ledger } from './ledger.ts';
import type { ObjectController } from './object-controller.ts';
import { type PolicyResources, policyResources } from './policy-resources.ts';
import type { PolicyEntry, PolicySet } from './policy-set.ts';
import { Reevaluation } from './reevaluation.ts';
import { API_SERVICES_ID, CRDS_ID, desiredWatches, POLICIES_ID } from './system-watches.ts';
import { policyHandler, servedHandler } from './triggers.ts';
import type { WatchedKind } from './watched-kind.ts';

/**
 * `Partial`: some kinds cannot be read, and all others were evaluated. `Pending`: more is to be known soon.
 */
export type Coverage = 'All' | 'Partial' | 'Pending';

/** Told what status depends on; each call only marks, the work is done later. */
export interface MetaObserver {
  /** A policy came, changed or its part in the plan did. */
  policyChanged(entry: PolicyEntry): void;
  policyRemoved(name: string): void;
  /** A kind's state changed, or it is not watched any more. */
  kindChanged(name: GroupResourceName): void;
}

export interface MetaControllerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly discovery: Discovery;
  readonly createListWatch: (spec: WatchSpec) => ListWatch;
  /** Which of list, watch and patch we have no right to, by an access review. Rejects with ApiError. */
  readonly missingVerbs: MissingVerbsReview;
  /** The only namespaces in which objects are watched; undefined: all. */
  readonly namespaces?: Namespaces;
  readonly policies: PolicySet;
  readonly ledger: Ledger;
  readonly objects: Pick<ObjectController, 'add' | 'remove' | 'enqueue' | 'startPass'>;
  readonly observer: MetaObserver;
}

/** What the ledger must forget can wait; what it must know is written before objects are. */
const FLUSH_RETRY_MS = 10_000;
/** How often kinds that fail are tried at once because who serves them changed, in milliseconds. */
const RETRY_GAP_MS = 250;
const NO_PLAN: Plan = { kinds: new Map(), absent: new Map(), parts: new Map(), refused: new Map() };

/**
 * Decides which informers run. Whatever happens (a policy, a CRD, an APIService, discovery, the ledger) the whole plan is
 * computed again, a moment later and once for many causes, and what runs is made equal to it.
 */
export class MetaController {
  readonly #options: MetaControllerOptions;
  readonly #registry: InformerRegistry;
  readonly #discovery: DiscoveryWatch;
  readonly #kinds: KindSet;
  readonly #expansions: Expansions;
  readonly #incarnations = new Incarnations();
  readonly #retries: Throttle;
  readonly #reevaluation: Reevaluation;
  /** API groups whose failing kinds are to be tried now. */
  #mended = new Set<string>();
  #discovered: DiscoverySnapshot | undefined;
  #plan = NO_PLAN;
  #awaited = new Awaited(NO_PLAN);
  #held = new HeldKeys(new Map());
  /** Watches that start once those of the same id have ended. */
  #delayed: Set<WatchId> = new Set();
  #planning: NodeJS.Immediate | undefined;
  #flushing: Promise<void> | undefined;
  #cancelFlush: (() => void) | undefined;
  #ledgerLoaded = false;
  #stopped = false;

  constructor(options: MetaControllerOptions) {
    this.#options = options;
    this.#expansions = new Expansions(options.namespaces);
    const { clock, random, log, createListWatch, discovery, missingVerbs, objects, observer } = options;
    this.#registry = new InformerRegistry({
      clock,
      random,
      log,
      createListWatch,
      prepare: (informer, _spec, id) => this.#prepare(informer, id),
    });
    this.#discovery = new DiscoveryWatch({
      discovery,
      clock,
      log,
      expectsChange: (snapshot) => this.#expectsChange(snapshot),
      onChange: (snapshot) => this.#discoveryChanged(snapshot),
    });
    this.#kinds = new KindSet({
      clock,
      log,
      objects,
      missingVerbs,
      namespaces: options.namespaces,
      sourceOf: (kind) => this.#sourceOf(kind),
      onChange: (name) => observer.kindChanged(name),
      onNotFound: () => this.#discovery.trigger(),
    });
    this.#reevaluation = new Reevaluation({ clock, due: (program) => this.#reevaluate(program) });
    this.#retries = new Throttle(clock, RETRY_GAP_MS, () => {
      const groups = this.#mended;
      this.#mended = new Set();
      this.#kinds.retry(groups);
    });
  }

  /** Starts watching policies and CRDs; kinds follow when these and the ledger are known. */
  start(): void {
    this.#reconcileRegistry();
    this.#discovery.trigger();
  }

  ledgerLoaded(): void {
    this.#ledgerLoaded = true;
    this.#replanSoon();
  }

  /** Policies, CRDs, discovery and the ledger are known; from here on every kind is on its way. */
  get ready(): boolean {
    const known = this.#ledgerLoaded && this.#discovery.snapshot !== undefined;
    return known && this.#isSynced(POLICIES_ID) && this.#isSynced(CRDS_ID) && this.#apiServicesTried;
  }

  /** What keeps `ready` from being true, in words; empty when it is. */
  waitingFor(): readonly string[] {
    const reasons: string[] = [];
    for (const [id, what] of [
      [POLICIES_ID, 'WatchPolicies'],
      [CRDS_ID, 'CustomResourceDefinitions'],
    ] as const) {
      if (this.#isSynced(id)) continue;
      const error = this.#registry.get(id)?.status.lastError;
      reasons.push(error === undefined ? `${what} are not listed yet` : `${what} cannot be listed: ${error.message}`);
    }
    if (!this.#apiServicesTried) reasons.push('APIServices are not listed yet');
    if (this.#discovery.snapshot === undefined) {
      const { problem } = this.#discovery;
      reasons.push(problem === undefined ? 'discovery is not read yet' : `discovery cannot be read: ${problem}`);
    }
    const { problem } = this.#options.ledger;
    if (!this.#ledgerLoaded)
      reasons.push(problem === undefined ? 'the ledger is not read yet' : `the ledger cannot be read: ${problem}`);
    return reasons;
  }

  /** What is held on an object for policies that do not enforce now. */
  get held(): HeldKeys {
    return this.#held;
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

  /** Why the policy cannot be carried out beside the others; undefined when it can. */
  refusal(policy: string): readonly FieldIssue[] | undefined {
    return this.#plan.refused.get(policy);
  }

  /** How all that a policy is about stands. */
  resources(program: Program): PolicyResources {
    return policyResources(program, this.#plan.parts.get(program.policy), (resource) => this.state(resource, program));
  }

  /** Names of the policies whose status tells of a group/resource. */
  *policiesOn(name: GroupResourceName): Generator<string> {
    for (const [policy, { resources }] of this.#plan.parts) if (resources.has(name)) yield policy;
  }

  /** How a group/resource stands: as a whole, or as one of the programs on it needs it. */
  state(gr: GroupResource, program?: Program): KindState & { readonly version: string | undefined } {
    const name = groupResourceName(gr);
    const [kind, ...more] = this.#kinds.of(name);
    const missing = program === undefined ? undefined : this.#plan.kinds.get(kind?.id ?? name)?.absent.get(program);
    const absence = missing ?? this.#plan.absent.get(name);
    // Namespaces are watched also where no policy may be about them.
    if (absence !== undefined && (program !== undefined || kind === undefined))
      return { ...absence, version: undefined };
    if (kind === undefined) return { state: 'Syncing', message: this.waitingFor().join('; '), version: undefined };
    const view = program === undefined ? undefined : kind.viewOf(program);
    const { version } = (view ?? kind).context;
    const { namespaces } = this.#options;
    if (program !== undefined && isElsewhere(program, namespaces)) {
      const message = `none of the namespaces that the policy names is watched: ${limitText(namespaces)}`;
      return { state: 'Failed', message, version };
    }
    const state = worst(
      gr,
      [kind, ...more].map((one) => this.#kinds.state(one, program)),
    );
    return { ...state, version };
  }

  /** Everything that the policies on the kind read is known, and the kind itself can be relied on. */
  isReady(kind: WatchedKind): boolean {
    return this.ready && !this.#stopped && this.#kinds.isReady(kind);
  }

  /** For how much of what the program is about its results are complete. Of a kind that is not served there is nothing. */
  coverage(program: Program): Coverage {
    if (program.mode === 'Suspended' || !this.ready) return 'Pending';
    const part = this.#plan.parts.get(program.policy);
    if (part?.program !== program) return 'Pending';
    let coverage: Coverage = 'All';
    for (const name of part.resources.keys()) {
      for (const id of kindIds(name, this.#options.namespaces)) {
        const kind = this.#kinds.get(id);
        if (kind?.hasEvaluated(program) === true) continue;
        const { state } = this.state(parseGroupResourceName(name), program);
        if (state === 'NotServed') continue;
        // A kind that can be read and not written is evaluated all the same.
        const isUnread = (state === 'Forbidden' || state === 'Failed') && (kind === undefined || !this.isReady(kind));
        if (!isUnread) return 'Pending';
        coverage = 'Partial';
      }
    }
    return coverage;
  }

  /** To be called when a kind has nothing left to do: where no policy writes it and nothing of ours is left, we let go. */
  releaseIfClean(kind: WatchedKind): void {
    const { ledger } = this.#options;
    if (!ledger.kinds.has(kind.name)) return;
    for (const id of kindIds(kind.name, this.#options.namespaces)) {
      const one = this.#kinds.get(id);
      if (one === undefined || one.enforced || !this.isReady(one)) return;
      for (const _ of one.withOwnKeys()) return;
    }
    ledger.forgetKind(kind.name);
    this.#replanSoon();
  }

  /** Resolves when no request and no timer is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearImmediate(this.#planning);
    this.#cancelFlush?.();
    this.#retries.stop();
    this.#reevaluation.stop();
    this.#kinds.stop();
    await Promise.all([this.#discovery.stop(), this.#registry.stopAll(), this.#flushing]);
  }

  // ---- Triggers ----------------------------------------------------------------------------------------------------

  #prepare(informer: Informer, id: WatchId): void {
    if (id === POLICIES_ID) informer.addHandler(this.#policyHandler());
    else if (id === CRDS_ID || id === API_SERVICES_ID) informer.addHandler(this.#servedHandler());
    // One that had to wait for its predecessor's end starts by itself.
    if (this.#delayed.delete(id)) this.#replanSoon();
  }

  #policyHandler(): InformerHandler {
    const { policies, observer, log } = this.#options;
    return policyHandler({
      policies,
      log,
      onChange: (entry) => observer.policyChanged(entry),
      onRemove: (name) => observer.policyRemoved(name),
      replan: () => this.#replanSoon(),
    });
  }

  #servedHandler(): InformerHandler {
    return servedHandler({
      isAwaited: (group) => this.#isAwaited(group),
      mended: (group) => this.#retrySoon(group),
      replan: () => this.#replanSoon(),
      rediscover: () => this.#discovery.trigger(),
    });
  }

  #isAwaited(group: string): boolean {
    if (this.#awaited.group(group)) return true;
    for (const { context, views } of this.#kinds.values()) {
      if (context.group === group && views.some(({ informer }) => informer.status.lastError !== undefined)) return true;
    }
    return false;
  }

  #retrySoon(group: string): void {
    this.#mended.add(group);
    this.#retries.call();
  }

  #discoveryChanged(snapshot: DiscoverySnapshot): void {
    const { policies, observer } = this.#options;
    for (const { name, context } of this.#kinds.values()) {
      if (snapshot.get(name) !== this.#discovered?.get(name)) this.#retrySoon(context.group);
    }
    this.#discovered = snapshot;
    policies.setDiscovery(snapshot);
    for (const entry of policies.entries()) if (!entry.acceptance.ok) observer.policyChanged(entry);
    this.#replanSoon();
  }

  /** A CRD of a kind that we want came or went, and discovery does not show it yet. */
  #expectsChange(snapshot: DiscoverySnapshot): boolean {
    const crds = this.#registry.get(CRDS_ID);
    if (crds === undefined || !crds.status.synced) return true;
    for (const { name } of crds.store.values()) if (!snapshot.has(name) && this.#awaited.resource(name)) return true;
    for (const kind of this.#kinds.values()) {
      const served = snapshot.get(kind.name)?.versions ?? [];
      for (const { context, informer } of kind.views) {
        const isGone = informer.status.lastError?.code === 'NotFound';
        if (isGone && served.some(({ version }) => version === context.version)) return true;
      }
    }
    return false;
  }

  // ---- Planning ----------------------------------------------------------------------------------------------------

  #replanSoon(): void {
    if (this.#stopped) return;
    this.#planning ??= setImmediate(() => {
      this.#planning = undefined;
      this.#replan();
    });
  }

  #replan(): void {
    const { policies, ledger, observer } = this.#options;
    const discovery = this.#discovery.snapshot;
    if (discovery === undefined || !this.ready) return;
    const entries = policies.entries();
    const programs = entries.flatMap(({ program }) => (program === undefined ? [] : [program]));
    const before = this.#plan;
    this.#incarnations.update(
      discovery,
      this.#registry.get(CRDS_ID)?.store,
      this.#registry.get(API_SERVICES_ID)?.store,
    );
    const { crds: crdUids, apiServices: apiServiceUids } = this.#incarnations;
    const { namespaces } = this.#options;
    const input = { programs, discovery, crdUids, apiServiceUids, written: ledger.kinds, namespaces };
    this.#plan = planWatches(input, this.#expansions);
    this.#awaited = new Awaited(this.#plan);
    const held = recordsToHold(ledger, entries, (policy) => this.#plan.refused.has(policy));
    const heldChanged = !isDeepStrictEqual(this.#held.records, held);
    if (heldChanged) this.#held = new HeldKeys(held);
    this.#reconcileKinds(heldChanged);
    this.#reevaluation.set(programs);
    for (const entry of entries) observer.policyChanged(entry);
    const absent = [...this.#plan.absent.keys()];
    for (const name of new Set([...before.absent.keys(), ...absent])) observer.kindChanged(name);
    // Its CRD may have come before the policy, and discovery since we last asked.
    if (absent.some((name) => !before.absent.has(name))) this.#discovery.trigger();
    this.#flushLedger();
  }

  /** Makes the kinds that are looked after, and the informers that run, those of the plan. */
  #reconcileKinds(heldChanged: boolean): void {
    for (const id of this.#kinds.outdated(this.#plan.kinds)) {
      if (!this.#plan.kinds.has(id)) this.#options.log.info({ kind: id }, 'the kind is not watched any more');
      this.#kinds.forget(id);
    }
    this.#reconcileRegistry();
    for (const [id, plan] of this.#plan.kinds) {
      const kind = this.#kinds.get(id);
      if (kind === undefined) this.#kinds.adopt(plan, (watch) => this.#registry.get(watch));
      else kind.setPrograms(plan.programs, plan.versions);
    }
    if (heldChanged) for (const kind of this.#kinds.values()) kind.needsPass = true;
    this.#kinds.startPasses();
  }

  #reevaluate({ policy }: Program): void {
    for (const name of this.#plan.parts.get(policy)?.resources.keys() ?? []) this.#kinds.reevaluate(name);
  }

  #reconcileRegistry(): void {
    const { delayed, failed } = this.#registry.reconcile(desiredWatches(this.#plan));
    this.#delayed = new Set(delayed);
    for (const { id, error } of failed) {
      this.#options.log.error({ watch: id, err: error }, 'a watch could not be started');
    }
  }

  #sourceOf(kind: KindContext): KindSource {
    const apiService = `${kind.version}.${kind.group}`;
    return {
      apiService: this.#incarnations.apiServices.has(apiService) ? apiService : undefined,
      unreachable: this.#discovery.snapshot?.get(groupResourceName(kind))?.stale === true,
    };
  }

  #flushLedger(): void {
    const { clock, ledger, log } = this.#options;
    this.#cancelFlush?.();
    this.#flushing = ledger.flush().catch((error: unknown) => {
      if (this.#stopped) return;
      log.warn({ reason: messageOf(error) }, 'the ledger could not be brought up to date; that is tried again');
      this.#cancelFlush?.();
      this.#cancelFlush = clock.after(FLUSH_RETRY_MS, () => this.#flushLedger());
    });
  }

  /** Who serves aggregated kinds is known, or we cannot know it. */
  get #apiServicesTried(): boolean {
    return this.#isSynced(API_SERVICES_ID) || this.#registry.get(API_SERVICES_ID)?.status.lastError !== undefined;
  }

  #isSynced(id: WatchId): boolean {
    return this.#registry.get(id)?.status.synced === true;
  }
}
