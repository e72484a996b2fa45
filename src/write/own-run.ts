import { isDeepStrictEqual } from 'node:util';
import type { CachedObject, KeySet } from '../api/object.ts';
import type { Surroundings, WriteAttempt } from '../controller/contention.ts';
import type { Oscillation } from '../policy/contention.ts';
import type { Channel, Rule } from '../policy/program.ts';
import { isSameMap, isSameState, type KeyChange, stateOf } from './key-state.ts';

/** How many writes the first look for a repetition takes; each further one takes twice as many. */
const FIRST_STEPS = 8;

/**
 * Writes of ours on one object, one after another, while nobody else changed anything that evaluation sees. Evaluation is a
 * pure function of that: when the object comes to look as it did before one of these writes, they go on without end.
 * A repetition of any length is found, with one picture kept (Brent's algorithm).
 */
export class OwnRun {
  #start: WriteAttempt;
  #steps = 0;
  #limit = FIRST_STEPS;
  /** What these writes have changed, and the rules that wanted it. */
  #keys = new Map<string, readonly [Channel, string]>();
  #rules = new Map<string, Rule>();

  constructor(start: WriteAttempt) {
    this.#start = start;
  }

  /** Whether this write follows from our last one, which left the object as `last`. */
  continues(attempt: WriteAttempt, last: CachedObject): boolean {
    return isSameInput(attempt, { ...this.#start, object: last });
  }

  /** What goes on without end, if the object is as it was before. To be asked only of a write that continues the run. */
  oscillation({ object }: WriteAttempt): Oscillation | undefined {
    if (this.#keys.size === 0 || !isSamePicture(object, this.#start.object)) return undefined;
    return { rules: new Map(this.#rules), keys: [...this.#keys.values()] };
  }

  /** The write was made. What the server did not change is none of the run's doing. */
  add(attempt: WriteAttempt, changes: readonly KeyChange[], answer: CachedObject): void {
    if (this.#steps === this.#limit) {
      this.#start = attempt;
      this.#steps = 0;
      this.#limit *= 2;
      this.#keys = new Map();
      this.#rules = new Map();
    }
    this.#steps += 1;
    for (const { channel, key } of changes) {
      if (isSameState(stateOf(answer, channel, key), stateOf(attempt.object, channel, key))) continue;
      this.#keys.set(`${channel} ${key}`, [channel, key]);
      const winner = attempt.winners[channel].get(key);
      if (winner !== undefined && winner.kind !== 'Hold') this.#rules.set(winner.program.policy, winner.rule);
    }
  }
}

/** Whether evaluation must come to the same. */
export function isSameInput(a: Surroundings, b: Surroundings): boolean {
  return (
    a.programs === b.programs &&
    isSamePicture(a.object, b.object) &&
    a.inputs.every((input, i) => input === b.inputs[i] || isDeepStrictEqual(input, b.inputs[i]))
  );
}

function isSamePicture(a: CachedObject, b: CachedObject): boolean {
  if (a === b) return true;
  return (
    a.uid === b.uid &&
    isSameMap(a.labels, b.labels) &&
    isSameMap(a.annotations, b.annotations) &&
    isSameKeySet(a.applied, b.applied) &&
    isSameKeySet(a.retained, b.retained) &&
    a.controlled === b.controlled &&
    isDeepStrictEqual(a.body, b.body)
  );
}

function isSameKeySet(a: KeySet, b: KeySet): boolean {
  return a === b || isDeepStrictEqual(a, b);
}
