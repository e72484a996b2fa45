import type { FieldIssue } from '../api/field-issue.ts';
import type { GroupResourceName } from '../api/resource.ts';
import { allSteps, type Steps } from '../base/steps.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import { isExact } from '../policy/resource-terms.ts';
import { Expansions } from './expansions.ts';
import { type Absence, emptyDraft, type KindDraft, type KindPlan, planKind } from './kind-plan.ts';
import { type PolicyRecord, withoutRoom } from './ledger-room.ts';
import { isBeyond, type KindId, kindId, limitText, type Namespaces } from './limits.ts';
import { whyNotServed } from './not-served.ts';
import type { Expansion, Targeted } from './targets.ts';
import { watchedName } from './watched-name.ts';
import { wholeKinds } from './whole-kinds.ts';
import { unwritable } from './writable.ts';

export const NAMESPACES: GroupResourceName = 'namespaces';

export interface PlanInput {
  /** Programs in force. */
  readonly programs: readonly Program[];
  readonly discovery: DiscoverySnapshot;
  /** Uid of the CRD that serves a group/resource, where one does. */
  readonly crdUids: ReadonlyMap<GroupResourceName, string>;
  /** Uid of the APIService of an aggregated API server, by its name, `version.group`. */
  readonly apiServiceUids: ReadonlyMap<string, string>;
  /** Kinds whose objects may carry keys of ours, by the name under which they were written. */
  readonly written: ReadonlySet<GroupResourceName>;
  /** By policy, what is on record of its keys. */
  readonly onRecord?: ReadonlyMap<string, PolicyRecord>;
  /** Where anything may be watched, Namespaces themselves apart. */
  readonly namespaces?: Namespaces;
}

export interface Plan {
  readonly kinds: ReadonlyMap<KindId, KindPlan>;
  /** By group/resource: what is wanted and not in `kinds`, where Namespaces may be only for what they say of other objects. */
  readonly absent: ReadonlyMap<GroupResourceName, Absence>;
  /** By policy that is carried out: what its targets come to; each of the resources is in `kinds` or in `absent`. */
  readonly parts: ReadonlyMap<string, Part>;
  /** By policy: why it cannot be carried out on this server beside the others. Such a policy has no part in `kinds`. */
  readonly refused: ReadonlyMap<string, Refusal>;
}

export interface Part extends Expansion {
  readonly program: Program;
}

/** Why a policy cannot be carried out, at least one issue. */
export interface Refusal {
  readonly program: Program;
  readonly issues: readonly FieldIssue[];
}

/**
 * Which kinds are to be watched, how much of them, and for whom: computed from scratch from what is known now, so that it
 * does not matter in which order policies, CRDs and rights came and went.
 */
export function planWatches(input: PlanInput): Plan {
  return allSteps(planInSteps(input));
}

/** The same, policy by policy and kind by kind. `expansions`: those of earlier plans. The input must stay as it is. */
export function* planInSteps(input: PlanInput, expansions: Expansions = new Expansions(input.namespaces)): Steps<Plan> {
  const { programs, discovery, written, onRecord = new Map() } = input;
  const parts = new Map<string, Part>();
  const drafts = new Map<GroupResourceName, KindDraft>();
  const refused = new Map<string, Refusal>();
  expansions.keep(programs);
  const roomless = yield* withoutRoom(programs, onRecord);
  for (const program of programs) {
    if (program.mode === 'Suspended') continue;
    const expansion = yield* expansions.inSteps(program, discovery);
    const roomIssue = roomless.get(program.policy);
    const issues = [...unwritable(program, expansion, discovery), ...(roomIssue === undefined ? [] : [roomIssue])];
    if (issues.length > 0) {
      refused.set(program.policy, { program, issues });
      continue;
    }
    parts.set(program.policy, { program, ...expansion });
    const owner = `policy/${program.policy}`;
    for (const [name, targeted] of expansion.resources) addProgram(draftOf(drafts, name), program, owner, targeted);
    yield;
  }
  for (const name of written) draftOf(drafts, watchedName(name, discovery)).owners.add('cleanup');
  if (drafts.size > 0) draftOf(drafts, NAMESPACES).owners.add('source');
  // A suspended policy watches nothing, but takes part where others watch.
  for (const program of programs) {
    if (program.mode !== 'Suspended') continue;
    const { resources } = yield* expansions.inSteps(program, discovery);
    for (const name of resources.keys()) drafts.get(name)?.programs.push(program);
    yield;
  }
  // So does one whose version is not served any more: what it has written there is held.
  for (const { program, skipped } of parts.values()) {
    for (const { name, version } of skipped) {
      const draft = version === undefined ? undefined : drafts.get(name);
      if (draft === undefined || version === undefined) continue;
      draft.programs.push(program);
      draft.versions.set(program, version);
    }
    yield;
  }
  const mustBeWhole = yield* wholeKinds(input, parts);
  const { kinds, absent } = yield* planKinds(input, drafts, mustBeWhole);
  return { kinds, absent, parts, refused };
}

function* planKinds(
  input: PlanInput,
  drafts: ReadonlyMap<GroupResourceName, KindDraft>,
  mustBeWhole: (draft: KindDraft, served: ServedResource) => boolean,
): Steps<Pick<Plan, 'kinds' | 'absent'>> {
  const { discovery, crdUids, apiServiceUids, namespaces } = input;
  const kinds = new Map<KindId, KindPlan>();
  const absent = new Map<GroupResourceName, Absence>();
  const plan = (name: GroupResourceName, draft: KindDraft, served: ServedResource, namespace?: string): void => {
    const incarnation = (version: string) => crdUids.get(name) ?? apiServiceUids.get(`${version}.${served.group}`);
    const planned = planKind(name, draft, served, { namespace, isWhole: mustBeWhole(draft, served), incarnation });
    if ('state' in planned) absent.set(name, planned);
    else kinds.set(kindId(name, namespace), planned);
  };
  for (const [name, draft] of drafts) {
    const served = discovery.get(name);
    if (served === undefined) {
      absent.set(name, whyNotServed(name, input));
    } else if (isBeyond(served, namespaces)) {
      const message = `${name} is cluster-scoped, and ${limitText(namespaces)}`;
      if (draft.programs.length > 0 || name !== NAMESPACES) absent.set(name, { state: 'Failed', message });
      if (name === NAMESPACES) plan(name, { ...emptyDraft(), owners: new Set(['source']) }, served);
    } else {
      for (const namespace of namespaces ?? [undefined]) {
        plan(name, draft, served, namespace);
        yield;
      }
    }
    yield;
  }
  return { kinds, absent };
}

function draftOf(drafts: Map<GroupResourceName, KindDraft>, name: GroupResourceName): KindDraft {
  let draft = drafts.get(name);
  if (draft === undefined) {
    draft = emptyDraft();
    drafts.set(name, draft);
  }
  return draft;
}

function addProgram(draft: KindDraft, program: Program, owner: string, { target, version }: Targeted): void {
  draft.programs.push(program);
  draft.owners.add(owner);
  draft.isGlobbed ||= !isExact(target);
  if (version !== undefined) draft.versions.set(program, version);
}
