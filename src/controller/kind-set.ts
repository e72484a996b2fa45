import { isDeepStrictEqual } from 'node:util';
import { type CachedObject, objectKey, type StringMap, valueIn } from '../api/object.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { HandlerRegistration, Informer, InformerHandler } from '../informer/informer.ts';
import { type WatchId, watchId } from '../informer/watch-spec.ts';
import type { KindContext, Program } from '../policy/program.ts';
import type { KindPlan, ViewPlan } from '../watchplan/kind-plan.ts';
import { type KindId, kindIds, type Namespaces } from '../watchplan/limits.ts';
import { NAMESPACES } from '../watchplan/plan.ts';
import { mayWrite } from '../watchplan/verbs.ts';
import { KindHealth, type MissingVerbsReview } from './kind-health.ts';
import { type KindSource, type KindState, worst } from './kind-state.ts';
import type { ObjectController } from './object-controller.ts';
import { type View, WatchedKind } from './watched-kind.ts';

export interface KindSetOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly objects: Pick<ObjectController, 'add' | 'remove' | 'enqueue' | 'startPass'>;
  /** Which of list, watch and patch we have no right to, by an access review. */
  readonly missingVerbs: MissingVerbsReview;
  /** The only ones that are watched; undefined: all. */
  readonly namespaces?: Namespaces;
  /** Who serves a kind. */
  readonly sourceOf: (kind: KindContext) => KindSource;
  /** How a kind stands has changed. */
  readonly onChange: (name: GroupResourceName) => void;
  /** The server says that it does not serve a kind. */
  readonly onNotFound: () => void;
}

interface Member {
  readonly kind: WatchedKind;
  readonly views: readonly ViewPlan[];
  /** By view, the main one first. */
  readonly handlers: HandlerRegistration[];
}

/** The kinds that are watched for policies, how each stands, and what a change of theirs means for objects. */
export class KindSet {
  readonly #options: KindSetOptions;
  readonly #members = new Map<KindId, Member>();
  readonly #health: KindHealth;

  constructor(options: KindSetOptions) {
    this.#options = options;
    const { clock, missingVerbs, sourceOf } = options;
    const onChange = ({ context }: View) => this.#changed(groupResourceName(context));
    this.#health = new KindHealth({ clock, missingVerbs, sourceOf, onChange });
  }

  get(id: KindId): WatchedKind | undefined {
    return this.#members.get(id)?.kind;
  }

