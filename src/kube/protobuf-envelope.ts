import { malformed } from './malformed.ts';
import { bytesTag, ProtobufReader } from './protobuf-reader.ts';

/** `k8s\0`: every protobuf object starts with it, outside of which nothing but the frames of a watch is written. */
export const MAGIC = Buffer.from('k8s\0', 'latin1');

/** runtime.Unknown: the object with its type beside it. */
export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The object's own message, not copied. */
  readonly raw: Buffer;
}

export function hasEnvelope(bytes: Buffer): boolean {
  return bytes.length >= MAGIC.length && MAGIC.compare(bytes, 0, MAGIC.length) === 0;
}

export function openEnvelope(bytes: Buffer): Envelope {
  if (!hasEnvelope(bytes)) throw malformed('a protobuf object without its envelope');
  const reader = new ProtobufReader(bytes, MAGIC.length);
  let apiVersion = '';
  let kind = '';
  let raw: Buffer | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case bytesTag(1):
        ({ apiVersion, kind } = readTypeMeta(reader));
        break;
      case bytesTag(2):
        raw = reader.view();
        break;
      case bytesTag(3):
        requirePlain(reader);
        break;
      default:
        reader.skip(tag);
    }
  }
  if (raw === undefined) throw malformed('an envelope with nothing in it');
  return { apiVersion, kind, raw };
}

/** The type that stands in the envelope, at the reader's place. */
export function readTypeMeta(reader: ProtobufReader): Pick<Envelope, 'apiVersion' | 'kind'> {
  let apiVersion = '';
  let kind = '';
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === bytesTag(1)) apiVersion = reader.string();
    else if (tag === bytesTag(2)) kind = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { apiVersion, kind };
}

/** Refuses an object that is encoded once more. */
export function requirePlain(reader: ProtobufReader): void {
  const encoding = reader.string();
  if (encoding !== '') throw malformed(`a protobuf object in the unknown encoding ${JSON.stringify(encoding)}`);
}
