import { malformed } from './malformed.ts';
import { bytesTag, ProtobufReader } from './protobuf-reader.ts';

/** `k8s\0`: every protobuf object starts with it, outside of which nothing but the frames of a watch is written. */
const MAGIC = Buffer.from('k8s\0', 'latin1');

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
      case bytesTag(1): {
        const outer = reader.enter();
        for (let typeTag = reader.tag(); typeTag !== 0; typeTag = reader.tag()) {
          if (typeTag === bytesTag(1)) apiVersion = reader.string();
          else if (typeTag === bytesTag(2)) kind = reader.string();
          else reader.skip(typeTag);
        }
        reader.leave(outer);
        break;
      }
      case bytesTag(2):
        raw = reader.view();
        break;
      case bytesTag(3): {
        const encoding = reader.string();
        if (encoding !== '') throw malformed(`a protobuf object in the unknown encoding ${JSON.stringify(encoding)}`);
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  if (raw === undefined) throw malformed('an envelope with nothing in it');
  return { apiVersion, kind, raw };
}
