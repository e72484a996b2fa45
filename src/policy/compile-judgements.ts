import type { Rule as RuleSpec } from '../api/rule.ts';
import type { CompileDraft } from './compile-draft.ts';
import type { KeyRequirement } from './program.ts';
import { compileRequirement } from './requirement.ts';

/** What a rule demands of an object. `path`: of the rule in the spec. */
export function compileJudgements({ require }: RuleSpec, path: string, draft: CompileDraft): readonly KeyRequirement[] {
  const requirements: KeyRequirement[] = [];
  for (const channel of ['labels', 'annotations'] as const) {
    for (const [i, key] of (require?.[channel] ?? []).entries()) {
      const compiled = compileRequirement(channel, key);
      if (compiled.ok) requirements.push(compiled.requirement);
      else draft.refuse(`${path}.require.${channel}[${i}].${compiled.path}`, compiled.problem);
    }
  }
  return requirements;
}