  /** All that is watched of a kind. Namespaces themselves are one watch, also where only some are watched. */
  of(name: GroupResourceName): readonly WatchedKind[] {
    const ids = name === NAMESPACES ? [name] : kindIds(name, this.#options.namespaces);
    return ids.flatMap((id) => this.#members.get(id)?.kind ?? []);
  }

  *values(): IterableIterator<WatchedKind> {
    for (const { kind } of this.#members.values()) yield kind;
  }

  /** The kinds whose views are not those of the plan. Which objects are selected may change while a view goes on. */
  *outdated(plans: ReadonlyMap<KindId, KindPlan>): Generator<KindId> {
    for (const [id, { views }] of this.#members) {
      const planned = plans.get(id)?.views ?? [];
      // What is served under a name may become another kind while the watch of it goes on.
      if (!isDeepStrictEqual(planned.map(identityOf), views.map(identityOf))) yield id;
    }
  }

  /** Begins to look after a kind, where all its informers are there. These may have been running for somebody else. */
  adopt({ namespace, views, programs, versions }: KindPlan, running: (id: WatchId) => Informer | undefined): void {
    const found: View[] = [];
    for (const { context, spec } of views) {
      const informer = running(watchId(spec));
      if (informer === undefined) return;
      found.push({ context, namespace, informer });
    }
    const [main, ...others] = found;
    if (main === undefined) return;
    const kind = new WatchedKind(main.context, main.informer, others, namespace);
    kind.setPrograms(programs, versions);
    const member: Member = { kind, views, handlers: [] };
    this.#members.set(kind.id, member);
    this.#options.objects.add(kind);
    for (const view of kind.views) member.handlers.push(view.informer.addHandler(this.#handler(kind, view)));
  }

  forget(id: KindId): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    for (const handler of member.handlers) handler.remove();
    member.kind.end();
    for (const view of member.kind.views) this.#health.forget(view);
    this.#members.delete(id);
    this.#options.objects.remove(id);
    this.#options.onChange(member.kind.name);
  }

  /** Something changed about who serves these groups: what fails of them is tried now. */
  retry(groups: ReadonlySet<string>): void {
    for (const { kind } of this.#members.values()) {
      if (!groups.has(kind.context.group)) continue;
      for (const { informer } of kind.views) informer.retry();
      kind.retryWrites();
    }
  }

  /** Of every kind that has work to catch up on and can be relied on now. */
  startPasses(): void {
    for (const { kind } of this.#members.values()) if (kind.needsPass) this.#options.objects.startPass(kind);
  }

  /** Has all objects of a group/resource evaluated again, once; where that is being done already, after its end. */
  reevaluate(name: GroupResourceName): void {
    for (const kind of this.of(name)) if (kind.fallsDue()) this.#options.objects.startPass(kind);
  }

  /** Synced, and neither forbidden nor gone; a watch that breaks for a while is no reason to stop. */
  isReliable(kind: WatchedKind | undefined): boolean {
    if (kind === undefined) return false;
    const { synced, lastError } = kind.informer;
    return synced && lastError?.code !== 'Forbidden' && lastError?.code !== 'NotFound';
  }

  /**
   * Whether the kind is reliable, and Namespaces are where its objects have one. Other versions are waited for while they are
   * on their way; one that fails holds up only those who read it.
   */
  isReady(kind: WatchedKind): boolean {
    const [, ...others] = kind.views;
    if (!this.isReliable(kind) || others.some(isOnItsWay)) return false;
    return kind.context.scope === 'Cluster' || this.isReliable(this.get(NAMESPACES));
  }

  /** Of the kind as a whole, or as a program needs it. */
  state(kind: WatchedKind, program?: Program): KindState {
    const [main] = kind.views;
    const views = program === undefined ? kind.views : [main, kind.viewOf(program) ?? main];
    const writes = (program === undefined ? kind.programs : [program]).some(mayWrite);
    const watch = worst(
      kind.context,
      views.map((view) => this.#health.state(view, writes)),
    );
    if (watch.state !== 'Watching') return watch;
    const problem = kind.writeProblem(program);
    if (problem !== undefined) return problem;
    if (program !== undefined && !kind.isCovered(program)) return { state: 'Syncing', message: '' };
    const namespaces = this.get(NAMESPACES);
    if (kind.context.scope === 'Cluster' || this.isReliable(namespaces)) return watch;
    // Nothing can be said about its objects before their Namespaces are known.
    return namespaces === undefined
      ? { state: 'Syncing', message: '' }
      : this.#health.state(namespaces.views[0], false);
  }

  namespace(name: string): CachedObject | undefined {
    return this.get(NAMESPACES)?.informer.store.get(name);
  }

  /** Hears of nothing any more, also not of the end of the informers; leaves no timer. */
  stop(): void {
    for (const { handlers } of this.#members.values()) for (const handler of handlers) handler.remove();
    this.#health.stop();
  }

  #handler(kind: WatchedKind, view: View): InformerHandler {
    const { objects, log, onNotFound } = this.#options;
    const isNamespaces = kind.name === NAMESPACES && view === kind.views[0];
    return {
      change: (object, previous, origin) => {
        if (isNamespaces) this.#namespaceChanged(object, previous);
        // A pass over all of them follows.
        if (origin === 'Listed') return;
        objects.enqueue(kind, objectKey(object), origin === 'Change' ? 'Change' : 'Bulk');
      },
      remove: (object) => {
        if (isNamespaces) this.#namespaceChanged(object, undefined);
        objects.enqueue(kind, objectKey(object));
      },
      synced: () => {
        const { version } = view.context;
        log.info({ kind: kind.id, version, objects: view.informer.status.objects }, 'the kind is synced');
        kind.listed();
        this.startPasses();
        this.#changed(kind.name);
      },
      status: ({ lastError }) => {
        this.#health.update(view);
        if (lastError?.code === 'NotFound') onNotFound();
        // A server that answers a watch again may answer writes again.
        if (lastError === undefined) kind.retryWrites();
        // A kind does not wait any more for a version that fails.
        if (lastError === undefined || view !== kind.views[0]) this.startPasses();
        this.#changed(kind.name);
      },
    };
  }

  /** How namespaced kinds stand depends on how Namespaces do. */
  #changed(name: GroupResourceName): void {
    this.#options.onChange(name);
    if (name !== NAMESPACES) return;
    for (const { kind } of this.#members.values()) {
      if (kind.context.scope === 'Namespaced') this.#options.onChange(kind.name);
    }
  }

  /** Objects depend on labels and annotations of their Namespace, and on whether it is there or terminating. */
  #namespaceChanged(namespace: CachedObject, previous: CachedObject | undefined): void {
    const life = previous === undefined || previous.deleting !== namespace.deleting || previous.uid !== namespace.uid;
    const labels = life || !sameMap(namespace.labels, previous.labels);
    const annotations = life || !sameMap(namespace.annotations, previous.annotations);
    if (!labels && !annotations) return;
    const isRead = ({ reads }: Program) =>
      (labels && reads.namespaceLabels) || (annotations && reads.namespaceAnnotations);
    for (const { kind } of this.#members.values()) {
      if (kind.context.scope !== 'Namespaced') continue;
      if (!life && !kind.programs.some(isRead)) continue;
      for (const object of kind.informer.store.inNamespace(namespace.name)) {
        this.#options.objects.enqueue(kind, objectKey(object));
      }
    }
  }
}

function identityOf({ context, spec }: ViewPlan) {
  return { context, watch: watchId(spec) };
}

function isOnItsWay({ informer: { status } }: View): boolean {
  return !status.synced && status.lastError === undefined;
}

function sameMap(a: StringMap, b: StringMap): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => valueIn(a, key) === valueIn(b, key));
}
