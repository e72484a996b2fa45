import { type CachedObject, type ObjectKey, objectKey } from '../api/object.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { Informer } from '../informer/informer.ts';
import type { ObjectIndex } from '../informer/store-index.ts';
import { byPrecedence } from '../policy/evaluate.ts';
import type { KeyProtection } from '../policy/key-protection.ts';
import { CHANNELS, type KindContext, type Program, type Sight } from '../policy/program.ts';
import { type KindId, kindId } from '../watchplan/limits.ts';
import { mayWrite } from '../watchplan/verbs.ts';
import type { KindState } from './kind-state.ts';
import { type KeySource, Pass } from './pass.ts';

/** One version in which the objects of a kind are watched. */
export interface View {
  readonly context: KindContext;
  /** The only namespace that is watched; undefined: all. */
  readonly namespace?: string | undefined;
  readonly informer: Informer;
}

/**
 * One watched group/resource, or its part in one namespace where only some are watched: the programs on it, and how far
 * evaluation has come. A *pass* is one evaluation of every object after the programs changed or a full list came in;
 * what a policy reports is complete once a pass with its present program has ended.
 *
 * Objects come and go, have their metadata and are written by the main view alone; the other views only lend the body that
 * programs of their version read.
 */
export class WatchedKind {
  readonly id: KindId;
  readonly name: GroupResourceName;
  /** The only one that is watched; undefined: all. */
  readonly namespace: string | undefined;
  readonly context: KindContext;
  /** Of the main view. */
  readonly informer: Informer;
  /** The main one first. */
  readonly views: readonly [View, ...View[]];
  /** Why objects of the kind cannot be written, for a program (any where there is none); undefined when they can. */
  writeProblem: (program: Program | undefined) => KindState | undefined = () => undefined;
  /** Whether there are objects that wait until they can be written. */
  holdsWrites: () => boolean = () => false;
  /** There is reason to hope that objects can be written again, where they could not. */
  retryWrites: () => void = () => {};
  /** Something came while the kind could not be evaluated, or concerns all its objects. */
  needsPass = true;

  readonly #others: readonly View[];
  #programs: readonly Program[] = [];
  #versions: ReadonlyMap<Program, string> = new Map();
  /** The last one that was begun, until it is done or the store is another. */
  #pass: Pass | undefined;
  /** Whether it is with the programs that there are now. */
  #passCounts = false;
  /** It became time to evaluate all objects again while that one was under way. */
  #isDueAgain = false;
  #owned: ObjectIndex | undefined;
  /** It was listed anew since somebody else may have written it, and since a write of ours had no answer. */
  #isVerified = false;
  #evaluated = new Set<Program>();
  /** They came while others of its objects were selected, and what is selected for them is not listed yet. */
  readonly #uncovered = new Set<Program>();

  /** `others`: views in other versions. */
  constructor(context: KindContext, informer: Informer, others: readonly View[] = [], namespace?: string) {
    this.name = groupResourceName(context);
    this.namespace = namespace;
    this.id = kindId(this.name, namespace);
    this.context = context;
    this.informer = informer;
    this.views = [{ context, namespace, informer }, ...others];
    this.#others = others;
  }

  /** Whoever evaluated its objects so far does so no more, and somebody else begins. */
  beginAnew(): void {
    this.#isVerified = false;
    this.#pass = undefined;
    this.#evaluated = new Set();
    this.needsPass = true;
  }

  /** In order of precedence. */
  get programs(): readonly Program[] {
    return this.#programs;
  }

