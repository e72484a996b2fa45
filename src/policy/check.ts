import type { Check } from '../api/judge-actions.ts';
import type { Rule as RuleSpec } from '../api/rule.ts';
import { compileOperator, type Operator } from './check-operator.ts';
import { compileJsonPath } from './json-path.ts';
import { placesOf } from './json-path-places.ts';
import { podPathProblem } from './pod.ts';
import type { Demand, Fault } from './program.ts';
import type { Work } from './work.ts';

export type CompiledCheck =
  | { readonly ok: true; readonly demand: Demand; readonly field: string }
  /** `path` is relative to the check. */
  | { readonly ok: false; readonly path: string; readonly problem: string };

/**
 * Compares what a path finds with values. Whether something is there is what Exists and DoesNotExist ask of each place
 * that the path leads to; the other operators look only at what is there.
 */
export function compileCheck(check: Check, subject: RuleSpec['subject']): CompiledCheck {
  const { jsonPath, quantifier } = check;
  const parsed = compileJsonPath(jsonPath);
  if (!parsed.ok) return { ok: false, path: 'jsonPath', problem: parsed.problem };
  const { path } = parsed;
  const podProblem = subject === 'PodTemplate' ? podPathProblem(path.head) : undefined;
  if (podProblem !== undefined) return { ok: false, path: 'jsonPath', problem: podProblem };
  const compiled = compileOperator(check);
  if (!compiled.ok) return compiled;
  const places = placesOf(path);
  if (places.allThere && isDecidedByBeingThere(check)) {
    const problem = `must be another one: what a path that ends in '*' or '..' finds is always there, so that ${quantifier} with ${check.operator} cannot tell objects apart; 'Any' asks for at least one, 'None' for none, and a path that goes on, such as $.spec.containers[*].image, for one in each place`;
    return { ok: false, path: 'quantifier', problem };
  }
  const judge = QUANTIFIERS[quantifier];
  const { operator } = compiled;
  const asksIfThere = check.operator === 'Exists' || check.operator === 'DoesNotExist';
  const demand: Demand = (view, work) => {
    const found = places.values(view, work);
    if (!found.ok) return [{ result: 'Error', code: 'SourceTooLarge', message: found.problem }];
    const tally = tallyOf(found.values, operator, asksIfThere, work);
    const fault = judge(tally, operator, { at: (place) => places.locate(view, place), path: jsonPath });
    return fault === undefined ? RIGHT : [fault];
  };
  return { ok: true, demand, field: path.field };
}

const RIGHT: readonly Fault[] = Object.freeze([]);

function isDecidedByBeingThere({ operator, quantifier }: Check): boolean {
  return operator === 'Exists' ? quantifier === 'All' : operator === 'DoesNotExist' && quantifier !== 'All';
}

// ---- Quantifiers ---------------------------------------------------------------------------------------------------

/** How many places pass, and so on, and which one is the first. */
interface Tally {
  readonly judged: number;
  readonly passed: number;
  readonly failed: number;
  readonly firstPass: number;
  readonly firstFail: number;
  /** -1 when all are clear. */
  readonly firstUnclear: number;
}

function tallyOf(values: readonly unknown[], { test }: Operator, asksIfThere: boolean, work: Work): Tally {
  const tally = { judged: 0, passed: 0, failed: 0, firstPass: -1, firstFail: -1, firstUnclear: -1 };
  for (const [place, value] of values.entries()) {
    if (value === undefined && !asksIfThere) continue;
    tally.judged += 1;
    switch (test(value, work)) {
      case 'Pass':
        if (tally.passed === 0) tally.firstPass = place;
        tally.passed += 1;
        break;
      case 'Fail':
        if (tally.failed === 0) tally.firstFail = place;
        tally.failed += 1;
        break;
      case 'Unclear':
        if (tally.firstUnclear === -1) tally.firstUnclear = place;
        break;
    }
  }
  return tally;
}

interface Where {
  readonly at: (place: number) => string;
  readonly path: string;
}

type Quantify = (tally: Tally, operator: Operator, where: Where) => Fault | undefined;

/** What one value decides is decided, whatever is unclear beside it. */
const QUANTIFIERS: Readonly<Record<Check['quantifier'], Quantify>> = {
  All: (tally, operator, { at }) =>
    tally.failed > 0
      ? violation(`${at(tally.firstFail)} must ${operator.pass}${ofHowMany(tally.failed, tally)}`)
      : unclear(tally, operator, at),
  Any: (tally, operator, where) =>
    tally.passed > 0 ? undefined : (unclear(tally, operator, where.at) ?? violation(noneOf(tally, operator, where))),
  None: (tally, operator, { at }) =>
    tally.passed > 0
      ? violation(`${at(tally.firstPass)} must ${operator.fail}${ofHowMany(tally.passed, tally)}`)
      : unclear(tally, operator, at),
};

function noneOf({ judged, firstFail }: Tally, operator: Operator, { at, path }: Where): string {
  if (judged === 1) return `${at(firstFail)} must ${operator.pass}`;
  const some = judged === 0 ? 'a value' : 'at least one value';
  return `${some} at ${path} must ${operator.pass}; ${judged === 0 ? 'there is none' : `all ${judged} are wrong`}`;
}

function ofHowMany(wrong: number, { judged }: Tally): string {
  return judged === 1 ? '' : `; ${wrong} of ${judged} ${wrong === 1 ? 'is' : 'are'} wrong`;
}

function violation(message: string): Fault {
  return { result: 'Violation', code: 'CheckFailed', message };
}

function unclear({ firstUnclear }: Tally, operator: Operator, at: Where['at']): Fault | undefined {
  if (firstUnclear === -1) return undefined;
  return {
    result: 'Error',
    code: 'NotComparable',
    message: `${at(firstUnclear)} cannot be compared: it ${operator.unclear}`,
  };
}
