import type { FieldIssue } from '../api/field-issue.ts';
import type { ResourceMatch } from '../api/match.ts';
import { MAX_ISSUES, parsePolicySpec } from '../api/parse-policy.ts';
import { neverTarget } from '../api/protected-keys.ts';
import { groupResourceName } from '../api/resource.ts';
import type { Rule as RuleSpec } from '../api/rule.ts';
import type { WatchPolicySpec } from '../api/watch-policy.ts';
import { listed, quoted } from '../api/words.ts';
import { allSteps, type Steps } from '../base/steps.ts';
import { compileAbout } from './about.ts';
import { CompileDraft } from './compile-draft.ts';
import { compileJudgements } from './compile-judgements.ts';
import { compileWrites } from './compile-writes.ts';
import { extentOf } from './extent.ts';
import { KeyPatterns } from './key-patterns.ts';
import { keyProtection } from './key-protection.ts';
import { compileMatch } from './match.ts';
import { notSupported } from './not-supported.ts';
import type { Program, Rule, Target } from './program.ts';
import { reachOf } from './reach.ts';
import { selfDefeats } from './self-defeat.ts';
import { tooMuchToCompile } from './too-much-to-compile.ts';

export interface PolicySource {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** As it came from the API server. */
  readonly spec: unknown;
}

export interface CompileOptions {
  /** Globs over protected keys that the cluster's owner lets policies write. */
  readonly allowedKeys?: readonly string[] | undefined;
  /** The operator's own namespace, in which it never touches an object. */
  readonly ownNamespace?: string | undefined;
}

export type RefusalReason = 'InvalidSpec' | 'NotSupported';

export type CompileResult =
  | { readonly ok: true; readonly program: Program }
  /** At least one issue, at most MAX_ISSUES. */
  | { readonly ok: false; readonly reason: RefusalReason; readonly issues: readonly FieldIssue[] };

/**
 * Compiles a policy once, so that evaluation only calls functions. Never throws: what is wrong comes back with its
 * field path.
 */
export function compilePolicy(source: PolicySource, options: CompileOptions = {}): CompileResult {
  return allSteps(compileInSteps(source, options));
}

/**
 * The same, pausing wherever something else may be done: after the spec as a whole, and after each rule, of which the largest
 * ones take some tens of milliseconds.
 */
export function* compileInSteps(
  { name, uid, generation, spec: raw }: PolicySource,
  { allowedKeys = [], ownNamespace }: CompileOptions = {},
): Steps<CompileResult> {
  const parsed = parsePolicySpec(raw);
  yield;
  if (!parsed.ok) return { ok: false, reason: 'InvalidSpec', issues: parsed.issues };
  const { spec } = parsed;
  const tooMuch = [...tooMuchToCompile(spec)];
  if (tooMuch.length > 0) return refused('InvalidSpec', tooMuch);
  const missing = [...notSupported(spec)];
  if (missing.length > 0) return refused('NotSupported', missing);

  const draft = new CompileDraft(keyProtection(allowedKeys));
  const targets = spec.match.resources.map((resource, i) =>
    compileTarget(resource, `spec.match.resources[${i}]`, draft),
  );
  const rules: Rule[] = [];
  for (const [i, rule] of spec.rules.entries()) {
    rules.push(compileRule(rule, `spec.rules[${i}]`, spec, targets, draft));
    yield;
  }
  const fields = [...draft.fields].toSorted();
  for (const target of targets) {
    if (fields.length > 0 && groupResourceName(target) === 'secrets') {
      draft.refuse(
        `${target.path}.resource`,
        `must not be 'secrets' in a policy that reads ${listed(fields.map(quoted), 'and')}: of Secrets only metadata is read`,
      );
    }
  }
  draft.issues.push(...selfDefeats(spec), ...ownNamespaceNamed(spec, ownNamespace));
  if (draft.issues.length > 0) return refused('InvalidSpec', draft.issues);
  const writes = KeyPatterns.union(rules.flatMap((rule) => rule.writes.map((write) => write.writes)));
  return {
    ok: true,
    program: {
      policy: name,
      uid,
      generation,
      mode: spec.mode,
      priority: spec.priority,
      removal: spec.removalPolicy,
      reevaluateMs: spec.reevaluateSeconds === undefined ? undefined : 1_000 * spec.reevaluateSeconds,
      targets,
      about: compileAbout(targets, spec.exclude ?? [], fields),
      reach: reachOf(spec.match),
      extent: extentOf(spec.match, spec.exclude ?? [], writes),
      reads: {
        fields,
        namespaceLabels: draft.namespaceLabels || readsNamespaces(spec),
        namespaceAnnotations: draft.namespaceAnnotations,
      },
      writes,
      matches: compileMatch(spec.match, spec.exclude ?? []),
      rules,
    },
  };
}

function refused(reason: RefusalReason, issues: readonly FieldIssue[]): CompileResult {
  return { ok: false, reason, issues: issues.slice(0, MAX_ISSUES) };
}

/** Globs leave it out in silence, but who names it expects something. */
function* ownNamespaceNamed(
  { match: { namespaces = [] } }: WatchPolicySpec,
  ownNamespace: string | undefined,
): Generator<FieldIssue> {
  for (const [i, namespace] of namespaces.entries()) {
    if (namespace !== ownNamespace) continue;
    const message = `must not be ${quoted(namespace)}, the operator's own namespace: objects in it are never touched`;
    yield { path: `spec.match.namespaces[${i}]`, message };
  }
}

function readsNamespaces({ match, exclude = [] }: WatchPolicySpec): boolean {
  return [match, ...exclude].some(({ namespaceSelector }) => namespaceSelector !== undefined);
}

function compileTarget({ group, resource, version, scope }: ResourceMatch, path: string, draft: CompileDraft): Target {
  const never = neverTarget({ group, resource });
  if (never !== undefined)
    draft.refuse(`${path}.resource`, `must not be ${quoted(groupResourceName({ group, resource }))}: ${never}`);
  return { group, resource, version, scope, path };
}

function compileRule(
  rule: RuleSpec,
  path: string,
  { severity }: WatchPolicySpec,
  targets: readonly Target[],
  draft: CompileDraft,
): Rule {
  return {
    name: rule.name,
    severity: rule.severity ?? severity,
    message: rule.message,
    writes: compileWrites(rule, path, draft),
    judgements: compileJudgements(rule, path, targets, draft),
  };
}
