import { type CachedObject, type ObjectKey, objectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type Evaluation, type EvaluationInput, evaluate } from '../policy/evaluate.ts';
import { type Doing, failedVerdicts } from '../policy/failed-evaluation.ts';
import type { KeyPatterns } from '../policy/key-patterns.ts';
import type { KeyProtection } from '../policy/key-protection.ts';
import type { KindContext, NamespaceLookup } from '../policy/program.ts';
import type { KindId } from '../watchplan/limits.ts';
import { NAMESPACES } from '../watchplan/plan.ts';
import { AwaitedViews } from './awaited-views.ts';
import type { ContentionGuard, CreateGuard, Surroundings } from './contention.ts';
import { Departures } from './departures.ts';
import { EvaluationQueue } from './evaluation-queue.ts';
import { FailingKeys } from './failing-keys.ts';
import { KindWriter, type KindWriterObserver } from './kind-writer.ts';
import type { Lane } from './lanes.ts';
import { withRefusal } from './refusals.ts';
import type { VerdictSink } from './verdict-sink.ts';
import { isToGo, type WatchedKind } from './watched-kind.ts';
import { WriteQueue } from './write-queue.ts';
import type { WriteRecord, Writer } from './writer.ts';

export interface ObjectControllerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: () => number;
  readonly writer: Writer;
  readonly record: WriteRecord;
  readonly createGuard: CreateGuard;
  readonly verdicts: VerdictSink;
  readonly namespaceOf: NamespaceLookup;
  /** By policy that does not enforce now, the keys that are held for it on an object. */
  readonly held: (kind: KindContext, object: CachedObject) => ReadonlyMap<string, KeyPatterns>;
  /** The keys that stay for good on an object where nothing wants them. */
  readonly handedOver: (kind: KindContext, object: CachedObject) => readonly KeyPatterns[];
  readonly protection: KeyProtection;
  /** Nothing in it is ever judged or written, nor is the Namespace itself. */
  readonly ownNamespace: string;
  /** Whether objects of the kind may be evaluated now: all that their policies read is synced. */
  readonly isReady: (kind: WatchedKind) => boolean;
  /** Called when something about the kind that status shows has changed. */
  readonly onKindChange: (kind: WatchedKind) => void;
  /**
   * Whether it is on record that objects of the kind carry keys of ours, which one does. Where it is not, it is put there, and the
   * kind is evaluated once that has been heeded.
   */
  readonly isKnown: (kind: WatchedKind) => boolean;
  /** Called when no key of the kind is left to evaluate or to write. */
  readonly onKindIdle: (kind: WatchedKind) => void;
  /** Writes of objects in flight at once, at most; undefined: as many as make it quicker. */
  readonly writeWidth: number | undefined;
  readonly observe?: ObjectControllerObserver;
}

export interface ObjectControllerObserver extends KindWriterObserver {
  evaluated(kind: GroupResourceName): void;
}

/**
 * Level-driven: any change names a key; a key is evaluated once for all its policies from what the store holds at that moment,
 * and written, at most one object's write at a time, while it differs from what is wanted.
 */
export class ObjectController {
  readonly #options: ObjectControllerOptions;
  /** Of each kind that is looked after. */
  readonly #writers = new Map<KindId, KindWriter>();
  readonly #awaited = new Map<KindId, AwaitedViews>();
  readonly #failing = new Map<KindId, FailingKeys>();
  readonly #departures: Departures;
  readonly #evaluations: EvaluationQueue;
  readonly #writes: WriteQueue;
  /** With the object that is evaluated. */
  #doing: Doing = 'Evaluate';

