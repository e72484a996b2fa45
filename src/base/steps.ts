/** Work that pauses where something else may be done, and comes to a result. */
export type Steps<T> = Generator<void, T, void>;

/** Does all of it in one go. */
export function allSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
