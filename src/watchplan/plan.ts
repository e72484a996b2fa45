import type { FieldIssue } from '../api/field-issue.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program, Target } from '../policy/program.ts';
import { type Absence, type KindDraft, type KindPlan, planKind } from './kind-plan.ts';
import { versionConflicts } from './versions.ts';
import { unwritable } from './writable.ts';

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

export interface Plan {
  readonly kinds: ReadonlyMap<GroupResourceName, KindPlan>;
  /** By group/resource, for kinds that a policy names and that are not in `kinds`. */
  readonly absent: ReadonlyMap<GroupResourceName, Absence>;
  /** By policy: why it cannot be carried out on this server beside the others. Such a policy has no part in `kinds`. */
  readonly refused: ReadonlyMap<string, readonly FieldIssue[]>;
}

/**
 * Which kinds are to be watched, how much of them, and for whom: computed from scratch from what is known now, so that it
 * does not matter in which order policies, CRDs and rights came and went.
 */
export function planWatches({ programs, discovery, crdUids, written }: PlanInput): Plan {
  const drafts = new Map<GroupResourceName, KindDraft>();
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

function draftOf(drafts: Map<GroupResourceName, KindDraft>, name: GroupResourceName): KindDraft {
  let draft = drafts.get(name);
  if (draft === undefined) {
    draft = { programs: [], fields: new Set(), owners: new Set(), version: undefined, versionOf: '' };
    drafts.set(name, draft);
  }
  return draft;
}

function addProgram(drafts: Map<GroupResourceName, KindDraft>, target: Target, program: Program): void {
  const draft = draftOf(drafts, groupResourceName(target));
  draft.programs.push(program);
  draft.owners.add(`policy/${program.policy}`);
  if (program.reads.fields.length === 0) return;
  for (const field of program.reads.fields) draft.fields.add(field);
  draft.version = target.version;
  draft.versionOf = program.policy;
}
