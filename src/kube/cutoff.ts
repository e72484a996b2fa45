import type { Clock } from '../base/clock.ts';
import { aborted } from './aborted.ts';
import { ApiError } from './errors.ts';

/** What ends a call from the outside: its caller's signal or its deadline, whichever comes first. */
export class Cutoff {
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;
  #cancelTimer: (() => void) | undefined;
  #error: ApiError | undefined;
  #hook: ((error: ApiError) => void) | undefined;

  /** `timeoutMs` counts from now. `end` must be called. */
  constructor(signal: AbortSignal, timeoutMs: number, clock: Pick<Clock, 'after'>) {
    this.#signal = signal;
    this.#onAbort = () => this.stop(aborted(signal));
    if (signal.aborted) {
      this.#error = aborted(signal);
      return;
    }
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#cancelTimer = clock.after(timeoutMs, () => this.stop(timeoutError(timeoutMs)));
  }

  /** Calls `hook` when the call must stop, at once if it must already. Replaces an earlier hook. */
  onStop(hook: (error: ApiError) => void): void {
    if (this.#error === undefined) this.#hook = hook;
    else hook(this.#error);
  }

  /** Settles as `promise` does, or rejects as soon as the call must stop. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.onStop(reject);
      promise.then(resolve, reject);
    });
  }

  /** From now on only the signal counts. */
  clearDeadline(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Leaves no timer and no listener. */
  end(): void {
    this.clearDeadline();
    this.#hook = undefined;
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  /** The call must stop, for this reason. */
  stop(error: ApiError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    const hook = this.#hook;
    this.end();
    hook?.(error);
  }
}

function timeoutError(timeoutMs: number): ApiError {
  return new ApiError({
    code: 'Timeout',
    status: 0,
    reason: '',
    message: `the API server did not answer within ${timeoutMs / 1000} s`,
  });
}
