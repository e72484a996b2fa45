import type { CachedObject } from '../../src/api/object.ts';
import type { Evaluation } from '../../src/policy/evaluate.ts';
import type { Program } from '../../src/policy/program.ts';
import { nextWrite, type WriteStep } from '../../src/write/plan-write.ts';
import { evaluated, type Surroundings } from './compiled-policy.ts';
import { ModelObject } from './model-object.ts';

/** More writes than any object needs. */
const MOST_WRITES = 20;

export interface Settled {
  readonly object: CachedObject;
  /** The last look, which wants nothing more. */
  readonly evaluation: Evaluation;
  readonly writes: number;
}

/** Evaluates and writes, each time from what the server answered, until nothing differs. */
export function settled(start: ModelObject, programs: readonly Program[], where: Surroundings = {}): Settled {
  let model = start;
  for (let writes = 0; writes <= MOST_WRITES; writes++) {
    const evaluation = evaluated(model.cached, programs, where);
    const step = evaluation.desired && nextWrite(model.cached, evaluation.desired);
    if (step === undefined) return { object: model.cached, evaluation, writes };
    model = written(model, step);
  }
  throw new Error('writes without end');
}

/** The object after a write. What the model's server keeps fits its schema, so nothing is rewritten. */
export function written(model: ModelObject, step: WriteStep): ModelObject {
  if (step.kind === 'Apply') return model.applied(step.apply.fieldManager, step.apply.keys);
  if (step.kind === 'CleanUp') return model.without(step.cleanUp);
  throw new Error('a rewrite of an object that has no record');
}

/** An object of which somebody else has these labels. */
export function foreignLabels(
  labels: Readonly<Record<string, string>>,
  fields: Partial<CachedObject> = {},
): ModelObject {
  return Object.entries(labels).reduce(
    (model, [key, value]) => model.updatedBy('kubectl', 'labels', key, value),
    new ModelObject({ labels: new Map(), annotations: new Map() }, fields),
  );
}
