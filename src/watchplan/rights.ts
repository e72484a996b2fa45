import { type GroupResource, parseGroupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import type { Plan } from './plan.ts';
import { neededVerbs, type TargetVerb } from './verbs.ts';

/** A right without which something of a plan cannot be carried out. */
export interface NeededRight extends GroupResource {
  readonly verbs: readonly TargetVerb[];
  /** Names of the policies for which it is needed, in alphabetical order. */
  readonly policies: readonly string[];
  /** False: it will be needed once the server serves the kind. */
  readonly served: boolean;
}

/** A kind that policies name and for which no right would help. */
export interface OutOfReach extends GroupResource {
  readonly why: string;
}

export interface NeededRights {
  /** By group and resource. */
  readonly rights: readonly NeededRight[];
  readonly outOfReach: readonly OutOfReach[];
}

/**
 * The rights on the kinds of policies that a plan for this server needs, in all namespaces or in each of the plan's: the ones
 * that statuses ask for where they are missing.
 */
export function neededRights(
  { parts, absent }: Pick<Plan, 'parts' | 'absent'>,
  discovery: DiscoverySnapshot,
): NeededRights {
  const programs = Map.groupBy(
    [...parts.values()].flatMap(({ program, resources }) => [...resources.keys()].map((name) => ({ name, program }))),
    ({ name }) => name,
  );
  const rights: NeededRight[] = [];
  const outOfReach: OutOfReach[] = [];
  for (const [name, entries] of programs) {
    const resource = parseGroupResourceName(name);
    const absence = absent.get(name);
    const served = discovery.has(name);
    if (served && absence?.state === 'Failed') outOfReach.push({ ...resource, why: absence.message });
    else rights.push({ ...resource, ...neededFor(entries.map(({ program }) => program)), served });
  }
  return { rights: rights.toSorted(byName), outOfReach: outOfReach.toSorted(byName) };
}

function neededFor(programs: readonly Program[]): Pick<NeededRight, 'verbs' | 'policies'> {
  return { verbs: neededVerbs(programs), policies: programs.map(({ policy }) => policy).toSorted() };
}

function byName(a: GroupResource, b: GroupResource): number {
  if (a.group !== b.group) return a.group < b.group ? -1 : 1;
  return a.resource < b.resource ? -1 : 1;
}
