import { ApiError } from './errors.ts';

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
