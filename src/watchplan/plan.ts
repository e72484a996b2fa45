import type { FieldIssue } from '../api/field-issue.ts';
import type { Representation } from '../api/object.ts';
import {
  type GroupResource,
  type GroupResourceName,
  groupResourceName,
  parseGroupResourceName,
} from '../api/resource.ts';
import { listed, quoted } from '../api/words.ts';
import type { WatchSpec } from '../informer/watch-spec.ts';
import type { DiscoverySnapshot, ServedResource, ServedVersion } from '../kube/discovery.ts';
import type { KindContext, Program, Target } from '../policy/program.ts';

export const NAMESPACES: GroupResourceName = 'namespaces';

export interface PlanInput {
  /** Programs in force, in a fixed order: where two cannot both be served, the earlier one is. */
  readonly programs: readonly Program[];
  readonly discovery: DiscoverySnapshot;
  /** Uid of the CRD that serves a group/resource, where one does. */
  readonly crdUids: ReadonlyMap<GroupResourceName, string>;
  /** Kinds whose objects may carry keys of ours. */
  readonly written: ReadonlySet<GroupResourceName>;
}

/** One kind that is to be watched. */
export interface KindPlan {
  readonly context: KindContext;
  readonly spec: WatchSpec;
  readonly programs: readonly Program[];
  /** `policy/NAME`, `cleanup`, `source` */
  readonly owners: ReadonlySet<string>;
}

/** Why a kind that a policy names is not watched. */
export type Absence =
  | { readonly state: 'NotServed'; readonly message: string }
  | { readonly state: 'Failed'; readonly message: string };

export interface Plan {
  readonly kinds: ReadonlyMap<GroupResourceName, KindPlan>;
  /** By group/resource, for kinds that a policy names and that are not in `kinds`. */
  readonly absent: ReadonlyMap<GroupResourceName, Absence>;
  /** By policy: why it cannot be carried out on this server beside the others. Such a policy has no part in `kinds`. */
  readonly refused: ReadonlyMap<string, readonly FieldIssue[]>;
}

interface Draft {
  readonly programs: Program[];
  readonly fields: Set<string>;
  readonly owners: Set<string>;
  /** The version that a program reads more than metadata in, and whose program that is. */
  version: string | undefined;
  versionOf: string;
}

/**
 * Which kinds are to be watched, how much of them, and for whom: computed from scratch from what is known now, so that it
 * does not matter in which order policies, CRDs and rights came and went.
 */
export function planWatches({ programs, discovery, crdUids, written }: PlanInput): Plan {
  const drafts = new Map<GroupResourceName, Draft>();
  const refused = new Map<string, readonly FieldIssue[]>();
  for (const program of programs) {
    if (program.mode === 'Suspended') continue;
    const issues = [...versionConflicts(program, drafts), ...unwritable(program, discovery)];
    if (issues.length > 0) {
      refused.set(program.policy, issues);
      continue;
    }
    for (const target of program.targets) addProgram(drafts, target, program);
  }
  for (const name of written) draftOf(drafts, name).owners.add('cleanup');
  if (drafts.size > 0) draftOf(drafts, NAMESPACES).owners.add('source');
  // A suspended policy watches nothing, but takes part where others watch.
  for (const program of programs) {
    if (program.mode !== 'Suspended') continue;
    for (const target of program.targets) drafts.get(groupResourceName(target))?.programs.push(program);
  }

  const kinds = new Map<GroupResourceName, KindPlan>();
  const absent = new Map<GroupResourceName, Absence>();
  for (const [name, draft] of drafts) {
    const planned = planKind(name, draft, discovery.get(name), crdUids.get(name));
    if ('state' in planned) absent.set(name, planned);
    else kinds.set(name, planned);
  }
  return { kinds, absent, refused };
}

function draftOf(drafts: Map<GroupResourceName, Draft>, name: GroupResourceName): Draft {
  let draft = drafts.get(name);
  if (draft === undefined) {
    draft = { programs: [], fields: new Set(), owners: new Set(), version: undefined, versionOf: '' };
    drafts.set(name, draft);
  }
  return draft;
}

function versionConflicts(program: Program, drafts: ReadonlyMap<GroupResourceName, Draft>): readonly FieldIssue[] {
  if (program.reads.fields.length === 0) return [];
  return program.targets.flatMap((target) => {
    const draft = drafts.get(groupResourceName(target));
    if (draft?.version === undefined || draft.version === target.version) return [];
    const message = `must be '${draft.version}', in which policy '${draft.versionOf}' reads this resource, found '${target.version}'; several versions of one resource are not supported yet`;
    return [{ path: `${target.path}.version`, message }];
  });
}

