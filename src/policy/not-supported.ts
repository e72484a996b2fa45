import type { FieldIssue } from '../api/field-issue.ts';
import type { Exclude, Match } from '../api/match.ts';
import { JUDGE_ACTIONS, WRITE_ACTIONS } from '../api/rule.ts';
import type { WatchPolicySpec } from '../api/watch-policy.ts';
import type { WantedKey } from '../api/write-actions.ts';
import { CHANNELS } from './program.ts';

const SUPPORTED_ACTIONS: ReadonlySet<string> = new Set([...WRITE_ACTIONS, 'require', 'forbid', 'check', 'jsonSchema']);

/**
 * Parts of the API that this version does not carry out. A policy that uses one is refused as a whole: a part that is
 * passed over in silence would be worse than none.
 */
export function* notSupported(spec: WatchPolicySpec): Generator<FieldIssue> {
  if (spec.variables !== undefined) yield issue('spec.variables');
  if (spec.lookups !== undefined) yield issue('spec.lookups');
  yield* inTerms('spec.match', spec.match);
  for (const [i, entry] of (spec.exclude ?? []).entries()) yield* inTerms(`spec.exclude[${i}]`, entry);
  for (const [i, rule] of spec.rules.entries()) {
    const path = `spec.rules[${i}]`;
    if (rule.conditions !== undefined) yield issue(`${path}.conditions`);
    for (const action of [...WRITE_ACTIONS, ...JUDGE_ACTIONS]) {
      if (rule[action] !== undefined && !SUPPORTED_ACTIONS.has(action)) yield issue(`${path}.${action}`);
    }
    if (rule.copy?.from === 'Lookup') yield issue(`${path}.copy.from`, "'Lookup'");
    for (const action of ['set', 'default'] as const) {
      for (const channel of CHANNELS) {
        for (const [j, key] of (rule[action]?.[channel] ?? []).entries()) {
          yield* inKey(`${path}.${action}.${channel}[${j}]`, key);
        }
      }
    }
  }
}

function* inTerms(path: string, entry: Match | Exclude): Generator<FieldIssue> {
  if (entry.conditions !== undefined) yield issue(`${path}.conditions`);
}

function* inKey(path: string, { valueFrom }: WantedKey): Generator<FieldIssue> {
  if (valueFrom?.expression !== undefined) yield issue(`${path}.valueFrom.expression`);
}

function issue(path: string, what = 'this field'): FieldIssue {
  return { path, message: `${what} is not supported yet` };
}
