import { setImmediate } from 'node:timers/promises';
import { aborted } from './aborted.ts';

/** Long enough to make the pauses cheap, short enough that nobody notices the loop standing still. */
const SLICE_MS = 8;

/**
 * All that `items` yields and returns, taken in slices with the event loop running in between. Rejects with ApiError
 * 'Aborted' when the signal aborts.
 */
export async function collectInSlices<T, R>(
  items: Generator<T, R, void>,
  signal: AbortSignal,
): Promise<{ readonly items: readonly T[]; readonly result: R }> {
  const collected: T[] = [];
  let until = performance.now() + SLICE_MS;
  for (;;) {
    const step = items.next();
    if (step.done === true) return { items: collected, result: step.value };
    collected.push(step.value);
    if (performance.now() < until) continue;
    await setImmediate();
    if (signal.aborted) throw aborted(signal);
    until = performance.now() + SLICE_MS;
  }
}