/** Targets that the server has and that cannot be written: refused, so that they do not keep others from judging them. */
function unwritable(program: Program, discovery: DiscoverySnapshot): readonly FieldIssue[] {
  if (!writesKeys(program)) return [];
  return program.targets.flatMap((target) => {
    const name = groupResourceName(target);
    const named = program.reads.fields.length === 0 ? undefined : target.version;
    const served = (discovery.get(name)?.versions ?? []).filter(
      ({ version }) => named === undefined || named === version,
    );
    if (served.length === 0 || served.some(({ verbs }) => verbs.includes('patch'))) return [];
    const message = `must not be '${target.resource}' in a policy that writes: the API server does not offer patch for ${name}`;
    return [{ path: `${target.path}.resource`, message }];
  });
}

function addProgram(drafts: Map<GroupResourceName, Draft>, target: Target, program: Program): void {
  const draft = draftOf(drafts, groupResourceName(target));
  draft.programs.push(program);
  draft.owners.add(`policy/${program.policy}`);
  if (program.reads.fields.length === 0) return;
  for (const field of program.reads.fields) draft.fields.add(field);
  draft.version = target.version;
  draft.versionOf = program.policy;
}

function planKind(
  name: GroupResourceName,
  draft: Draft,
  served: ServedResource | undefined,
  incarnation: string | undefined,
): KindPlan | Absence {
  const gr = parseGroupResourceName(name);
  if (served === undefined) return { state: 'NotServed', message: `the API server does not serve ${name} yet` };
  const version = versionFor(served, draft);
  if (version === undefined) {
    const versions = served.versions.map((v) => v.version).join(', ');
    return { state: 'NotServed', message: `the API server serves ${name} in ${versions}, not in ${draft.version}` };
  }
  const missing = missingVerbs(version, draft.programs);
  if (missing.length > 0) {
    return { state: 'Failed', message: `the API server does not offer ${listed(missing, 'and')} for ${name}` };
  }
  const context = { ...gr, version: version.version, kind: version.kind, scope: version.scope };
  const representation: Representation =
    draft.fields.size === 0 ? { kind: 'Metadata' } : { kind: 'Projected', fields: [...draft.fields].toSorted() };
  const spec: WatchSpec = { gvr: gvrOf(gr, version), representation, incarnation };
  return { context, spec, programs: draft.programs, owners: draft.owners };
}

function gvrOf({ group, resource }: GroupResource, { version }: ServedVersion) {
  return { group, version, resource };
}

/** The version that a program names, else the first in the server's order that can be watched, else the first. */
function versionFor(served: ServedResource, draft: Draft): ServedVersion | undefined {
  if (draft.version !== undefined) return served.versions.find(({ version }) => version === draft.version);
  return served.versions.find((version) => missingVerbs(version, draft.programs).length === 0) ?? served.versions[0];
}

function missingVerbs({ verbs }: ServedVersion, programs: readonly Program[]): readonly string[] {
  const needed = programs.some((program) => program.mode !== 'Suspended' && writesKeys(program)) ? WRITING : WATCHING;
  return needed.filter((verb) => !verbs.includes(verb));
}

const WATCHING = ['list', 'watch'];
const WRITING = ['list', 'watch', 'patch'];

function writesKeys({ writes: { labels, annotations } }: Program): boolean {
  return labels.length + annotations.length > 0;
}

/** A policy that reads more than metadata must say in which version; the issue names those that the server has. */
export function missingVersions(program: Program, discovery: DiscoverySnapshot): readonly FieldIssue[] {
  if (program.reads.fields.length === 0) return [];
  return program.targets
    .filter(({ version }) => version === undefined)
    .map((target) => {
      const served = discovery.get(groupResourceName(target))?.versions.map(({ version }) => quoted(version)) ?? [];
      const has =
        served.length === 0 ? 'which is not served yet' : `which the API server has in ${listed(served, 'and')}`;
      const reads = listed(program.reads.fields.map(quoted), 'and');
      const message = `must be set, because the policy reads ${reads} of ${groupResourceName(target)}, ${has}`;
      return { path: `${target.path}.version`, message };
    });
}
