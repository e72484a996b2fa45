import type { StatusCause } from './errors.ts';
import { hasEnvelope, openEnvelope } from './protobuf-envelope.ts';
import { bytesTag, ProtobufReader, varintTag } from './protobuf-reader.ts';

/** What is read of a metav1.Status. */
export interface DecodedStatus {
  readonly message: string;
  /** Machine-readable, such as `NotFound`; '' when absent. */
  readonly reason: string;
  /** HTTP status, 0 when absent. */
  readonly code: number;
  readonly causes: readonly StatusCause[];
  readonly retryAfterSeconds: number | undefined;
}

interface StatusDetails {
  readonly causes: StatusCause[];
  readonly retryAfterSeconds: number | undefined;
}

/** A metav1.Status with or without its envelope. Throws ApiError 'BadResponse'. */
export function decodeProtobufStatus(body: Buffer): DecodedStatus {
  const reader = new ProtobufReader(hasEnvelope(body) ? openEnvelope(body).raw : body);
  let message = '';
  let reason = '';
  let code = 0;
  let details: StatusDetails = { causes: [], retryAfterSeconds: undefined };
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case bytesTag(3):
        message = reader.string();
        break;
      case bytesTag(4):
        reason = reader.string();
        break;
      case bytesTag(5):
        details = statusDetails(reader);
        break;
      case varintTag(6):
        code = reader.varint();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { message, reason, code, causes: details.causes, retryAfterSeconds: details.retryAfterSeconds };
}

function statusDetails(reader: ProtobufReader): StatusDetails {
  const causes: StatusCause[] = [];
  let retryAfterSeconds: number | undefined;
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case bytesTag(4):
        causes.push(statusCause(reader));
        break;
      case varintTag(5):
        // The field is always written; 0 is how "absent" looks.
        retryAfterSeconds = reader.varint() || undefined;
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outer);
  return { causes, retryAfterSeconds };
}

function statusCause(reader: ProtobufReader): StatusCause {
  let reason = '';
  let field = '';
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case bytesTag(1):
        reason = reader.string();
        break;
      case bytesTag(3):
        field = reader.string();
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outer);
  return { reason, field };
}