  /**
   * `versions`: those in which programs read more than metadata. Returns false when these are the programs that it has. A pass
   * with others says nothing about these: one more is needed.
   */
  setPrograms(programs: readonly Program[], versions: ReadonlyMap<Program, string> = new Map()): boolean {
    const sorted = isSorted(programs) ? programs : programs.toSorted(byPrecedence);
    const moved = sorted.filter((program) => this.#versions.get(program) !== versions.get(program));
    const gone = goneFrom(this.#programs, sorted);
    if (gone.length === 0 && moved.length === 0 && sorted.length === this.#programs.length) return false;
    for (const program of [...gone, ...moved]) this.#evaluated.delete(program);
    for (const program of gone) this.#uncovered.delete(program);
    const before = this.#programs;
    this.#programs = sorted;
    this.#versions = versions;
    if (this.isWritten) this.end();
    if (this.#isSelecting) this.#uncover([...goneFrom(sorted, before), ...moved]);
    this.#passCounts = false;
    this.needsPass = true;
    return true;
  }

  /** The view that a program reads; undefined where its version is not watched. */
  viewOf(program: Program): View | undefined {
    const version = this.#versions.get(program);
    if (version === undefined) return this.views[0];
    return this.views.find(({ context }) => context.version === version);
  }

  /** How a program sees an object of the main view. */
  sightOf(program: Program, object: CachedObject): Sight {
    const view = this.viewOf(program);
    if (view === undefined) return 'NotServed';
    if (view === this.views[0]) return { object, kind: this.context };
    const shown = shownBy(view, object);
    // A body that is older than the metadata could tell of what is not so any more.
    return shown === undefined ? 'Pending' : { object: { ...object, body: shown.body }, kind: view.context };
  }

  /** What the other views show of an object of the main view, in their order. */
  otherBodies(object: CachedObject): readonly CachedObject['body'][] {
    return this.#others.map(({ informer }) => informer.store.get(objectKey(object))?.body);
  }

  /** Whether a view that works does not show the object as the main view does, which it will in a moment. */
  isAwaited(object: CachedObject): boolean {
    return this.#others.some((view) => {
      const { synced, lastError } = view.informer;
      return synced && lastError === undefined && shownBy(view, object) === undefined;
    });
  }

  /** What programs make of its objects depends on something else than before. */
  surroundingsChanged(): void {
    this.needsPass = true;
    if (this.#isSelecting) this.#uncover(this.#programs);
  }

  /** A view was listed as a whole. A pass that is under way does not come by all that the list brought. */
  listed(): void {
    this.#pass = undefined;
    this.needsPass = true;
    for (const program of this.#uncovered) if (!this.#isSelectingFor(program)) this.#uncovered.delete(program);
  }

  /** Whether all objects that the program can match are known, as far as the kind is synced. */
  isCovered(program: Program): boolean {
    return !this.#uncovered.has(program);
  }

  /** Whether all objects are known, not only those that some program can match. */
  get isWhole(): boolean {
    return this.informer.isWhole;
  }

  /** Whether a policy has its objects written. */
  get isWritten(): boolean {
    return this.#programs.some(mayWrite);
  }

  /** Whether every object was evaluated with this program. */
  hasEvaluated(program: Program): boolean {
    const view = this.viewOf(program);
    return this.#evaluated.has(program) && (view === undefined || view.informer.synced);
  }

  /** Whether every object was evaluated with what there is to go by now. */
  get isThrough(): boolean {
    return !this.needsPass && this.#pass === undefined && this.#uncovered.size === 0;
  }

  /**
   * It is time to evaluate all objects again. Returns whether to begin now: a pass that counts is left to end, however often
   * it is time meanwhile, and `needsPass` is said then.
   */
  fallsDue(): boolean {
    if (this.#pass === undefined || !this.#passCounts || this.needsPass) return true;
    this.#isDueAgain = true;
    return false;
  }

  /** The keys that are to be evaluated. */
  beginPass(): KeySource {
    this.needsPass = false;
    this.#isDueAgain = false;
    this.#passCounts = true;
    this.#pass = new Pass(this.informer.store, this.#pass);
    return this.#pass;
  }

  /** Returns true when this was the last key of the pass. */
  evaluated(key: ObjectKey): boolean {
    this.#pass?.evaluated(key);
    return this.endPassIfDone();
  }

  endPassIfDone(): boolean {
    if (this.#pass?.isDone !== true) return false;
    this.#pass = undefined;
    if (!this.#passCounts) return false;
    this.#evaluated = new Set(this.#programs.filter((program) => this.isCovered(program)));
    if (this.#isDueAgain) this.needsPass = true;
    return true;
  }

  get #isSelecting(): boolean {
    return this.views.some(({ informer }) => informer.selecting);
  }

  #uncover(programs: readonly Program[]): void {
    for (const program of programs) if (this.#isSelectingFor(program)) this.#uncovered.add(program);
  }

  /** Whether a list is on its way of what is selected now where the program looks. */
  #isSelectingFor(program: Program): boolean {
    return this.informer.selecting || this.viewOf(program)?.informer.selecting === true;
  }

  /**
   * Whether there is an object on which we own keys that go when nothing wants them. That is asked after each change of
   * a kind of which the last ones are on their way out, so an index knows, from the first time until policies write the
   * kind again.
   */
  hasOwnKeys(protection: KeyProtection): boolean {
    this.#owned ??= this.informer.store.index((object) => (isToGo(object, protection) ? [OWNED] : []));
    return this.#owned.get(OWNED).next().done === false;
  }

  /** A write may have been made of which we were told nothing. */
  wroteUnseen(): void {
    this.#isVerified = false;
  }

  /**
   * Whether what is known has all that was written in our name: the watch may be late, and owe what was written before we began
   * to lead, or what had no answer. Has all objects listed anew where that may be.
   */
  verify(): boolean {
    if (!this.#isVerified) this.informer.relist();
    this.#isVerified = true;
    return this.informer.synced;
  }

  /** Leaves nothing behind in informers, which may go on for somebody else. */
  end(): void {
    this.#owned?.drop();
    this.#owned = undefined;
  }
}

const OWNED = 'owned';

/** Whether there are keys of ours on the object that go when nothing wants them: not those that no policy may write. */
export function isToGo({ applied }: CachedObject, protection: KeyProtection): boolean {
  return CHANNELS.some((channel) => applied[channel].some((key) => protection(channel, key) === 'Free'));
}

/**
 * The object in a view, where it is the same version of the same object there. Whether it is older or newer does not matter,
 * nor could it always be told: in a moment both views are equal.
 */
function shownBy({ informer }: View, object: CachedObject): CachedObject | undefined {
  const shown = informer.store.get(objectKey(object));
  return shown?.uid === object.uid && shown.resourceVersion === object.resourceVersion ? shown : undefined;
}

function isSorted(programs: readonly Program[]): boolean {
  let before: Program | undefined;
  for (const program of programs) {
    if (before !== undefined && byPrecedence(before, program) > 0) return false;
    before = program;
  }
  return true;
}

/** Those of one list that another has not: by going through both in order, since there may be a thousand on hundreds of kinds. */
function goneFrom(before: readonly Program[], after: readonly Program[]): readonly Program[] {
  const gone: Program[] = [];
  let place = 0;
  for (const program of before) {
    let other = after[place];
    while (other !== undefined && other !== program && byPrecedence(other, program) < 0) {
      place += 1;
      other = after[place];
    }
    if (other === program) place += 1;
    else gone.push(program);
  }
  return gone;
}
