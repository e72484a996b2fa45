import type { CachedObject, ObjectKey } from '../api/object.ts';
import type { Contention } from '../policy/contention.ts';
import type { Desired, Evaluation } from '../policy/evaluate.ts';
import type { KindContext, Program } from '../policy/program.ts';

/** An object, and what else its evaluation depends on. */
export interface Surroundings {
  readonly key: ObjectKey;
  readonly object: CachedObject;
  /** Of the kind; the same array as long as none of them changes. */
  readonly programs: readonly Program[];
  /**
   * All else that the programs look at, always in the same order: labels and annotations of the object's Namespace, bodies of
   * the object in other versions.
   */
  readonly inputs: readonly (Readonly<Record<string, unknown>> | undefined)[];
}

/** A write that is about to be made. */
export interface WriteAttempt extends Surroundings {
  readonly desired: Desired;
  readonly winners: Evaluation['winners'];
}

/** Sees to it that fights over keys end: those of others with us, and those of policies among themselves. One for each kind. */
export interface ContentionGuard {
  /** What is left alone on the object now; undefined nearly always. */
  standing(at: Surroundings): Contention | undefined;
  /** Whether the write may be made. If not, something more is left alone from now on: the object is to be evaluated again. */
  admits(attempt: WriteAttempt): boolean;
  /** The write was made; `answer` is the object after it. */
  wrote(attempt: WriteAttempt, answer: CachedObject): void;
  /** The object is gone. */
  gone(key: ObjectKey): void;
  /** Leaves no timer and no request. */
  stop(): void;
}

/** `enqueue` has an object evaluated again. */
export type CreateGuard = (kind: KindContext, enqueue: (key: ObjectKey) => void) => ContentionGuard;
