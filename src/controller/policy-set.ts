import type { FieldIssue } from '../api/field-issue.ts';
import type { CachedObject } from '../api/object.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import { type CompileOptions, compilePolicy, type RefusalReason } from '../policy/compile.ts';
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

/** Every WatchPolicy, compiled once per generation. A bad one has no effect on the others. */
export class PolicySet {
  readonly #entries = new Map<string, PolicyEntry>();
  readonly #options: CompileOptions;
  #discovery: DiscoverySnapshot = new Map();

  constructor(options: CompileOptions = {}) {
    this.#options = options;
  }

  get(name: string): PolicyEntry | undefined {
    return this.#entries.get(name);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** In the order of their names. */
  entries(): readonly PolicyEntry[] {
    return [...this.#entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Returns true when what is in force or what is accepted may have changed. */
  upsert(object: CachedObject): boolean {
    const known = this.#entries.get(object.name);
    const same = known?.uid === object.uid && known.generation === object.generation;
    if (same) {
      this.#entries.set(object.name, { ...known, object });
      return false;
    }
    this.#compile(object, known?.uid === object.uid ? known.program : undefined);
    return true;
  }

  remove(name: string): void {
    this.#entries.delete(name);
  }

  /** Looks again at policies whose acceptance names what the server has. */
  setDiscovery(discovery: DiscoverySnapshot): void {
    this.#discovery = discovery;
    for (const entry of this.#entries.values()) {
      if (!entry.acceptance.ok) this.#compile(entry.object, entry.program);
    }
  }

  #compile(object: CachedObject, inForce: Program | undefined): void {
    const { name, uid, generation } = object;
    const compiled = compilePolicy({ name, uid, generation, spec: object.body?.['spec'] }, this.#options);
    const entry = { name, uid, generation, object };
    if (!compiled.ok) {
      const { reason, issues } = compiled;
      this.#entries.set(name, { ...entry, acceptance: { ok: false, reason, issues }, program: inForce });
      return;
    }
    const issues = missingVersions(compiled.program, this.#discovery);
    if (issues.length > 0) {
      this.#entries.set(name, { ...entry, acceptance: { ok: false, reason: 'InvalidSpec', issues }, program: inForce });
      return;
    }
    this.#entries.set(name, { ...entry, acceptance: { ok: true }, program: compiled.program });
  }
}
