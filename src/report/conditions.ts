import type { FieldIssue } from '../api/field-issue.ts';
import { groupResourceName } from '../api/resource.ts';
import type { ConditionType, PolicyCondition, WatchedResource } from '../api/status.ts';
import { counted, listedUpTo } from '../api/words.ts';
import type { Coverage } from '../controller/plan-status.ts';
import type { Acceptance } from '../controller/policy-set.ts';
import type { Program } from '../policy/program.ts';
import type { Skipped } from '../watchplan/targets.ts';
import type { ConditionReason } from './condition-reasons.ts';
import type { PolicyTotals } from './policy-totals.ts';

/** What the conditions are made of. */
export interface ConditionInput {
  readonly acceptance: Acceptance;
  /** Why the policy cannot be carried out beside the others; undefined when it can. */
  readonly refusal: readonly FieldIssue[] | undefined;
  /** What is in force; undefined when nothing is. */
  readonly program: Program | undefined;
  /** One for each resource that the program is about, and for each of its globs that fits nothing. */
  readonly resources: readonly WatchedResource[];
  /** What globs of the program leave out. */
  readonly skipped: readonly Pick<Skipped, 'name' | 'reason'>[];
  /** For how much of what the program is about every object was evaluated with it. */
  readonly coverage: Coverage;
  readonly totals: PolicyTotals;
  /** The first objects with a result of this code, in words. */
  readonly examples: (code: 'Contended' | 'SelfOscillation') => readonly string[];
  /** Why the policy, which writes, cannot write to some of its objects; undefined when that is not so. */
  readonly ledgerProblem: string | undefined;
}

export interface ConditionVerdict<T extends ConditionType = ConditionType> {
  readonly status: PolicyCondition['status'];
  readonly reason: ConditionReason<T>;
  /** A sentence, or '' where the reason says all. */
  readonly message: string;
}

export type ConditionVerdicts = { readonly [T in ConditionType]: ConditionVerdict<T> };

export function conditionVerdicts(input: ConditionInput): ConditionVerdicts {
  const Accepted = accepted(input);
  const Watching = watching(input);
  return {
    Accepted,
    Watching,
    Ready: ready(input, Accepted, Watching),
    Compliant: compliant(input),
    Contended: contended(input),
  };
}

function accepted({ acceptance, refusal, program }: ConditionInput): ConditionVerdict<'Accepted'> {
  if (!acceptance.ok) {
    const inForce =
      program === undefined
        ? 'Nothing of it is in force; keys set earlier are kept.'
        : `Generation ${program.generation} stays in force.`;
    return { status: 'False', reason: acceptance.reason, message: `${issuesText(acceptance.issues)} ${inForce}` };
  }
  if (refusal !== undefined) {
    const message = `${issuesText(refusal)} Nothing of it is in force; keys set earlier are kept.`;
    return { status: 'False', reason: 'NotSupported', message };
  }
  return { status: 'True', reason: 'Accepted', message: '' };
}

function watching({ program, refusal, resources, skipped }: ConditionInput): ConditionVerdict<'Watching'> {
  if (program === undefined || refusal !== undefined)
    return { status: 'Unknown', reason: 'NotAccepted', message: 'No spec is in force.' };
  if (program.mode === 'Suspended')
    return { status: 'Unknown', reason: 'Suspended', message: 'A suspended policy watches nothing.' };
  const inState = (state: WatchedResource['state']) => resources.filter((resource) => resource.state === state);
  for (const state of ['Forbidden', 'Failed'] as const) {
    const found = inState(state);
    if (found.length > 0) return { status: 'False', reason: state, message: `${resourcesText(found)}.` };
  }
  const syncing = inState('Syncing');
  if (syncing.length > 0)
    return { status: 'False', reason: 'Syncing', message: `Not all objects are known yet: ${resourcesText(syncing)}.` };
  const waiting = inState('NotServed');
  if (waiting.length > 0)
    return { status: 'True', reason: 'WaitingForResources', message: `${resourcesText(waiting)}.` };
  return { status: 'True', reason: 'Watching', message: skippedText(skipped) };
}

function ready(
  { ledgerProblem }: ConditionInput,
  isAccepted: ConditionVerdict<'Accepted'>,
  isWatching: ConditionVerdict<'Watching'>,
): ConditionVerdict<'Ready'> {
  if (isAccepted.status !== 'True') return { status: 'False', reason: 'NotAccepted', message: isAccepted.message };
  const { reason, message } = isWatching;
  switch (reason) {
    case 'NotAccepted':
      return { status: 'False', reason, message };
    case 'Suspended':
      return { status: 'True', reason, message: 'The policy does nothing until it is resumed; its keys are kept.' };
    case 'Syncing':
    case 'Forbidden':
    case 'Failed':
      return { status: 'False', reason, message };
    case 'Watching':
    case 'WaitingForResources':
      break;
  }
  if (ledgerProblem !== undefined) {
    const why = `Nothing is written while the ledger cannot be kept: ${ledgerProblem}.`;
    return { status: 'False', reason: 'LedgerUnavailable', message: why };
  }
  // What globs leave out is nothing to act on.
  return { status: 'True', reason: 'Ready', message: reason === 'WaitingForResources' ? message : '' };
}

