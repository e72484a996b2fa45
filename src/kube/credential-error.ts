import { ApiError } from './errors.ts';

/** No request was sent, because there is nothing to show to the server. */
export function credentialError(message: string, cause?: unknown): ApiError {
  return new ApiError({ code: 'Unauthorized', status: 0, reason: '', message, cause });
}
