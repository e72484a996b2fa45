import type { CachedObject } from '../api/object.ts';
import { JsonCursor, type JsonSpan } from './json-cursor.ts';
import { type JsonDecoding, readObject } from './json-objects.ts';
import type { WatchEvent } from './list-watch.ts';
import { malformed } from './malformed.ts';
import { JSON_TEXT } from './media-types.ts';
import { errorEvent, LARGEST_EVENT_BYTES, objectEvent, type WatchDecoder } from './watch-events.ts';

const NEWLINE = 0x0a;

/** The lines of a JSON watch. A line ends at a line feed alone: U+2028 and a carriage return may stand inside. */
export class JsonWatchDecoder implements WatchDecoder {
  readonly #decoding: JsonDecoding;
  /** What came of the line that is not whole yet. */
  #parts: Buffer[] = [];
  #partBytes = 0;

  constructor(decoding: JsonDecoding) {
    this.#decoding = decoding;
  }

  get isMidEvent(): boolean {
    return this.#partBytes > 0;
  }

  push(chunk: Buffer, emit: (event: WatchEvent) => void): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (!isBlank(line)) emit(decodeEvent(line, this.#decoding));
    }
    if (start === chunk.length) return;
    this.#parts.push(chunk.subarray(start));
    this.#partBytes += chunk.length - start;
    if (this.#partBytes > LARGEST_EVENT_BYTES)
      throw malformed(`a watch event of more than ${LARGEST_EVENT_BYTES} bytes`);
  }

  #complete(rest: Buffer): Buffer {
    if (this.#partBytes === 0) return rest;
    this.#parts.push(rest);
    const line = Buffer.concat(this.#parts, this.#partBytes + rest.length);
    this.#parts = [];
    this.#partBytes = 0;
    return line;
  }
}

function isBlank(line: Buffer): boolean {
  return line.length === 0 || (line.length === 1 && line[0] === 0x0d);
}

function decodeEvent(line: Buffer, decoding: JsonDecoding): WatchEvent {
  const { strings } = decoding.interner;
  const cursor = new JsonCursor(line);
  let type = '';
  let object: CachedObject | undefined;
  let span: JsonSpan | undefined;
  cursor.enterObject();
  for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
    if (key === 'type') {
      type = cursor.string(strings);
    } else if (key !== 'object') {
      cursor.skip();
    } else if (type === '' || type === 'ERROR') {
      span = cursor.skip();
    } else {
      object = readObject(cursor, decoding);
    }
  }
  cursor.expectEnd();
  if (object !== undefined) return objectEvent(type, object);
  if (span === undefined) throw malformed('a watch event without an object');
  if (type === 'ERROR') return errorEvent(JSON_TEXT, line.subarray(span.start, span.end));
  return objectEvent(type, readObject(new JsonCursor(line, span.start, span.end), decoding));
}
