import { pathText } from '../api/field-issue.ts';
import type { Rule as RuleSpec } from '../api/rule.ts';
import { listed, quoted } from '../api/words.ts';
import { compileCheck } from './check.ts';
import type { CompileDraft } from './compile-draft.ts';
import { compileForbidden } from './forbidden.ts';
import { compileJsonSchema } from './json-schema/judgement.ts';
import { makesPods, POD_FIELD, POD_RESOURCES } from './pod.ts';
import { CHANNELS, type Demand, type Fault, type Judgement, type Target } from './program.ts';
import { compileRequirement } from './requirement.ts';
import { isExact } from './resource-terms.ts';

/** What a rule demands of an object. `path`: of the rule in the spec. */
export function compileJudgements(
  rule: RuleSpec,
  path: string,
  targets: readonly Target[],
  draft: CompileDraft,
): readonly Judgement[] {
  const demands = [...demandsOf(rule, path, draft)];
  if (rule.subject === 'Object') return demands;
  draft.reads(POD_FIELD);
  const without = targets.filter((target) => !mayMakePods(target));
  if (without.length > 0) {
    const found = listed(
      without.map(({ resource, path: at }) => `${quoted(resource)} at ${at}`),
      'and',
    );
    const words = `must be Object where the policy names kinds that make no pods, found ${found}; those that do are ${listed(POD_RESOURCES, 'and')}`;
    draft.refuse(`${path}.subject`, words);
  }
  return demands.map(ofPod);
}

/** A glob may bring in kinds that make no pods: the rule is then not about them. */
function mayMakePods(target: Target): boolean {
  return makesPods(target) || !isExact(target);
}

function* demandsOf(rule: RuleSpec, path: string, draft: CompileDraft): Generator<Demand> {
  const { require, forbid, check, jsonSchema, subject } = rule;
  for (const channel of CHANNELS) {
    for (const [i, key] of (require?.[channel] ?? []).entries()) {
      const compiled = compileRequirement(channel, key);
      if (compiled.ok) yield compiled.demand;
      else draft.refuse(`${path}.require.${channel}[${i}].${compiled.path}`, compiled.problem);
    }
  }
  if (forbid !== undefined) yield compileForbidden(forbid);
  if (check !== undefined) {
    const compiled = compileCheck(check, subject);
    if (compiled.ok) {
      draft.reads(compiled.field);
      yield compiled.demand;
    } else {
      draft.refuse(`${path}.check.${compiled.path}`, compiled.problem);
    }
  }
  if (jsonSchema !== undefined) {
    const compiled = compileJsonSchema(jsonSchema, subject, draft.schemas);
    if (compiled.ok) {
      for (const field of compiled.fields) draft.reads(field);
      yield compiled.demand;
    } else {
      for (const issue of compiled.issues) draft.refuse(pathText(`${path}.jsonSchema`, issue.path), issue.problem);
    }
  }
}

/** Asks of the pod that the object is or makes; where it has none, nothing is wrong with it. */
function ofPod(demand: Demand): Judgement {
  return ({ pod }, work) => (pod === undefined ? RIGHT : demand(pod, work));
}

const RIGHT: readonly Fault[] = Object.freeze([]);
