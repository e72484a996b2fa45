import { namesOf } from '../api/cohabitation.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { listed } from '../api/words.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { Program, Target } from '../policy/program.ts';
import { anyTerm, isExact, type ScopedResource } from '../policy/resource-terms.ts';
import { isBeyond, limitText, type Namespaces } from './limits.ts';
import { missingVerbs } from './verbs.ts';
import { watchedName } from './watched-name.ts';

/** A resource that a program is about. */
export interface Targeted {
  readonly target: Target;
  /** The version in which more than metadata is read; undefined where no more is, and where nothing is served. */
  readonly version: string | undefined;
}

/** A resource that the server has and an entry fits, and that is left out all the same. */
export interface Skipped {
  readonly name: GroupResourceName;
  /** A clause that does not name the resource, so that those with the same reason can be told of together. */
  readonly reason: string;
  /** Where it is left out because it is not served in this version: what was written when it was is held. */
  readonly version: string | undefined;
}

/** What a program's targets come to on a server. */
export interface Expansion {
  /** By name in alphabetical order. What is named exactly is here also while it is not served. */
  readonly resources: ReadonlyMap<GroupResourceName, Targeted>;
  /** By name in alphabetical order. */
  readonly skipped: readonly Skipped[];
  /** Targets that come to nothing for now, with the reason as a clause. */
  readonly waiting: ReadonlyMap<Target, string>;
}

