import { JsonCursor } from './json-cursor.ts';
import { type JsonDecoding, readObject } from './json-objects.ts';
import { ListDecoder } from './list-decoder.ts';
import { malformed } from './malformed.ts';
import type { ListMetadata } from './metadata-rules.ts';
import { requireName } from './watch-events.ts';

/** What comes next: the list, a member of it, an item, or nothing any more. */
type Place = 'Start' | 'Member' | 'Item' | 'End';

/** A list in JSON. */
export class JsonListDecoder extends ListDecoder {
  readonly #decoding: JsonDecoding;
  #list: ListMetadata | undefined;
  #hasItems = false;
  #place: Place = 'Start';
  /** Whether a bracket stands right before it. */
  #atFirst = false;

  constructor(decoding: JsonDecoding, step?: number) {
    super(step);
    this.#decoding = decoding;
  }

  protected read(bytes: Buffer, isLast: boolean): void {
    const cursor = new JsonCursor(bytes, 0, bytes.length, this.#atFirst);
    if (this.#place === 'Start') {
      cursor.enterObject();
      this.#at('Member', cursor);
    }
    while (this.#place !== 'End') {
      if (this.#place === 'Item') this.#readItems(cursor);
      if (!this.#readMember(cursor, bytes.length, isLast)) return;
    }
    cursor.expectEnd();
  }

  protected finish(): ListMetadata {
    if (this.#list === undefined || !this.#hasItems) {
      throw malformed('something that is no list where one was asked for');
    }
    return this.#list;
  }

  #readItems(cursor: JsonCursor): void {
    while (cursor.hasElement()) {
      this.items.push(requireName(readObject(cursor, this.#decoding)));
      this.#at('Item', cursor);
    }
    this.#at('Member', cursor);
  }

  /** False when it may go on where the bytes end. */
  #readMember(cursor: JsonCursor, length: number, isLast: boolean): boolean {
    const { strings } = this.#decoding.interner;
    const key = cursor.key(strings);
    if (key === undefined) {
      this.#at('End', cursor);
    } else if (key === 'metadata') {
      this.#list = listMetadata(cursor, this.#decoding);
      this.#at('Member', cursor);
    } else if (key !== 'items') {
      cursor.skip();
      // As a number may.
      if (cursor.position === length && !isLast) return false;
      this.#at('Member', cursor);
    } else {
      // Go writes an empty list that was never made as null.
      const isNull = cursor.takeNull();
      if (!isNull) cursor.enterArray();
      this.#hasItems = true;
      this.#at(isNull ? 'Member' : 'Item', cursor);
    }
    return true;
  }

  #at(place: Place, cursor: JsonCursor): void {
    this.#place = place;
    this.#atFirst = cursor.atFirst;
    this.done = cursor.position;
  }
}

function listMetadata(cursor: JsonCursor, { interner: { strings } }: JsonDecoding): ListMetadata {
  let resourceVersion = '';
  let next = '';
  cursor.enterObject();
  for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
    if (key === 'resourceVersion') resourceVersion = cursor.string();
    else if (key === 'continue') next = cursor.string();
    else cursor.skip();
  }
  return { resourceVersion, continue: next };
}
