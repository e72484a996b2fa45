import { isDeepStrictEqual } from 'node:util';
import type { CachedObject, ObjectKey } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { Evaluation, Verdict } from '../policy/evaluate.ts';
import type { Program, Result, Rule } from '../policy/program.ts';
import { mayWrite } from '../watchplan/verbs.ts';

export type RefusalCode = 'RefusedByServer' | 'SchemaDrift' | 'NoAnswer';

/** With what the message of that code begins. */
export const NO_ANSWER = 'no write has an answer';

/** Why an object cannot be written for now: the server refuses, or does not answer. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

/** What is to be written, and why. */
export interface WantedWrite {
  readonly object: CachedObject;
  readonly programs: readonly Program[];
  readonly desired: Evaluation['desired'];
}

interface Standing {
  readonly refusal: Refusal;
  /** What the refusal was about. */
  readonly resourceVersion: string;
  readonly programs: readonly Program[];
  readonly desired: Evaluation['desired'];
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
}

/**
 * An object that changed after a refusal, or of which something else is wanted by then, is written again no sooner than this, in
 * milliseconds: it may change all the time.
 */
const REFUSED_GAP_MS = 5_000;

/** The refused writes of one kind. Each stands, and is reported, until its object, the programs or what they want have changed. */
export class Refusals {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #standing = new Map<ObjectKey, Standing>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  add(key: ObjectKey, refusal: Refusal, { object: { resourceVersion }, programs, desired }: WantedWrite): void {
    this.#standing.set(key, { refusal, resourceVersion, programs, desired, at: this.#clock.monotonic() });
  }

  /**
   * The refusal that still holds for an object that differs from what is wanted; forgotten when there is reason to hope.
   * `againWithinMs`: when the object may be tried, because it has changed meanwhile, or what is wanted of it.
   */
  standing(
    key: ObjectKey,
    { object: { resourceVersion }, programs, desired }: WantedWrite,
  ): { readonly refusal: Refusal; readonly againWithinMs: number | undefined } | undefined {
    const standing = this.#standing.get(key);
    if (standing === undefined) return undefined;
    const { refusal } = standing;
    if (standing.programs === programs) {
      const isSame = standing.resourceVersion === resourceVersion && isDeepStrictEqual(standing.desired, desired);
      if (isSame) return { refusal, againWithinMs: undefined };
      const againWithinMs = standing.at + REFUSED_GAP_MS - this.#clock.monotonic();
      if (againWithinMs > 0) return { refusal, againWithinMs };
    }
    this.#standing.delete(key);
    return undefined;
  }

  forget(key: ObjectKey): void {
    this.#standing.delete(key);
  }
}

/** Of which rule it is told that the object cannot be written; undefined where the policy wants no write of it. */
export function ruleOfRefusal(program: Program, { matched, owned }: Verdict): Rule | undefined {
  if (!(matched || owned) || !mayWrite(program)) return undefined;
  return program.rules.find(({ writes }) => writes.length > 0);
}

/** The verdicts of the policies that may want the refused write, with the refusal as an Error. */
export function withRefusal(
  programs: readonly Program[],
  verdicts: readonly Verdict[],
  { code, message }: Refusal,
): readonly Verdict[] {
  return verdicts.map((verdict, i) => {
    const program = programs[i];
    const rule = program && ruleOfRefusal(program, verdict);
    return rule === undefined ? verdict : withError(verdict, rule, { code, message });
  });
}

export function withError(verdict: Verdict, { name, severity }: Rule, { code, message }: Refusal): Verdict {
  const result: Result = { rule: name, result: 'Error', code, severity, message };
  return { ...verdict, results: [...verdict.results, result] };
}
