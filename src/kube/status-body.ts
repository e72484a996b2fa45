import { isRecord, type JsonRecord, numberOf, recordOf, textOf } from '../base/json-value.ts';
import type { StatusCause } from './errors.ts';
import { type DecodedStatus, decodeProtobufStatus } from './protobuf-status.ts';

/** The metav1.Status in the body of an answer; undefined when there is none. Never throws. */
export function decodeStatus(contentType: string | undefined, body: Buffer): DecodedStatus | undefined {
  try {
    if (contentType?.startsWith('application/vnd.kubernetes.protobuf') === true) return decodeProtobufStatus(body);
    return jsonStatus(JSON.parse(body.toString('utf8')));
  } catch {
    return undefined;
  }
}

function jsonStatus(document: unknown): DecodedStatus | undefined {
  if (!isRecord(document) || document['kind'] !== 'Status') return undefined;
  const details = recordOf(document['details']);
  const causes: readonly unknown[] = Array.isArray(details['causes']) ? details['causes'] : [];
  const retryAfterSeconds = numberOf(details['retryAfterSeconds']);
  return {
    message: textOf(document['message']),
    reason: textOf(document['reason']),
    code: numberOf(document['code']),
    causes: causes.filter(isRecord).map(statusCause),
    retryAfterSeconds: retryAfterSeconds === 0 ? undefined : retryAfterSeconds,
  };
}

function statusCause(cause: JsonRecord): StatusCause {
  return { reason: textOf(cause['reason']), field: textOf(cause['field']) };
}
