import { ApiError } from './errors.ts';

/** An answer, or a part of a stream, that cannot be read. `what` finishes the sentence "the API server sent ...". */
export function malformed(what: string, cause?: unknown): ApiError {
  return new ApiError({ code: 'BadResponse', status: 0, reason: '', message: `the API server sent ${what}`, cause });
}

/** An answer of which the rest was not read. */
export function tooLarge(maxBodyBytes: number, status = 0): ApiError {
  const message = `the API server sent a body of more than ${maxBodyBytes} bytes`;
  return new ApiError({ code: 'TooLarge', status, reason: '', message });
}