function compliant({ program, coverage, totals, refusal }: ConditionInput): ConditionVerdict<'Compliant'> {
  if (program === undefined || refusal !== undefined)
    return { status: 'Unknown', reason: 'NotAccepted', message: 'No spec is in force.' };
  if (program.mode === 'Suspended')
    return { status: 'Unknown', reason: 'Suspended', message: 'A suspended policy judges nothing.' };
  if (coverage === 'Pending') {
    return { status: 'Unknown', reason: 'Evaluating', message: 'Not every object was evaluated yet.' };
  }
  const { violating, errors, pending } = totals;
  const unread = 'Some resources cannot be read, and nothing is known of their objects: see Watching.';
  if (violating + errors === 0) {
    if (coverage === 'Partial') return { status: 'Unknown', reason: 'Incomplete', message: unread };
    if (pending > 0) {
      const message = `The namespace of ${counted(pending, 'object', 'objects')} is not known yet, and what the policy says depends on it.`;
      return { status: 'Unknown', reason: 'Evaluating', message };
    }
    return { status: 'True', reason: 'NoViolations', message: '' };
  }
  const sentences: string[] = [];
  if (violating > 0) sentences.push(violating === 1 ? '1 object breaks a rule.' : `${violating} objects break a rule.`);
  if (errors > 0) sentences.push(`A rule cannot be applied to ${errors} ${errors === 1 ? 'object' : 'objects'}.`);
  if (coverage === 'Partial') sentences.push(unread);
  return { status: 'False', reason: violating > 0 ? 'Violations' : 'Errors', message: sentences.join(' ') };
}

/** What a policy with the condition Contended suffers from, by its reason. */
export const FIGHTS = {
  SelfOscillation: 'policies undo each other',
  AnotherManager: 'a key is changed back again and again',
} as const satisfies Partial<Record<ConditionReason<'Contended'>, string>>;

function contended({ totals, examples }: ConditionInput): ConditionVerdict<'Contended'> {
  const oscillating = fightsText(totals.oscillating, FIGHTS.SelfOscillation, () => examples('SelfOscillation'));
  const fought = fightsText(totals.contended, FIGHTS.AnotherManager, () => examples('Contended'));
  if (oscillating !== undefined) {
    const message = fought === undefined ? oscillating : `${oscillating} ${fought}`;
    return { status: 'True', reason: 'SelfOscillation', message };
  }
  if (fought !== undefined) return { status: 'True', reason: 'AnotherManager', message: fought };
  return { status: 'False', reason: 'Quiet', message: '' };
}

/** `On 4 objects, WHAT: ConfigMap a/b: ...; ConfigMap a/c: ... (and 2 more).`; undefined when there is none. */
function fightsText(objects: number, what: string, find: () => readonly string[]): string | undefined {
  // To look for one that is not there goes through all that is reported.
  if (objects === 0) return undefined;
  const examples = find();
  const more = objects - examples.length;
  const where = objects === 1 ? '1 object' : `${objects} objects`;
  return `On ${where}, ${what}: ${examples.join('; ')}${more > 0 ? ` (and ${more} more)` : ''}.`;
}

/** `spec.rules[0].copy: this field is not supported yet (and 2 more problems).` */
function issuesText(issues: readonly FieldIssue[]): string {
  const [first] = issues;
  const more = issues.length - 1;
  const rest = more > 0 ? ` (and ${more} more ${more === 1 ? 'problem' : 'problems'})` : '';
  const text = `${first?.path ?? 'spec'}: ${first?.message ?? 'cannot be used'}${rest}`;
  return text.endsWith('?') ? text : `${text}.`;
}

/** The first three, with what is wrong where that is known. */
function resourcesText(resources: readonly WatchedResource[]): string {
  const shown = resources
    .slice(0, 3)
    .map((resource) => groupResourceName(resource) + (resource.message === '' ? '' : `: ${resource.message}`));
  const more = resources.length - shown.length;
  return `${shown.join('; ')}${more > 0 ? ` (and ${more} more)` : ''}`;
}

/** Reasons told of, and resources named for each. */
const MOST_REASONS = 8;
const MOST_NAMES = 5;

/** `Globs leave out 3 resources: secrets (Secrets must be named exactly); ...`, told by reason. */
function skippedText(skipped: ConditionInput['skipped']): string {
  if (skipped.length === 0) return '';
  const byReason = Map.groupBy(skipped, ({ reason }) => reason);
  const told = [...byReason].slice(0, MOST_REASONS).map(([reason, some]) => {
    const names = some.map(({ name }) => name);
    return `${listedUpTo(MOST_NAMES, names)} (${reason})`;
  });
  const more = byReason.size - told.length;
  const rest = more > 0 ? `; and others for ${counted(more, 'other reason', 'other reasons')}` : '';
  return `Globs leave out ${counted(skipped.length, 'resource', 'resources')}: ${told.join('; ')}${rest}.`;
}