  constructor(options: ObjectControllerOptions) {
    this.#options = options;
    const { clock, random, writeWidth: width } = options;
    this.#departures = new Departures(options.verdicts);
    this.#evaluations = new EvaluationQueue((...due) => this.#evaluateKey(...due), clock);
    this.#writes = new WriteQueue({
      width,
      clock,
      random,
      turn: async ({ kind, key }) => (await this.#writers.get(kind)?.turn(key)) ?? { kind: 'Done' },
      onEnd: ({ kind }) => this.#tellIfIdle(kind),
    });
  }

  /** Objects that wait for evaluation. */
  get evaluationDepth(): number {
    return this.#evaluations.depth;
  }

  /** Objects that wait for a write, or have one under way. */
  get writeDepth(): number {
    return this.#writes.depth;
  }

  /** For how long the object that came first has been waiting for evaluation, in milliseconds. */
  get evaluationAgeMs(): number {
    return this.#evaluations.ageMs;
  }

  /** For how long the object that came first has been waiting for a write, in milliseconds. */
  get writeAgeMs(): number {
    return this.#writes.ageMs;
  }

  get writesInFlight(): number {
    return this.#writes.running;
  }

  add(kind: WatchedKind): void {
    const { clock, random, log, writer, record, isReady, observe } = this.#options;
    const guard = this.#options.createGuard(kind.context, (key) => this.enqueue(kind, key));
    const awaited = new AwaitedViews(kind, clock, (key) => this.enqueue(kind, key));
    this.#awaited.set(kind.id, awaited);
    this.#failing.set(kind.id, new FailingKeys(clock, random, (key) => this.enqueue(kind, key)));
    const kindWriter = new KindWriter(kind, {
      clock,
      random,
      log,
      queue: this.#writes,
      writer,
      record,
      guard,
      isReady,
      holdUp: (object) => awaited.holdUp(object),
      evaluate: (object) => this.#evaluate(kind, guard, object),
      surroundings: (object) => this.#surroundings(kind, object),
      enqueue: (key) => this.enqueue(kind, key),
      // The kind may have come again, with a watch that has not seen it yet.
      lateAnswer: (answer) => this.#writers.get(kind.id)?.kind.informer.accept(answer),
      onChange: () => this.#options.onKindChange(kind),
      observe,
    });
    this.#writers.set(kind.id, kindWriter);
  }

  /** Forgets the kind and all that was said about its objects. A write under way ends by itself. */
  remove(id: KindId): void {
    const writer = this.#writers.get(id);
    writer?.stop();
    this.#writers.delete(id);
    this.#awaited.get(id)?.stop();
    this.#awaited.delete(id);
    this.#failing.get(id)?.stop();
    this.#failing.delete(id);
    this.#departures.drop(id);
    this.#evaluations.drop(id);
    this.#writes.drop(id);
    if (writer !== undefined) this.#options.verdicts.forgetKind(writer.kind.name);
  }

  /** Has an object evaluated: it, or something that it depends on, may have changed. */
  enqueue(kind: WatchedKind, key: ObjectKey, lane: Lane = 'Bulk'): void {
    if (this.#writers.get(kind.id)?.kind === kind) this.#evaluations.add(kind.id, key, lane);
  }

  /** Whether an object of the kind waits for evaluation, or a write of one is wanted or under way. */
  isBusy(id: KindId): boolean {
    return this.#evaluations.has(id) || this.#writes.hasKind(id);
  }

  /** Evaluates every object of the kind: its programs changed, a full list came in, or it is time to. */
  startPass(kind: WatchedKind): void {
    if (!this.#options.isReady(kind)) {
      kind.needsPass = true;
      return;
    }
    this.#evaluations.addAll(kind.id, kind.beginPass());
    if (!kind.endPassIfDone()) return;
    this.#options.onKindChange(kind);
    this.#tellIfIdle(kind.id);
  }

  /** Evaluates and begins nothing more; resolves when the writes under way have ended. */
  async stop(): Promise<void> {
    this.#evaluations.stop();
    for (const failing of this.#failing.values()) failing.stop();
    await this.#writes.stop();
    this.#departures.stop();
    for (const writer of this.#writers.values()) writer.stop();
    for (const awaited of this.#awaited.values()) awaited.stop();
  }

  /** What fails unexpectedly with one object must not end the others'. */
  #evaluateKey(id: KindId, key: ObjectKey, since: number, lane: Lane): void {
    const writer = this.#writers.get(id);
    if (writer === undefined) return;
    let ended = false;
    try {
      ended = this.#evaluateObject(writer, key, since, lane);
      this.#failing.get(id)?.forget(key);
    } catch (error) {
      ended = this.#failed(writer, key, error);
    }
    this.#tellIfIdle(id);
    // It became time for another one meanwhile.
    if (ended && writer.kind.needsPass && this.#writers.get(id) === writer) this.startPass(writer.kind);
  }

  /**
   * It is told of the object, and tried again later. Returns whether a pass has ended with it: where nothing can be told
   * either, it does not, so that nothing is said to be exact.
   */
  #failed(writer: KindWriter, key: ObjectKey, error: unknown): boolean {
    const { log, verdicts, onKindChange } = this.#options;
    const { kind } = writer;
    const isNew = this.#failing.get(kind.id)?.add(key) === true;
    const fields = { err: error, kind: kind.id, object: key };
    if (isNew) log.error(fields, 'an object could not be evaluated');
    else log.debug(fields, 'an object could not be evaluated again');
    writer.failed(key);
    try {
      const object = kind.informer.store.get(key);
      if (object !== undefined && !this.#isOurs(kind, object)) {
        const said = failedVerdicts(this.#inputOf(kind, object), this.#doing);
        verdicts.record(kind.context, object, kind.programs, said, false);
      }
      const ended = kind.evaluated(key);
      if (ended) onKindChange(kind);
      return ended;
    } catch (again) {
      if (isNew) log.error({ ...fields, err: again }, 'that an object could not be evaluated could not be told');
      return false;
    }
  }

  /** Returns whether a pass has ended with it. */
  #evaluateObject(writer: KindWriter, key: ObjectKey, since: number, lane: Lane): boolean {
    const { kind } = writer;
    const { isReady, isKnown, protection, verdicts, observe, onKindChange } = this.#options;
    this.#doing = 'Evaluate';
    const object = kind.informer.store.get(key);
    // What is gone is gone, ready or not; a later pass does not come by it any more.
    if (object === undefined || this.#isOurs(kind, object)) {
      writer.gone(key);
      if (object === undefined) this.#departures.add(kind, key);
      else verdicts.forget(kind.name, key);
      this.#awaited.get(kind.id)?.forget(key);
    } else if (!isReady(kind) || (isToGo(object, protection) && !isKnown(kind))) {
      kind.needsPass = true;
      return false;
    } else if (this.#awaited.get(kind.id)?.holdUp(object) === true) {
      return false;
    } else {
      const evaluation = this.#evaluate(kind, writer.guard, object);
      observe?.evaluated(kind.name);
      this.#doing = 'Compare';
      const differs = writer.differs(object, evaluation);
      const refusal = differs ? writer.want(key, object, evaluation, since, lane) : undefined;
      if (!differs) writer.settled(key);
      this.#doing = 'Record';
      const said =
        refusal === undefined ? evaluation.verdicts : withRefusal(kind.programs, evaluation.verdicts, refusal);
      verdicts.record(kind.context, object, kind.programs, said, differs && refusal === undefined);
    }
    const ended = kind.evaluated(key);
    if (ended) onKindChange(kind);
    return ended;
  }

  #evaluate(kind: WatchedKind, guard: ContentionGuard, object: CachedObject): Evaluation {
    const contention = guard.standing(this.#surroundings(kind, object));
    return evaluate({ ...this.#inputOf(kind, object), contention });
  }

  #inputOf(kind: WatchedKind, object: CachedObject): EvaluationInput {
    const { namespaceOf, held, handedOver, protection } = this.#options;
    const { context, programs } = kind;
    return {
      object,
      kind: context,
      sightOf: (program) => kind.sightOf(program, object),
      held: held(context, object),
      handedOver: handedOver(context, object),
      protection,
      namespaceOf,
      programs,
    };
  }

  #surroundings(kind: WatchedKind, object: CachedObject): Surroundings {
    const { programs } = kind;
    const namespace = object.namespace === '' ? undefined : this.#options.namespaceOf(object.namespace);
    const readsAnnotations = programs.some(({ reads }) => reads.namespaceAnnotations);
    const ofNamespace = [namespace?.labels, readsAnnotations ? namespace?.annotations : undefined];
    return { key: objectKey(object), object, programs, inputs: [...ofNamespace, ...kind.otherBodies(object)] };
  }

  #isOurs({ name }: WatchedKind, object: CachedObject): boolean {
    const { ownNamespace } = this.#options;
    return object.namespace === ownNamespace || (name === NAMESPACES && object.name === ownNamespace);
  }

  #tellIfIdle(id: KindId): void {
    const kind = this.#writers.get(id)?.kind;
    if (kind === undefined || this.isBusy(id)) return;
    this.#options.onKindIdle(kind);
  }
}
