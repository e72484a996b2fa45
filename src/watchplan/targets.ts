import { namesOf } from '../api/cohabitation.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { listed } from '../api/words.ts';
import { allSteps, type Steps } from '../base/steps.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { Program, Target } from '../policy/program.ts';
import { anyTerm, isExact } from '../policy/resource-terms.ts';
import { Catalogue, type Listed, scopedOf } from './catalogue.ts';
import { missingVerbs } from './verbs.ts';

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
export function expandTargets(program: Program, discovery: DiscoverySnapshot): Expansion {
  return allSteps(expandInSteps(program, new Catalogue(discovery)));
}

/** How many resources are looked at in one step. A look is short, unless a policy has hundreds of globs. */
const LOOKS_IN_A_STEP = 16;

/** `look`: what the program makes of a resource of the server. */
export function* expandInSteps(
  program: Program,
  catalogue: Catalogue,
  look: (served: Listed, program: Program) => Look | undefined = lookAt,
): Steps<Expansion> {
  const { discovery } = catalogue;
  const resources: [GroupResourceName, Targeted][] = [];
  const skipped: Skipped[] = [];
  let looks = 0;
  for (const served of candidates(program, catalogue)) {
    const { name } = served;
    const found = look(served, program);
    if (found?.kind === 'Targeted') resources.push([name, found]);
    else if (found?.kind === 'Skipped') skipped.push({ name, reason: found.reason, version: found.version });
    looks += 1;
    if (looks % LOOKS_IN_A_STEP === 0) yield;
  }
  const waiting = new Map<Target, string>();
  const hits = new Set(resources.map(([, { target }]) => target));
  const left = new Set(skipped.map(({ name }) => name));
  for (const target of program.targets) {
    if (hits.has(target)) continue;
    yield;
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
function candidates({ targets }: Program, catalogue: Catalogue): Iterable<Listed> {
  if (!targets.every(isExact)) return catalogue.all;
  return new Set(targets.flatMap(namesOf).flatMap((name) => catalogue.get(groupResourceName(name)) ?? []));
}

export type Look =
  | { readonly kind: 'Targeted'; readonly target: Target; readonly version: string | undefined }
  | { readonly kind: 'Skipped'; readonly reason: string; readonly version: string | undefined };

export function lookAt({ served, name, scoped, watched, names }: Listed, program: Program): Look | undefined {
  if (watched !== name) {
    const reason = `its objects are watched as ${watched}`;
    return program.about(scoped, [served]).kind === 'Globbed' ? leftOut(reason) : undefined;
  }
  const fit = program.about(scoped, names);
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

export function leftOut(reason: string, version?: string): Look {
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
  const { scope } = scopedOf(served);
  // Else it is watched under its other name, by which another entry has it.
  const isOther = target.scope !== '*' && target.scope !== scope;
  return isOther ? `the API server serves it with scope ${scope}, not ${target.scope}` : undefined;
}

function whyNothingFits(target: Target, left: ReadonlySet<GroupResourceName>, discovery: DiscoverySnapshot) {
  const fits = anyTerm([target]);
  let found = 0;
  for (const served of discovery.values()) {
    if (!fits(scopedOf(served), [served])) continue;
    if (!left.has(groupResourceName(served))) return undefined;
    found += 1;
  }
  return found === 0
    ? 'the API server serves nothing that this fits yet'
    : 'all that this fits is left out, unless it is named exactly';
}
