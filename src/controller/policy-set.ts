import { isDeepStrictEqual } from 'node:util';
import type { FieldIssue } from '../api/field-issue.ts';
import type { CachedObject } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { Steps } from '../base/steps.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import { type CompileOptions, type CompileResult, compileInSteps, type RefusalReason } from '../policy/compile.ts';
import type { Program } from '../policy/program.ts';
import { missingVersions } from '../watchplan/versions.ts';

export type Acceptance =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: RefusalReason; readonly issues: readonly FieldIssue[] };

/** A WatchPolicy as it stands. */
export interface PolicyEntry {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** As last seen, with spec and status in its body. */
  readonly object: CachedObject;
  /** Of the present generation. */
  readonly acceptance: Acceptance;
  /** What is in force: the present generation, or the last that was accepted in this process; undefined when there is none. */
  readonly program: Program | undefined;
}

export interface PolicySetOptions extends CompileOptions {
  /** Without one nothing is put off, however long it takes. */
  readonly clock?: Pick<Clock, 'monotonic'>;
}

/** A policy whose compiling takes longer than a slice. */
interface UnderWay {
  object: CachedObject;
  readonly steps: Steps<CompileResult>;
}

/** How long policies may be compiled at a stretch, in milliseconds. */
const SLICE_MS = 5;

/** `Later`: it is still being compiled; until then what was in force is. */
export type Upsert = 'Same' | 'Changed' | 'Later';

/**
 * Every WatchPolicy, compiled once per spec. A bad one has no effect on the others, and a large one, or a thousand at once,
 * do not hold the event loop: what a slice is too short for is gone on with later.
 */
export class PolicySet {
  readonly #entries = new Map<string, PolicyEntry>();
  /** By name, the compiled programs of entries that are refused for what the server does not serve. */
  readonly #unserved = new Map<string, Program>();
  /** Of these, those that were not looked at since discovery has changed. */
  #outdated = new Set<string>();
  /** In the order in which they came. */
  readonly #underWay = new Map<string, UnderWay>();
  readonly #options: PolicySetOptions;
  readonly #listeners = new Set<(entry: PolicyEntry) => void>();
  #discovery: DiscoverySnapshot = new Map();
  #sliceEnd: number | undefined;
  #nextSlice: NodeJS.Immediate | undefined;

  constructor(options: PolicySetOptions = {}) {
    this.#options = options;
  }

  get(name: string): PolicyEntry | undefined {
    return this.#entries.get(name);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many are still being compiled. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** In the order of their names. */
  entries(): readonly PolicyEntry[] {
    return [...this.#entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Hears of each policy whose compiling was put off, once it is done, and of those that discovery concerns. */
  onLate(listener: (entry: PolicyEntry) => void): void {
    this.#listeners.add(listener);
  }

  /** `Changed`: what is in force or what is accepted may have changed. */
  upsert(object: CachedObject): Upsert {
    const { name, uid, generation } = object;
    const underWay = this.#underWay.get(name);
    if (underWay !== undefined && isSame(underWay.object, object)) {
      underWay.object = object;
      return 'Later';
    }
    const known = this.#entries.get(name);
    if (underWay === undefined && known !== undefined && isSame(known.object, object)) {
      this.#entries.set(name, { ...known, object });
      return 'Same';
    }
    const steps = compileInSteps({ name, uid, generation, spec: object.body?.['spec'] }, this.#options);
    this.#underWay.delete(name);
    // One that waits is not overtaken.
    if (this.#underWay.size === 0 && this.#advance({ object, steps })) return 'Changed';
    this.#underWay.set(name, { object, steps });
    this.#schedule();
    return 'Later';
  }

  remove(name: string): void {
    this.#underWay.delete(name);
    this.#unserved.delete(name);
    this.#entries.delete(name);
  }

  /**
   * Has policies whose acceptance names what the server has looked at again, and those told of about which something
   * else is said.
   */
  setDiscovery(discovery: DiscoverySnapshot): void {
    this.#discovery = discovery;
    this.#outdated = new Set(this.#unserved.keys());
    if (this.#options.clock === undefined) this.#lookAgain();
    else if (this.#outdated.size > 0) this.#schedule();
  }

  /** Compiles nothing more. */
  stop(): void {
    clearImmediate(this.#nextSlice);
    this.#nextSlice = undefined;
    this.#underWay.clear();
    this.#outdated.clear();
  }

  #schedule(): void {
    this.#nextSlice ??= setImmediate(() => {
      this.#nextSlice = undefined;
      this.#sliceEnd = undefined;
      for (const [name, each] of this.#underWay) {
        if (!this.#advance(each)) break;
        this.#underWay.delete(name);
        this.#tell(name);
      }
      if (this.#underWay.size === 0) this.#lookAgain();
      if (this.#underWay.size + this.#outdated.size > 0) this.#schedule();
    });
  }

  #tell(name: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) for (const listener of this.#listeners) listener(entry);
  }

  /** At what a slice is long enough for. */
  #lookAgain(): void {
    for (const name of this.#outdated) {
      if (this.#isSliceOver(this.#options.clock)) return;
      this.#outdated.delete(name);
      const entry = this.#entries.get(name);
      const program = this.#unserved.get(name);
      if (entry === undefined || program === undefined) continue;
      this.#set(entry.object, { ok: true, program }, entry.program);
      if (!isDeepStrictEqual(this.#entries.get(name)?.acceptance, entry.acceptance)) this.#tell(name);
    }
  }

  /** Goes on with one until it is compiled, or until the slice is over: false. */
  #advance({ object, steps }: UnderWay): boolean {
    const { clock } = this.#options;
    for (;;) {
      if (this.#isSliceOver(clock)) return false;
      const step = steps.next();
      if (step.done !== true) continue;
      const known = this.#entries.get(object.name);
      this.#set(object, step.value, known?.uid === object.uid ? known.program : undefined);
      return true;
    }
  }

  /** A slice begins with the first step after a pause, and ends with the turn of the event loop. */
  #isSliceOver(clock: Pick<Clock, 'monotonic'> | undefined): boolean {
    if (clock === undefined) return false;
    if (this.#sliceEnd === undefined) {
      this.#sliceEnd = clock.monotonic() + SLICE_MS;
      this.#schedule();
      return false;
    }
    return clock.monotonic() >= this.#sliceEnd;
  }

  #set(object: CachedObject, compiled: CompileResult, inForce: Program | undefined): void {
    const { name, uid, generation } = object;
    const entry = { name, uid, generation, object };
    this.#unserved.delete(name);
    if (!compiled.ok) {
      const { reason, issues } = compiled;
      this.#entries.set(name, { ...entry, acceptance: { ok: false, reason, issues }, program: inForce });
      return;
    }
    const issues = missingVersions(compiled.program, this.#discovery);
    if (issues.length > 0) {
      this.#unserved.set(name, compiled.program);
      this.#entries.set(name, { ...entry, acceptance: { ok: false, reason: 'InvalidSpec', issues }, program: inForce });
      return;
    }
    this.#entries.set(name, { ...entry, acceptance: { ok: true }, program: compiled.program });
  }
}

/** After a restore of etcd the same generation may come again with another spec. */
function isSame(one: CachedObject, other: CachedObject): boolean {
  const isNamedAlike = one.uid === other.uid && one.generation === other.generation;
  return isNamedAlike && isDeepStrictEqual(one.body?.['spec'], other.body?.['spec']);
}
