import { messageOf } from '../base/errors.ts';
import { type FieldIssue, fieldIssues, pathText } from './field-issue.ts';
import { shapeProblem } from './json-shape.ts';
import { dnsSubdomainProblem } from './metadata-syntax.ts';
import { type WatchPolicySpec, watchPolicySpecSchema } from './watch-policy.ts';

export type ParsedPolicySpec =
  | { readonly ok: true; readonly spec: WatchPolicySpec }
  /** At least one, at most MAX_ISSUES; the first is the one to show where there is room for one. */
  | { readonly ok: false; readonly issues: readonly FieldIssue[] };

export const MAX_ISSUES = 32;

/**
 * Checks the spec of a WatchPolicy and fills in defaults. The API server has already checked what it takes in, but a policy
 * also comes from files, and from servers whose CRD is of another release. Never throws, whatever it is given.
 */
export function parsePolicySpec(spec: unknown): ParsedPolicySpec {
  try {
    const problem = shapeProblem(spec);
    if (problem !== undefined) return refused([{ path: pathText('spec', problem.path), message: problem.message }]);
    // Without generated code: a handful of policies does not pay for it, and a process may forbid it.
    const parsed = watchPolicySpecSchema.safeParse(spec, { jitless: true, reportInput: true });
    if (parsed.success) return { ok: true, spec: parsed.data };
    return refused(parsed.error.issues.slice(0, MAX_ISSUES).flatMap((issue) => fieldIssues('spec', issue)));
  } catch (thrown) {
    return refused([{ path: 'spec', message: `cannot be read: ${messageOf(thrown)}` }]);
  }
}

/** Why `name` cannot be the name of a WatchPolicy; undefined when it can. */
export function policyNameProblem(name: string): string | undefined {
  return dnsSubdomainProblem(name);
}

function refused(issues: readonly FieldIssue[]): ParsedPolicySpec {
  return { ok: false, issues: issues.slice(0, MAX_ISSUES) };
}
