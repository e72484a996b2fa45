import { type CachedObject, objectKey, type StringMap, valueIn } from '../api/object.ts';
import type { GroupResource, GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Informer, InformerHandler } from '../informer/informer.ts';
import type { WatchId } from '../informer/watch-spec.ts';
import type { Program } from '../policy/program.ts';
import type { KindPlan } from '../watchplan/kind-plan.ts';
import { NAMESPACES } from '../watchplan/plan.ts';
import { KindHealth } from './kind-health.ts';
import type { KindSource, KindState } from './kind-state.ts';
import type { ObjectController } from './object-controller.ts';
import { WatchedKind } from './watched-kind.ts';

export interface KindSetOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly objects: Pick<ObjectController, 'add' | 'remove' | 'enqueue' | 'startPass'>;
  /** Which of list and watch we have no right to, by an access review. */
  readonly missingVerbs: (gr: GroupResource) => Promise<readonly string[]>;
  /** Who serves a kind. */
  readonly sourceOf: (kind: WatchedKind) => KindSource;
  /** How a kind stands has changed. */
  readonly onChange: (name: GroupResourceName) => void;
  /** The server says that it does not serve a kind. */
  readonly onNotFound: () => void;
}

interface Member {
  readonly kind: WatchedKind;
  readonly id: WatchId;
  removeHandler: () => void;
}

/** The kinds that are watched for policies, how each stands, and what a change of theirs means for objects. */
export class KindSet {
  readonly #options: KindSetOptions;
  readonly #members = new Map<GroupResourceName, Member>();
  readonly #health: KindHealth;

  constructor(options: KindSetOptions) {
    this.#options = options;
    const { clock, missingVerbs, sourceOf } = options;
    this.#health = new KindHealth({ clock, missingVerbs, sourceOf, onChange: (kind) => this.#changed(kind) });
  }

  get(name: GroupResourceName): WatchedKind | undefined {
    return this.#members.get(name)?.kind;
  }

  *values(): IterableIterator<WatchedKind> {
    for (const { kind } of this.#members.values()) yield kind;
  }

  *entries(): IterableIterator<readonly [GroupResourceName, WatchId]> {
    for (const [name, { id }] of this.#members) yield [name, id];
  }

  /** Begins to look after a kind. Its informer may have been running for somebody else. */
  adopt({ context, programs }: KindPlan, id: WatchId, informer: Informer): void {
    const kind = new WatchedKind(context, informer);
    kind.setPrograms(programs);
    const member: Member = { kind, id, removeHandler: () => {} };
    this.#members.set(kind.name, member);
    this.#options.objects.add(kind);
    member.removeHandler = informer.addHandler(this.#handler(kind));
  }

  forget(name: GroupResourceName): void {
    this.#members.get(name)?.removeHandler();
    this.#members.delete(name);
    this.#health.forget(name);
    this.#options.objects.remove(name);
    this.#options.onChange(name);
  }

  /** Something changed about who serves these groups: what fails of them is tried now. */
  retry(groups: ReadonlySet<string>): void {
    for (const { kind } of this.#members.values()) if (groups.has(kind.context.group)) kind.informer.retry();
  }

  /** Of every kind that has work to catch up on and can be relied on now. */
  startPasses(): void {
    for (const { kind } of this.#members.values()) if (kind.needsPass) this.#options.objects.startPass(kind);
  }

  /** Synced, and neither forbidden nor gone; a watch that breaks for a while is no reason to stop. */
  isReliable(kind: WatchedKind | undefined): boolean {
    if (kind === undefined) return false;
    const { synced, lastError } = kind.informer.status;
    return synced && lastError?.code !== 'Forbidden' && lastError?.code !== 'NotFound';
  }

  /** Whether the kind is reliable, and Namespaces are where its objects have one. */
  isReady(kind: WatchedKind): boolean {
    return this.isReliable(kind) && (kind.context.scope === 'Cluster' || this.isReliable(this.get(NAMESPACES)));
  }

  /** For a program; without one, how the kind stands for any. */
  state(kind: WatchedKind, program?: Program): KindState {
    const watch = this.#health.state(kind);
    if (watch.state !== 'Watching') return watch;
    const problem = kind.writeProblem(program);
    if (problem !== undefined) return problem;
    const namespaces = this.get(NAMESPACES);
    if (kind.context.scope === 'Cluster' || this.isReliable(namespaces)) return watch;
    // Nothing can be said about its objects before their Namespaces are known.
    return namespaces === undefined ? { state: 'Syncing', message: '' } : this.#health.state(namespaces);
  }

  namespace(name: string): CachedObject | undefined {
    return this.get(NAMESPACES)?.informer.store.get(name);
  }

  /** Hears of nothing any more, also not of the end of the informers; leaves no timer. */
  stop(): void {
    for (const { removeHandler } of this.#members.values()) removeHandler();
    this.#health.stop();
  }

  #handler(kind: WatchedKind): InformerHandler {
    const { objects, log, onNotFound } = this.#options;
    const isNamespaces = kind.name === NAMESPACES;
    return {
      change: (object, previous) => {
        if (isNamespaces) this.#namespaceChanged(object, previous);
        objects.enqueue(kind, objectKey(object));
      },
      remove: (object) => {
        if (isNamespaces) this.#namespaceChanged(object, undefined);
        objects.enqueue(kind, objectKey(object));
      },
      synced: () => {
        log.info({ kind: kind.name, objects: kind.informer.status.objects }, 'the kind is synced');
        kind.needsPass = true;
        this.startPasses();
        this.#changed(kind);
      },
      status: ({ lastError }) => {
        this.#health.update(kind);
        if (lastError === undefined) this.startPasses();
        else if (lastError.code === 'NotFound') onNotFound();
        this.#changed(kind);
      },
    };
  }

  /** How namespaced kinds stand depends on how Namespaces do. */
  #changed({ name }: WatchedKind): void {
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

function sameMap(a: StringMap, b: StringMap): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => valueIn(a, key) === valueIn(b, key));
}
