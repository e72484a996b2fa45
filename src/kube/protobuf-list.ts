import type { Interner } from './interner.ts';
import { ListDecoder } from './list-decoder.ts';
import { malformed } from './malformed.ts';
import type { ListMetadata } from './metadata-rules.ts';
import { hasEnvelope, MAGIC, readTypeMeta, requirePlain } from './protobuf-envelope.ts';
import { partialObject } from './protobuf-metadata.ts';
import { bytesTag, ProtobufReader } from './protobuf-reader.ts';
import { requireName } from './watch-events.ts';

/** A PartialObjectMetadataList in its envelope. */
export class ProtobufListDecoder extends ListDecoder {
  readonly #interner: Interner;
  #isOpen = false;
  #kind = '';
  #list: ListMetadata | undefined;
  /** Bytes of the list's own message that are still to come; undefined before it. */
  #left: number | undefined;

  constructor(interner: Interner, step?: number) {
    super(step);
    this.#interner = interner;
  }

  protected read(bytes: Buffer): void {
    if (!this.#isOpen) {
      if (!hasEnvelope(bytes)) throw malformed('a protobuf object without its envelope');
      this.#isOpen = true;
      this.done = MAGIC.length;
    }
    while (this.done < bytes.length) {
      if (this.#left === undefined || this.#left === 0) this.#readEnvelope(bytes);
      else this.#readList(bytes, this.#left);
    }
  }

  protected finish(): ListMetadata {
    // An answer that was cut off must not look like a short list: everything else would count as deleted.
    if (this.#list === undefined || this.#left !== 0) throw malformed('a list that is not whole');
    return this.#list;
  }

  /** One field of it. */
  #readEnvelope(bytes: Buffer): void {
    const reader = new ProtobufReader(bytes, this.done);
    const tag = reader.tag();
    if (tag === bytesTag(1)) this.#kind = readTypeMeta(reader).kind;
    else if (tag === bytesTag(2) && this.#left === undefined) this.#left = this.#begin(reader);
    else if (tag === bytesTag(3)) requirePlain(reader);
    else reader.skip(tag);
    this.done = reader.position;
  }

  /** Returns how long the list is. */
  #begin(reader: ProtobufReader): number {
    if (this.#kind !== 'PartialObjectMetadataList') {
      throw malformed(`a ${this.#kind} where a list of metadata was asked for`);
    }
    const length = reader.varint();
    if (length < 0) throw malformed('a list of a negative length');
    return length;
  }

  /** Fields of the list, as many as are there. */
  #readList(bytes: Buffer, left: number): void {
    const end = this.done + left;
    const reader = new ProtobufReader(bytes, this.done, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      const outer = tag === bytesTag(1) || tag === bytesTag(2) ? reader.enter() : undefined;
      if (outer === undefined) reader.skip(tag);
      else if (tag === bytesTag(1)) this.#list = listMetadata(reader);
      else this.items.push(requireName(partialObject(reader, this.#interner)));
      if (outer !== undefined) reader.leave(outer);
      this.done = reader.position;
      this.#left = end - this.done;
    }
  }
}

function listMetadata(reader: ProtobufReader): ListMetadata {
  let resourceVersion = '';
  let next = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === bytesTag(2)) resourceVersion = reader.string();
    else if (tag === bytesTag(3)) next = reader.string();
    else reader.skip(tag);
  }
  return { resourceVersion, continue: next };
}
