import type { CachedObject } from '../api/object.ts';
import { errorCodeOf } from './answer-error.ts';
import { ApiError } from './errors.ts';
import type { WatchEvent } from './list-watch.ts';
import { malformed } from './malformed.ts';
import { decodeStatus } from './status-body.ts';
import { withoutValues } from './without-values.ts';

/** Cuts a watch's bytes into events. One for each stream. */
export interface WatchDecoder {
  /**
   * Takes the next bytes, cut anywhere, and calls `emit` for each event that is now whole. Throws ApiError 'BadResponse'
   * when they cannot be read; the decoder is of no use after that.
   */
  push(chunk: Buffer, emit: (event: WatchEvent) => void): void;
  /** True when an event has begun and is not whole yet. */
  readonly isMidEvent: boolean;
}

/** An event larger than this is a broken stream: etcd takes objects of 1.5 MB by default. */
export const LARGEST_EVENT_BYTES = 64 * 1024 * 1024;

/** Set on the bookmark that ends the initial events of a WatchList. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** Any event but ERROR, whose object is a Status. */
export function objectEvent(type: string, object: CachedObject): WatchEvent {
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: requireName(object) };
    case 'BOOKMARK':
      return {
        type,
        resourceVersion: object.resourceVersion,
        initialEventsEnd: object.annotations[INITIAL_EVENTS_END] === 'true',
      };
    default:
      throw malformed(`a watch event of the unknown type ${JSON.stringify(type)}`);
  }
}

/** An ERROR event, whose object is a Status, in the encoding of the stream. */
export function errorEvent(contentType: string, object: Buffer): WatchEvent {
  const status = decodeStatus(contentType, object);
  if (status === undefined) throw malformed('a watch error without a Status');
  const { message, reason, code, causes, retryAfterSeconds } = status;
  const error = new ApiError({
    code: errorCodeOf(code),
    status: code,
    reason,
    message: withoutValues(message) || 'the API server ended the watch with an error',
    rawMessage: message,
    retryAfterMs: retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000,
    causes,
  });
  return { type: 'ERROR', error };
}

/** The object itself, once it is known to have a name: without one it could not be found again. */
export function requireName(object: CachedObject): CachedObject {
  if (object.name === '') throw malformed('an object without a name');
  return object;
}