/** A resource of the server is in `resources`, or in `skipped`, or the program does not speak of it. */
export function expandTargets(program: Program, discovery: DiscoverySnapshot, look: LookAt = lookAt): Expansion {
  const resources: [GroupResourceName, Targeted][] = [];
  const skipped: Skipped[] = [];
  for (const served of candidates(program, discovery)) {
    const name = groupResourceName(served);
    const found = look(served, program, discovery);
    if (found?.kind === 'Targeted') resources.push([name, found]);
    else if (found?.kind === 'Skipped') skipped.push({ name, reason: found.reason, version: found.version });
  }
  const waiting = new Map<Target, string>();
  const hits = new Set(resources.map(([, { target }]) => target));
  const left = new Set(skipped.map(({ name }) => name));
  for (const target of program.targets) {
    if (hits.has(target)) continue;
    const why = isExact(target) ? whyNotNamed(target, left, discovery) : whyNothingFits(target, left, discovery);
    if (why === 'NotServed')
      resources.push([groupResourceName(target), { target, version: namedVersion(target, program) }]);
    else if (why !== undefined) waiting.set(target, why);
  }
  return {
    resources: new Map(resources.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    skipped: skipped.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    waiting,
  };
}

/** Without globs there is no need to go through all that the server has. */
function candidates({ targets }: Program, discovery: DiscoverySnapshot): Iterable<ServedResource> {
  if (!targets.every(isExact)) return discovery.values();
  return new Set(targets.flatMap(namesOf).flatMap((name) => discovery.get(groupResourceName(name)) ?? []));
}

type Look =
  | { readonly kind: 'Targeted'; readonly target: Target; readonly version: string | undefined }
  | { readonly kind: 'Skipped'; readonly reason: string; readonly version: string | undefined };

type LookAt = (served: ServedResource, program: Program, discovery: DiscoverySnapshot) => Look | undefined;

function lookAt(served: ServedResource, program: Program, discovery: DiscoverySnapshot): Look | undefined {
  const names = namesOf(served).filter((name) => discovery.has(groupResourceName(name)));
  const name = groupResourceName(served);
  const watched = watchedName(name, discovery);
  const asked = scoped(served);
  if (watched !== name) {
    const reason = `its objects are watched as ${watched}`;
    return program.about(asked, [served]).kind === 'Globbed' ? leftOut(reason) : undefined;
  }
  const fit = program.about(asked, names);
  if (fit.kind === 'None') return undefined;
  if (fit.kind === 'Skipped') return leftOut(fit.reason);
  if (fit.kind === 'Globbed') return firstThatServes(fit.terms, served, program);
  return { kind: 'Targeted', target: fit.term, version: versionOf(fit.term, served, program) };
}

/** Of the globs that fit, the first whose version is served with all that the program needs. */
function firstThatServes(terms: readonly Target[], served: ServedResource, program: Program): Look | undefined {
  let left: Look | undefined;
  for (const target of terms) {
    const named = namedVersion(target, program);
    const versions = named === undefined ? served.versions : served.versions.filter(({ version }) => version === named);
    const [first] = versions;
    if (versions.some((version) => missingVerbs(version, [program]).length === 0)) {
      return { kind: 'Targeted', target, version: versionOf(target, served, program) };
    }
    left ??=
      first === undefined
        ? leftOut(`the API server does not serve it in ${named}`, named)
        : leftOut(`the API server does not offer ${listed(missingVerbs(first, [program]), 'and')} for it`);
  }
  return left;
}

function leftOut(reason: string, version?: string): Look {
  return { kind: 'Skipped', reason, version };
}

/** Only where more than metadata is read does it matter in which version. */
function versionOf(target: Target, { versions }: ServedResource, program: Program): string | undefined {
  if (program.reads.fields.length === 0) return undefined;
  if (target.version !== '*') return target.version;
  return (versions.find((version) => missingVerbs(version, [program]).length === 0) ?? versions[0])?.version;
}

function namedVersion({ version }: Target, { reads }: Program): string | undefined {
  return reads.fields.length === 0 || version === '*' ? undefined : version;
}

function whyNotNamed(target: Target, left: ReadonlySet<GroupResourceName>, discovery: DiscoverySnapshot) {
  if (namesOf(target).some((name) => left.has(groupResourceName(name)))) return undefined;
  const served = discovery.get(groupResourceName(target));
  if (served === undefined) return 'NotServed';
  const { scope } = scoped(served);
  // Else it is watched under its other name, by which another entry has it.
  const isOther = target.scope !== '*' && target.scope !== scope;
  return isOther ? `the API server serves it with scope ${scope}, not ${target.scope}` : undefined;
}

function whyNothingFits(target: Target, left: ReadonlySet<GroupResourceName>, discovery: DiscoverySnapshot) {
  const fits = anyTerm([target]);
  let found = 0;
  for (const served of discovery.values()) {
    if (!fits(scoped(served), [served])) continue;
    if (!left.has(groupResourceName(served))) return undefined;
    found += 1;
  }
  return found === 0
    ? 'the API server serves nothing that this fits yet'
    : 'all that this fits is left out, unless it is named exactly';
}

function scoped({ group, resource, versions }: ServedResource): ScopedResource {
  return { group, resource, scope: versions[0]?.scope ?? 'Namespaced' };
}

/**
 * The expansion of each program, computed once for each state of the server. What stays the same object from one snapshot to
 * the next is not looked at again: with many globs and many CRDs that come one after another it would add up.
 */
export class Expansions {
  readonly #namespaces: Namespaces;
  #discovery: DiscoverySnapshot | undefined;
  /** The same in alphabetical order: what is sorted already costs nothing to sort. */
  #sorted: DiscoverySnapshot = new Map();
  #known = new WeakMap<Program, Expansion>();
  readonly #looks = new WeakMap<Program, WeakMap<ServedResource, Look | 'Nothing'>>();

  /** Globs leave out what cannot be within `namespaces`. */
  constructor(namespaces?: Namespaces) {
    this.#namespaces = namespaces;
  }

  of(program: Program, discovery: DiscoverySnapshot): Expansion {
    if (discovery !== this.#discovery) {
      this.#discovery = discovery;
      this.#sorted = new Map([...discovery].toSorted(([a], [b]) => (a < b ? -1 : 1)));
      this.#known = new WeakMap();
    }
    let expansion = this.#known.get(program);
    if (expansion === undefined) {
      expansion = expandTargets(program, this.#sorted, (...asked) => this.#within(asked[0], this.#lookAt(...asked)));
      this.#known.set(program, expansion);
    }
    return expansion;
  }

  #within(served: ServedResource, look: Look | undefined): Look | undefined {
    if (look?.kind !== 'Targeted' || isExact(look.target) || !isBeyond(served, this.#namespaces)) return look;
    return leftOut(`it is cluster-scoped, and ${limitText(this.#namespaces)}`);
  }

  #lookAt(served: ServedResource, program: Program, discovery: DiscoverySnapshot): Look | undefined {
    // Of a resource with several names it matters which others are served.
    if (namesOf(served).length > 1) return lookAt(served, program, discovery);
    let looks = this.#looks.get(program);
    if (looks === undefined) {
      looks = new WeakMap();
      this.#looks.set(program, looks);
    }
    let look = looks.get(served);
    if (look === undefined) {
      look = lookAt(served, program, discovery) ?? 'Nothing';
      looks.set(served, look);
    }
    return look === 'Nothing' ? undefined : look;
  }
}
