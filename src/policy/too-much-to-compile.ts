import { BOUNDS } from '../api/bounds.ts';
import type { FieldIssue } from '../api/field-issue.ts';
import type { Rule } from '../api/rule.ts';
import type { WatchPolicySpec } from '../api/watch-policy.ts';

/** Lists each within its bounds that are together more than one policy may have compiled, or looked at for each object. */
export function* tooMuchToCompile({ match, exclude = [], rules }: WatchPolicySpec): Generator<FieldIssue> {
  const globs = [match, ...exclude].flatMap(({ names = [], namespaces = [] }) => [...names, ...namespaces]);
  const length = lengthOf(globs);
  if (length > BOUNDS.nameGlobs) {
    const found = `must hold at most ${BOUNDS.nameGlobs} characters of globs over names and namespaces in match and exclude, found ${length}`;
    yield { path: 'spec', message: found };
  }
  for (const [i, rule] of rules.entries()) {
    const patterns = lengthOf(patternsOf(rule));
    if (patterns <= BOUNDS.rulePatterns) continue;
    const found = `must hold at most ${BOUNDS.rulePatterns} characters of patterns, found ${patterns}`;
    yield { path: `spec.rules[${i}]`, message: found };
  }
}

function patternsOf({ require, check }: Rule): readonly string[] {
  const required = [...(require?.labels ?? []), ...(require?.annotations ?? [])];
  return [
    ...required.flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern])),
    ...(check?.operator === 'Matches' ? (check.values ?? []) : []),
  ];
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
