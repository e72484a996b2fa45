import type { Representation } from '../api/object.ts';
import { type GroupResource, type GroupResourceName, parseGroupResourceName } from '../api/resource.ts';
import { listed } from '../api/words.ts';
import { isEverything, type Selection } from '../informer/selection.ts';
import type { WatchSpec } from '../informer/watch-spec.ts';
import type { ServedResource, ServedVersion } from '../kube/discovery.ts';
import { byPrecedence } from '../policy/evaluate.ts';
import type { KindContext, Program } from '../policy/program.ts';
import { selectionOf } from './selection.ts';
import { missingVerbs } from './verbs.ts';

/** One version in which the objects of a kind are watched. */
export interface ViewPlan {
  readonly context: KindContext;
  readonly spec: WatchSpec;
}

/** One kind that is to be watched, in all namespaces or in one. */
export interface KindPlan {
  /** Undefined: in all. */
  readonly namespace: string | undefined;
  /**
   * The first is the main one: by it objects come and go, labels and ownership are read, and writes are made. There are others
   * only where programs read more than metadata in several versions; of these nothing but the body counts.
   */
  readonly views: readonly [ViewPlan, ...ViewPlan[]];
  /** In order of precedence. */
  readonly programs: readonly Program[];
  /** By program, the version in which it reads more than metadata. Programs that read no more are not in here. */
  readonly versions: ReadonlyMap<Program, string>;
  /** Of these programs, those whose version cannot be watched. */
  readonly absent: ReadonlyMap<Program, Absence>;
  /** `policy/NAME`, `cleanup`, `source` */
  readonly owners: ReadonlySet<string>;
}

/** Why a kind that a policy names, or a version of it, is not watched. */
export type Absence =
  | { readonly state: 'NotServed'; readonly message: string }
  | { readonly state: 'Failed'; readonly message: string };

/** All that is wanted of one kind. */
export interface KindDraft {
  readonly programs: Program[];
  /** By program, the version in which it reads more than metadata. */
  readonly versions: Map<Program, string>;
  readonly owners: Set<string>;
  /** A policy has it only because a glob fits, as it may fit hundreds of others. */
  isGlobbed: boolean;
}

export function emptyDraft(): KindDraft {
  return { programs: [], versions: new Map(), owners: new Set(), isGlobbed: false };
}

/** What of a kind is watched, beside the programs on it. */
export interface Where {
  /** The only namespace; undefined: all. */
  readonly namespace: string | undefined;
  /** Objects are to be seen also where no program can match them. */
  readonly isWhole: boolean;
  /** Uid of the CRD or of the APIService that serves the version. */
  readonly incarnation: (version: string) => string | undefined;
}

export function planKind(
  name: GroupResourceName,
  draft: KindDraft,
  served: ServedResource,
  { namespace, isWhole, incarnation }: Where,
): KindPlan | Absence {
  const { versions } = draft;
  const programs = draft.programs.toSorted(byPrecedence);
  const absent = new Map<Program, Absence>();
  for (const [program, version] of versions) {
    const absence = absenceOf(name, version, served);
    if (absence !== undefined) absent.set(program, absence);
  }
  // These need no watch; where there is one they take part in it, so that what they have set is held.
  const idle = new Set([...absent.keys()].map(({ policy }) => `policy/${policy}`));
  const owners = idle.size === 0 ? draft.owners : new Set([...draft.owners].filter((owner) => !idle.has(owner)));
  const [none] = absent.values();
  if (none !== undefined && owners.size === 0) return together(name, served, absent, versions) ?? none;

  const read = served.versions.filter(({ version }) =>
    [...versions].some(([program, named]) => named === version && !absent.has(program)),
  );
  const main = mainOf(served.versions, read, programs);
  if (main === undefined) return { state: 'NotServed', message: `the API server does not serve ${name} yet` };
  const missing = missingVerbs(main, []);
  if (missing.length > 0) return { state: 'Failed', message: notOffered(name, missing) };
  const where = { ...parseGroupResourceName(name), namespace };
  const selection = isWhole ? undefined : selectedFor(draft, main, namespace);
  const viewOf = (version: ServedVersion) =>
    planView(where, version, { fields: fieldsOf(version, versions), selection }, incarnation(version.version));
  const others = read.filter((version) => version !== main);
  return { namespace, views: [viewOf(main), ...others.map(viewOf)], programs, versions, absent, owners };
}

