import type { CachedObject, ObjectKey } from '../api/object.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { Informer } from '../informer/informer.ts';
import { byPrecedence } from '../policy/evaluate.ts';
import type { KindContext, Program } from '../policy/program.ts';
import type { KindState } from './kind-state.ts';

/**
 * One watched group/resource, the programs on it, and how far evaluation has come. A *pass* is one evaluation of every
 * object after the programs changed or a full list came in; what a policy reports is complete once a pass with its present
 * program has ended.
 */
export class WatchedKind {
  readonly name: GroupResourceName;
  readonly context: KindContext;
  readonly informer: Informer;
  /** Why objects of the kind cannot be written, for a program (any where there is none); undefined when they can. */
  writeProblem: (program: Program | undefined) => KindState | undefined = () => undefined;
  /** Something came while the kind could not be evaluated, or concerns all its objects. */
  needsPass = true;

  #programs: readonly Program[] = [];
  #unevaluated: Set<ObjectKey> | undefined;
  #evaluated: ReadonlySet<Program> = new Set();

  constructor(context: KindContext, informer: Informer) {
    this.name = groupResourceName(context);
    this.context = context;
    this.informer = informer;
  }

  /** In order of precedence. */
  get programs(): readonly Program[] {
    return this.#programs;
  }

  /** Returns false when these are the programs that it has. A pass with others says nothing about these: one more is needed. */
  setPrograms(programs: readonly Program[]): boolean {
    const sorted = programs.toSorted(byPrecedence);
    if (sorted.length === this.#programs.length && sorted.every((program, i) => program === this.#programs[i]))
      return false;
    this.#programs = sorted;
    this.#evaluated = new Set(sorted.filter((program) => this.#evaluated.has(program)));
    this.#unevaluated = undefined;
    this.needsPass = true;
    return true;
  }

  get enforced(): boolean {
    return this.#programs.some(({ mode }) => mode === 'Enforce');
  }

  /** Whether every object was evaluated with this program. */
  hasEvaluated(program: Program): boolean {
    return this.#evaluated.has(program);
  }

  /** The keys that the pass has to evaluate. */
  beginPass(): Iterable<ObjectKey> {
    this.needsPass = false;
    this.#unevaluated = new Set(this.informer.store.keys());
    return this.#unevaluated;
  }

  /** Returns true when this was the last key of the pass. */
  evaluated(key: ObjectKey): boolean {
    this.#unevaluated?.delete(key);
    return this.endPassIfDone();
  }

  endPassIfDone(): boolean {
    if (this.#unevaluated === undefined || this.#unevaluated.size > 0) return false;
    this.#unevaluated = undefined;
    this.#evaluated = new Set(this.#programs);
    return true;
  }

  /** Objects on which we own keys that go when nothing wants them. */
  *withOwnKeys(): Generator<CachedObject> {
    for (const object of this.informer.store.values()) {
      if (object.applied.labels.length > 0 || object.applied.annotations.length > 0) yield object;
    }
  }
}
