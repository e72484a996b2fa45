/** Time as an argument, so that tests decide when it passes. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump; for time stamps only. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never goes back; for durations and deadlines. */
  monotonic(): number;
  /** Calls `fn` once after `ms` milliseconds. The returned function cancels it; calling it late or twice is harmless. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it aborts. Leaves no timer and no listener. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = () => {
      cancel();
      reject(abortReason(signal));
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
}
