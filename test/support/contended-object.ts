import type { CachedObject } from '../../src/api/object.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Surroundings } from '../../src/controller/contention.ts';
import type { OwnedObject } from '../../src/kube/field-owners.ts';
import { byPrecedence, type Evaluation, evaluate } from '../../src/policy/evaluate.ts';
import type { Program } from '../../src/policy/program.ts';
import { ObjectContentionGuard } from '../../src/write/contention-guard.ts';
import { nextWrite } from '../../src/write/plan-write.ts';
import { cachedObject } from './cached-object.ts';
import { CONFIG_MAPS } from './compiled-policy.ts';
import { ManualClock } from './manual-clock.ts';
import { ModelObject } from './model-object.ts';

export interface ContendedOptions {
  readonly programs: readonly Program[];
  readonly object?: ModelObject;
  /** What is read when the guard wants to know who it is. */
  readonly owners?: () => OwnedObject['owners'];
}

/**
 * One object on a model of the API server, its policies, and the operator's loop of evaluating, asking the guard, and
 * writing.
 */
export class ContendedObject {
  readonly clock = new ManualClock();
  readonly guard: ObjectContentionGuard;
  /** When each write was made, in milliseconds. */
  readonly writes: number[] = [];
  reads = 0;
  /** When the guard had the object evaluated, in milliseconds. */
  readonly enqueued: number[] = [];
  programs: readonly Program[];
  model: ModelObject;
  namespaceLabels: Readonly<Record<string, string>> = {};
  /** What somebody else does to the object as soon as we have written it. */
  react: (model: ModelObject) => ModelObject = (model) => model;

  constructor({ programs, object = new ModelObject(), owners = () => [] }: ContendedOptions) {
    this.programs = programs.toSorted(byPrecedence);
    this.model = object;
    this.guard = new ObjectContentionGuard({
      kind: CONFIG_MAPS,
      clock: this.clock,
      log: silentLog,
      enqueue: () => {
        this.enqueued.push(this.clock.monotonic());
        this.settle();
      },
      readOwners: async () => {
        this.reads += 1;
        return { uid: this.model.cached.uid, owners: owners() };
      },
    });
  }

  /** Evaluates and writes until nothing is left to do. Throws when that has no end. */
  settle(): void {
    for (let turns = 0; turns < 200; turns++) {
      const { desired, winners } = this.evaluation();
      const at = this.#surroundings();
      const step = desired && nextWrite(at.object, desired);
      if (desired === undefined || step === undefined) return;
      const attempt = { ...at, desired, winners };
      if (!this.guard.admits(attempt)) continue;
      this.writes.push(this.clock.monotonic());
      if (step.kind === 'Rewrite') throw new Error('every object of the model can be applied to');
      this.model =
        step.kind === 'CleanUp'
          ? this.model.without(step.cleanUp)
          : this.model.applied(step.apply.fieldManager, step.apply.keys);
      this.guard.wrote(attempt, this.model.cached);
      this.model = this.react(this.model);
    }
    throw new Error('writes without end');
  }

  evaluation(): Evaluation {
    const at = this.#surroundings();
    return evaluate({
      object: at.object,
      kind: CONFIG_MAPS,
      programs: this.programs,
      held: new Map(),
      namespaceOf: (name) => cachedObject({ name, namespace: '', labels: this.namespaceLabels }),
      contention: this.guard.standing(at),
    });
  }

  /** `CODE: message` of every result, by policy. */
  get reports(): Readonly<Record<string, readonly string[]>> {
    const { verdicts } = this.evaluation();
    return Object.fromEntries(
      this.programs.map(({ policy }, i) => [
        policy,
        (verdicts[i]?.results ?? []).map(({ code, message }) => `${code}: ${message}`),
      ]),
    );
  }

  get labels(): CachedObject['labels'] {
    return this.model.cached.labels;
  }

  #surroundings(): Surroundings {
    const object = this.model.cached;
    return { key: 'default/x', object, programs: this.programs, inputs: [this.namespaceLabels] };
  }
}
