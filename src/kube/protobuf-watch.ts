import type { Interner } from './interner.ts';
import type { WatchEvent } from './list-watch.ts';
import { malformed } from './malformed.ts';
import { PROTOBUF } from './media-types.ts';
import { decodeProtobufObject } from './protobuf-metadata.ts';
import { bytesTag, ProtobufReader } from './protobuf-reader.ts';
import { errorEvent, LARGEST_EVENT_BYTES, objectEvent, type WatchDecoder } from './watch-events.ts';

/** Each frame: its length, 4 bytes, most significant first; then that many bytes of a WatchEvent. */
const HEADER_BYTES = 4;

/** The frames of `application/vnd.kubernetes.protobuf;stream=watch`. */
export class ProtobufWatchDecoder implements WatchDecoder {
  readonly #interner: Interner;
  /** What came of the frame that is not whole yet. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** How many bytes it takes to go on: a header, or a header and its frame. */
  #needed = HEADER_BYTES;

  constructor(interner: Interner) {
    this.#interner = interner;
  }

  get isMidEvent(): boolean {
    return this.#partBytes > 0;
  }

  push(chunk: Buffer, emit: (event: WatchEvent) => void): void {
    let bytes = chunk;
    if (this.#partBytes > 0) {
      this.#parts.push(chunk);
      this.#partBytes += chunk.length;
      // Joined once per step and not once per chunk: a large frame in small chunks would be copied again and again.
      if (this.#partBytes < this.#needed) return;
      bytes = Buffer.concat(this.#parts, this.#partBytes);
      this.#parts = [];
      this.#partBytes = 0;
    }
    let start = 0;
    for (;;) {
      const left = bytes.length - start;
      this.#needed = left < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + frameLength(bytes, start);
      if (left < this.#needed) break;
      const end = start + this.#needed;
      emit(decodeEvent(bytes.subarray(start + HEADER_BYTES, end), this.#interner));
      start = end;
    }
    if (start < bytes.length) {
      this.#parts.push(bytes.subarray(start));
      this.#partBytes = bytes.length - start;
    }
  }
}

function frameLength(bytes: Buffer, start: number): number {
  const length = bytes.readUInt32BE(start);
  if (length > LARGEST_EVENT_BYTES) throw malformed(`a watch event of ${length} bytes`);
  return length;
}

function decodeEvent(frame: Buffer, interner: Interner): WatchEvent {
  const reader = new ProtobufReader(frame);
  let type = '';
  let object = frame.subarray(0, 0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === bytesTag(1)) {
      type = reader.repeatedString(interner.strings);
    } else if (tag === bytesTag(2)) {
      const outer = reader.enter();
      for (let rawTag = reader.tag(); rawTag !== 0; rawTag = reader.tag()) {
        if (rawTag === bytesTag(1)) object = reader.view();
        else reader.skip(rawTag);
      }
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  if (type === 'ERROR') return errorEvent(PROTOBUF, object);
  return objectEvent(type, decodeProtobufObject(object, interner));
}
