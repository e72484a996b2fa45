import { ApiError } from './errors.ts';

/** Settles as `promise` does, or rejects with ApiError 'Aborted' as soon as the signal aborts: what was begun goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(aborted(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What a call rejects with once its caller has given it up. */
export function aborted(signal: AbortSignal): ApiError {
  return new ApiError({
    code: 'Aborted',
    status: 0,
    reason: '',
    message: 'the request was given up by its caller',
    cause: signal.reason,
  });
}
