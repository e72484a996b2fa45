import { allows } from '../api/label-values.ts';
import type { CachedObject, StringMap } from '../api/object.ts';
import { dropOldest } from '../base/bounded.ts';
import type { KeyPatterns } from './key-patterns.ts';
import { anyGlob } from './match.ts';
import type { KindContext, NamespaceLookup, Program } from './program.ts';
import { isNamespace } from './subject.ts';
import { UNMATCHED, type Verdict } from './verdict.ts';

/** Fewer are asked sooner than looked up. */
const FEW = 16;
/** Namespaces of which it is remembered what may be about their objects. */
const MAX_NAMESPACES = 512;

/** Places in the list of programs, in its order. */
type Places = readonly number[];

/** What may be about the objects of a namespace. */
interface Local {
  /** Of the Namespace when it was looked at; undefined where nobody has seen it. */
  readonly labels: StringMap | undefined;
  readonly always: Places;
  /** By label key and value, those that only an object with this label can meet. */
  readonly byLabel: ReadonlyMap<string, ReadonlyMap<string, Places>>;
}

export interface Candidate {
  readonly object: CachedObject;
  readonly kind: KindContext;
  readonly namespaceOf: NamespaceLookup;
  readonly held: ReadonlyMap<string, KeyPatterns>;
}

/**
 * Which programs on a kind may have anything to say about an object, found without asking each: those that are left out do not
 * match, by their namespaces or by a label that they require, and hold nothing.
 */
export class ProgramIndex {
  /** What programs that are left out say, one for each program. */
  readonly unmatched: readonly Verdict[];
  readonly #programs: readonly Program[];
  readonly #all: Places;
  readonly #byPolicy: ReadonlyMap<string, number>;
  readonly #fitsNamespace: readonly ((name: string) => boolean)[];
  readonly #locals = new Map<string, Local>();

  constructor(programs: readonly Program[]) {
    this.#programs = programs;
    this.unmatched = programs.map(() => UNMATCHED);
    this.#all = programs.map((_, place) => place);
    this.#byPolicy = new Map(programs.map(({ policy }, place) => [policy, place]));
    this.#fitsNamespace = programs.map(({ reach }) => anyGlob(reach.namespaces ?? ['*']));
  }

  /** In order. */
  candidates({ object, kind, namespaceOf, held }: Candidate): Places {
    if (this.#programs.length <= FEW) return this.#all;
    const { always, byLabel } = this.#local(object, kind, namespaceOf);
    const more: number[] = [];
    for (const [key, byValue] of byLabel) {
      if (!Object.hasOwn(object.labels, key)) continue;
      for (const place of byValue.get(object.labels[key] ?? '') ?? []) more.push(place);
    }
    for (const policy of held.keys()) {
      const place = this.#byPolicy.get(policy);
      if (place !== undefined) more.push(place);
    }
    return more.length === 0 ? always : [...new Set([...always, ...more])].toSorted((a, b) => a - b);
  }

  #local(object: CachedObject, kind: KindContext, namespaceOf: NamespaceLookup): Local {
    // A Namespace is its own namespace, without what policies have set on it: its labels say too little.
    const isOwn = isNamespace(kind);
    const name = isOwn ? object.name : object.namespace;
    const labels = isOwn || kind.scope === 'Cluster' ? undefined : namespaceOf(name)?.labels;
    const known = this.#locals.get(name);
    if (known !== undefined && known.labels === labels) return known;
    const local = this.#look(name, labels, kind.scope === 'Cluster' && !isOwn);
    this.#locals.delete(name);
    this.#locals.set(name, local);
    dropOldest(this.#locals, MAX_NAMESPACES);
    return local;
  }

  #look(name: string, labels: StringMap | undefined, isBeyondNamespaces: boolean): Local {
    const always: number[] = [];
    const byLabel = new Map<string, Map<string, number[]>>();
    for (const [place, { extent }] of this.#programs.entries()) {
      if (isBeyondNamespaces ? extent.isNamespaced : this.#fitsNamespace[place]?.(name) === false) continue;
      if (labels !== undefined && !meets(labels, extent.namespaceLabels)) continue;
      const required = requiredLabel(extent.labels);
      if (required === undefined) always.push(place);
      else for (const value of required.values) add(byLabel, required.key, value, place);
    }
    return { labels, always, byLabel };
  }
}

const INDEXES = new WeakMap<readonly Program[], ProgramIndex>();

/** Of a list that never changes. */
export function indexOf(programs: readonly Program[]): ProgramIndex {
  let index = INDEXES.get(programs);
  if (index === undefined) {
    index = new ProgramIndex(programs);
    INDEXES.set(programs, index);
  }
  return index;
}

function meets(labels: StringMap, required: Program['extent']['labels']): boolean {
  for (const [key, values] of required) if (!allows(values, labels, key)) return false;
  return true;
}

/** A label without which no object is matched, and its values. */
function requiredLabel(required: Program['extent']['labels']) {
  for (const [key, { absent, only, values }] of required) if (!absent && only) return { key, values };
  return undefined;
}

function add(byLabel: Map<string, Map<string, number[]>>, key: string, value: string, place: number): void {
  let byValue = byLabel.get(key);
  if (byValue === undefined) {
    byValue = new Map();
    byLabel.set(key, byValue);
  }
  const places = byValue.get(value);
  if (places === undefined) byValue.set(value, [place]);
  else places.push(place);
}
