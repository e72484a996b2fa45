import type { FieldIssue } from '../api/field-issue.ts';
import type { ResourceMatch } from '../api/match.ts';
import type { KeySet } from '../api/object.ts';
import { MAX_ISSUES, parsePolicySpec } from '../api/parse-policy.ts';
import { neverTarget, protectionOf } from '../api/protected-keys.ts';
import { groupResourceName } from '../api/resource.ts';
import type { Rule as RuleSpec } from '../api/rule.ts';
import type { WatchPolicySpec } from '../api/watch-policy.ts';
import { listed, quoted } from '../api/words.ts';
import { isMetadataOnly } from './json-path.ts';
import { compileMatch } from './match.ts';
import { notSupported } from './not-supported.ts';
import type { Channel, KeyRequirement, KeyWrite, Program, Rule, Target } from './program.ts';
import { reachOf } from './reach.ts';
import { compileRequirement } from './requirement.ts';
import { selfDefeats } from './self-defeat.ts';
import { compileSource } from './source.ts';

export interface PolicySource {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** As it came from the API server. */
  readonly spec: unknown;
}

export type RefusalReason = 'InvalidSpec' | 'NotSupported';

export type CompileResult =
  | { readonly ok: true; readonly program: Program }
  /** At least one issue, at most MAX_ISSUES. */
  | { readonly ok: false; readonly reason: RefusalReason; readonly issues: readonly FieldIssue[] };

/** Compiles a policy once, so that evaluation only calls functions. Never throws: what is wrong comes back with its field path. */
export function compilePolicy({ name, uid, generation, spec: raw }: PolicySource): CompileResult {
  const parsed = parsePolicySpec(raw);
  if (!parsed.ok) return { ok: false, reason: 'InvalidSpec', issues: parsed.issues };
  const { spec } = parsed;
  const missing = [...notSupported(spec)];
  if (missing.length > 0) return refused('NotSupported', missing);

  const draft = new Draft();
  const targets = spec.match.resources.map((resource, i) => draft.target(resource, `spec.match.resources[${i}]`));
  const rules = spec.rules.map((rule, i) => draft.rule(rule, `spec.rules[${i}]`, spec));
  const fields = [...draft.fields].toSorted();
  for (const target of targets) {
    if (fields.length > 0 && groupResourceName(target) === 'secrets') {
      draft.refuse(
        `${target.path}.resource`,
        `must not be 'secrets' in a policy that reads ${listed(fields.map(quoted), 'and')}: of Secrets only metadata is read`,
      );
    }
  }
  draft.issues.push(...selfDefeats(spec));
  if (draft.issues.length > 0) return refused('InvalidSpec', draft.issues);
  return {
    ok: true,
    program: {
      policy: name,
      uid,
      generation,
      mode: spec.mode,
      priority: spec.priority,
      removal: spec.removalPolicy,
      targets,
      reach: reachOf(spec.match),
      reads: { fields, namespaceLabels: draft.namespaceLabels || readsNamespaces(spec) },
      writes: keysOf(rules),
      matches: compileMatch(spec.match, spec.exclude ?? []),
      rules,
    },
  };
}

function refused(reason: RefusalReason, issues: readonly FieldIssue[]): CompileResult {
  return { ok: false, reason, issues: issues.slice(0, MAX_ISSUES) };
}

function readsNamespaces({ match, exclude = [] }: WatchPolicySpec): boolean {
  return [match, ...exclude].some(({ namespaceSelector }) => namespaceSelector !== undefined);
}

function keysOf(rules: readonly Rule[]): KeySet {
  const writes = rules.flatMap((rule) => rule.writes);
  const keys = (channel: Channel) =>
    [...new Set(writes.filter((write) => write.channel === channel).map(({ key }) => key))].toSorted();
  return { labels: keys('labels'), annotations: keys('annotations') };
}

/** What a compilation has found so far. All of it is looked at, so that the author sees every problem at once. */
class Draft {
  readonly issues: FieldIssue[] = [];
  readonly fields = new Set<string>();
  namespaceLabels = false;

  refuse(path: string, message: string): void {
    this.issues.push({ path, message });
  }

  target({ group, resource, version }: ResourceMatch, path: string): Target {
    const never = neverTarget({ group, resource });
    if (never !== undefined) this.refuse(path, never);
    return { group, resource, version, path };
  }

  rule(rule: RuleSpec, path: string, { severity }: WatchPolicySpec): Rule {
    const writes: KeyWrite[] = [];
    const requirements: KeyRequirement[] = [];
    for (const channel of ['labels', 'annotations'] as const) {
      for (const [action, overwrite] of [
        ['set', 'Always'],
        ['default', 'IfAbsent'],
      ] as const) {
        for (const [i, key] of (rule[action]?.[channel] ?? []).entries()) {
          const at = `${path}.${action}.${channel}[${i}]`;
          this.#refuseProtected(channel, key.key, `${at}.key`);
          const compiled = compileSource(key);
          if (!compiled.ok) {
            this.refuse(`${at}.${compiled.path}`, compiled.problem);
            continue;
          }
          if (compiled.field !== undefined && !isMetadataOnly(compiled.field)) this.fields.add(compiled.field);
          this.namespaceLabels ||= compiled.namespaceLabels;
          writes.push({ channel, key: key.key, overwrite, source: compiled.source });
        }
      }
      for (const [i, key] of (rule.require?.[channel] ?? []).entries()) {
        const compiled = compileRequirement(channel, key);
        if (compiled.ok) requirements.push(compiled.requirement);
        else this.refuse(`${path}.require.${channel}[${i}].${compiled.path}`, compiled.problem);
      }
    }
    return { name: rule.name, severity: rule.severity ?? severity, message: rule.message, writes, requirements };
  }

  #refuseProtected(channel: Channel, key: string, path: string): void {
    const what = `must not be ${quoted(key)}, a key on which Kubernetes or other tools rely`;
    switch (protectionOf(channel === 'labels' ? 'label' : 'annotation', key)) {
      case 'Never':
        this.refuse(path, `${what}: it is never written`);
        break;
      case 'OwnerAllows':
        this.refuse(path, `${what}; to let the cluster's owner allow it is not supported yet`);
        break;
      case 'Free':
        break;
    }
  }
}