/** In so many namespaces a kind that policies name is watched one by one, at most. */
const MOST_SLICES = 8;

function selectedFor(
  { programs, isGlobbed }: KindDraft,
  { scope }: ServedVersion,
  namespace: string | undefined,
): Selection | undefined {
  const selection = selectionOf({
    programs: programs.filter(({ mode }) => mode !== 'Suspended'),
    scope,
    namespace,
    // One watch in one namespace costs no more than one in all.
    mostSlices: isGlobbed ? 1 : MOST_SLICES,
  });
  return isEverything(selection) ? undefined : selection;
}

/** All versions that are not served, where nothing else is wrong with any. */
function together(
  name: GroupResourceName,
  served: ServedResource,
  absent: ReadonlyMap<Program, Absence>,
  versions: ReadonlyMap<Program, string>,
): Absence | undefined {
  if ([...absent.values()].some(({ state }) => state !== 'NotServed')) return undefined;
  const named = [...absent.keys()].flatMap((program) => versions.get(program) ?? []);
  return notServed(name, served, [...new Set(named)].toSorted());
}

function planView(
  { namespace, ...gr }: GroupResource & { readonly namespace: string | undefined },
  { version, kind, scope }: ServedVersion,
  { fields, selection }: { readonly fields: readonly string[]; readonly selection: Selection | undefined },
  incarnation: string | undefined,
): ViewPlan {
  const representation: Representation = fields.length === 0 ? { kind: 'Metadata' } : { kind: 'Projected', fields };
  return {
    context: { ...gr, version, kind, scope },
    spec: {
      gvr: { ...gr, version },
      namespace,
      representation,
      incarnation,
      ...(selection === undefined ? {} : { selection }),
    },
  };
}

/** All that any program reads in the version. */
function fieldsOf({ version }: ServedVersion, versions: KindDraft['versions']): readonly string[] {
  const fields = [...versions].flatMap(([{ reads }, named]) => (named === version ? reads.fields : []));
  return [...new Set(fields)].toSorted();
}

/**
 * A version that is read anyway, else whatever the server prefers; all in the server's order, so that it does not matter who
 * came first. Where something is written, one that can be.
 */
function mainOf(
  served: readonly ServedVersion[],
  read: readonly ServedVersion[],
  programs: readonly Program[],
): ServedVersion | undefined {
  const suits = (version: ServedVersion) => missingVerbs(version, programs).length === 0;
  return read.find(suits) ?? served.find(suits) ?? read.find(isWatchable) ?? served.find(isWatchable) ?? served[0];
}

function isWatchable(version: ServedVersion): boolean {
  return missingVerbs(version, []).length === 0;
}

function absenceOf(name: GroupResourceName, version: string, resource: ServedResource): Absence | undefined {
  const served = resource.versions.find((one) => one.version === version);
  if (served === undefined) return notServed(name, resource, [version]);
  const missing = missingVerbs(served, []);
  return missing.length === 0 ? undefined : { state: 'Failed', message: notOffered(name, missing) };
}

function notServed(name: GroupResourceName, { versions }: ServedResource, wanted: readonly string[]): Absence {
  const has = versions.map(({ version }) => version).join(', ');
  return { state: 'NotServed', message: `the API server serves ${name} in ${has}, not in ${listed(wanted, 'or')}` };
}

function notOffered(name: GroupResourceName, missing: readonly string[]): string {
  return `the API server does not offer ${listed(missing, 'and')} for ${name}`;
}
