import { BOUNDS } from '../api/bounds.ts';
import {
  CONDITION_TYPES,
  type PolicyCondition,
  type PolicySummary,
  type ReportedViolation,
  type WatchedResource,
  type WatchPolicyStatus,
} from '../api/status.ts';
import { cutTo } from '../api/words.ts';
import { truncate } from '../policy/messages.ts';
import { type ConditionInput, type ConditionVerdicts, conditionVerdicts } from './conditions.ts';
import type { PolicyTotals } from './policy-totals.ts';

/** All that a policy's status is made of. */
export interface StatusInput extends ConditionInput {
  readonly generation: number;
  /** In the order of `VerdictTable.violations`. */
  readonly violations: readonly ReportedViolation[];
  /** What stands in the object now: times and, until more is known, counts are carried over. */
  readonly previous: WatchPolicyStatus;
  /** RFC 3339 */
  readonly now: string;
}

/** The whole status, computed from what is known now. Pure; what it returns is valid for the schema. */
export function buildStatus(input: StatusInput): WatchPolicyStatus {
  const { generation, program, refusal } = input;
  const resources = input.resources
    .map((resource) => ({ ...resource, message: truncate(resource.message) }))
    .toSorted(unhealthyFirst);
  return withoutUndefined({
    observedGeneration: generation,
    enforcedGeneration: refusal === undefined ? program?.generation : undefined,
    conditions: conditionsOf(conditionVerdicts({ ...input, resources }), input),
    watching: {
      synced: countOf(resources, 'Watching'),
      notServed: countOf(resources, 'NotServed'),
      forbidden: countOf(resources, 'Forbidden'),
      failed: countOf(resources, 'Failed'),
      skipped: input.skipped.length,
    },
    resources: resources.slice(0, BOUNDS.statusResources),
    ...findings(input),
  });
}

/** The part of a status whose change is worth a write at once, to be compared with another such part. */
export function withoutCounts(status: WatchPolicyStatus): object {
  return { ...status, summary: undefined, watching: undefined };
}

function conditionsOf(verdicts: ConditionVerdicts, { generation, previous, now }: StatusInput): PolicyCondition[] {
  return CONDITION_TYPES.map((type) => {
    const { status, reason, message } = verdicts[type];
    const before = previous.conditions?.find((condition) => condition.type === type);
    return {
      type,
      status,
      reason,
      message: cutTo(BOUNDS.conditionMessage, message),
      observedGeneration: generation,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
    };
  });
}

/** What was found last stands while more is to be known soon; of a policy of which nothing is in force nothing is said. */
function findings({
  coverage,
  totals,
  violations,
  program,
  refusal,
  previous,
}: StatusInput): Partial<Pick<WatchPolicyStatus, 'summary' | 'violations' | 'violationsTotal'>> {
  if (program === undefined || program.mode === 'Suspended' || refusal !== undefined) return {};
  if (coverage !== 'Pending') {
    const listed = violations.slice(0, BOUNDS.statusViolations);
    return { summary: summaryOf(totals), violations: listed, violationsTotal: totals.results };
  }
  const { summary, violations: before, violationsTotal } = previous;
  return withoutUndefined({ summary, violations: before, violationsTotal });
}

function summaryOf({ matched, compliant, violating, errors, yielded, owned }: PolicyTotals): PolicySummary {
  return { matched, compliant, violating, errors, yielded, owned };
}

function countOf(resources: readonly WatchedResource[], state: WatchedResource['state']): number {
  return resources.filter((resource) => resource.state === state).length;
}

const HEALTH: readonly WatchedResource['state'][] = ['Forbidden', 'Failed', 'NotServed', 'Syncing', 'Watching'];

function unhealthyFirst(a: WatchedResource, b: WatchedResource): number {
  if (a.state !== b.state) return HEALTH.indexOf(a.state) - HEALTH.indexOf(b.state);
  if (a.group !== b.group) return a.group < b.group ? -1 : 1;
  return a.resource < b.resource ? -1 : 1;
}

function withoutUndefined(
  status: { [K in keyof WatchPolicyStatus]: WatchPolicyStatus[K] | undefined },
): WatchPolicyStatus {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}
