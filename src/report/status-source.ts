import { groupResourceName } from '../api/resource.ts';
import type { WatchedResource, WatchPolicyStatus } from '../api/status.ts';
import type { Clock } from '../base/clock.ts';
import type { Ledger } from '../controller/ledger.ts';
import type { PlanStatus } from '../controller/plan-status.ts';
import type { PolicyEntry } from '../controller/policy-set.ts';
import type { Program } from '../policy/program.ts';
import { mayWrite } from '../watchplan/verbs.ts';
import { buildStatus } from './status.ts';
import { timestamp } from './timestamp.ts';
import type { VerdictTable } from './verdict-table.ts';

/** Those who know what a status is made of. */
export interface StatusSources {
  readonly clock: Pick<Clock, 'now'>;
  readonly plan: Pick<PlanStatus, 'refusal' | 'resources' | 'coverage'>;
  readonly ledger: Pick<Ledger, 'problem' | 'stands'>;
  readonly verdicts: Pick<VerdictTable, 'totals' | 'examples' | 'violations'>;
  /** Results listed. */
  readonly shown: number;
}

/** Objects that the condition Contended names. */
const FIGHTS_SHOWN = 3;

/**
 * The status of a policy as it should be now; `previous` is what stands there. `settled`: nothing better is to be expected in a
 * moment.
 */
export function statusOf(
  { name, generation, acceptance, program }: PolicyEntry,
  previous: WatchPolicyStatus,
  { clock, plan, ledger, verdicts, shown }: StatusSources,
): { readonly status: WatchPolicyStatus; readonly settled: boolean } {
  const refusal = program === undefined ? undefined : plan.refusal(program);
  const inForce = program !== undefined && program.mode !== 'Suspended' && refusal === undefined;
  const { resources, skipped } = inForce ? plan.resources(program) : { resources: [], skipped: [] };
  const coverage = program === undefined ? 'Pending' : plan.coverage(program);
  const totals = verdicts.totals(name);
  const status = buildStatus({
    generation,
    acceptance,
    refusal,
    program,
    resources,
    skipped,
    coverage,
    totals,
    examples: (code) => verdicts.examples(name, code, FIGHTS_SHOWN),
    violations: coverage === 'Pending' ? [] : verdicts.violations(name, shown),
    ledgerProblem: ledgerProblem(ledger, program, resources),
    previous,
    now: timestamp(clock.now()),
  });
  const isComplete = coverage !== 'Pending' && totals.pending + totals.awaited === 0;
  const settled = isComplete || !acceptance.ok || refusal !== undefined || program?.mode === 'Suspended';
  return { status, settled };
}

/**
 * Why writes of the policy are held up; undefined when none is. Kinds that are on record are written also while the ledger
 * cannot be, and of what is not served there is nothing to write.
 */
function ledgerProblem(
  ledger: StatusSources['ledger'],
  program: Program | undefined,
  resources: readonly WatchedResource[],
): string | undefined {
  if (program === undefined || !mayWrite(program)) return undefined;
  const served = resources.filter(({ state }) => state !== 'NotServed');
  return served.every((resource) => ledger.stands(groupResourceName(resource))) ? undefined : ledger.problem;
}
