import { malformed } from './malformed.ts';
import type { StringTable } from './string-table.ts';

/** Wire types of a tag's low three bits. The group types 3 and 4 are long gone and count as malformed. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Tags, as `tag()` returns them: field number and wire type in one number, so that one `switch` tells both apart. */
export const varintTag = (field: number): number => field * 8 + VARINT;
export const bytesTag = (field: number): number => field * 8 + LENGTH_DELIMITED;

/**
 * Reads the protobuf wire format from a Buffer, in place. A nested message is entered by narrowing the reader and left
 * by widening it again, so that decoding allocates nothing but the values that are kept. Every step moves on and stays
 * inside the message: malformed input throws ApiError 'BadResponse', it never loops and never reads outside.
 */
export class ProtobufReader {
  readonly bytes: Buffer;
  #position: number;
  #end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#position = start;
    this.#end = Math.min(end, bytes.length);
  }

  get position(): number {
    return this.#position;
  }

  /** The next field's tag, or 0 at the end of the message (0 is no legal tag). */
  tag(): number {
    if (this.#position >= this.#end) return 0;
    const tag = this.varint();
    // Field numbers are 1 to 2^29 - 1.
    if (tag < 8 || tag > 0xffffffff) throw malformed('a protobuf message with an impossible field number');
    return tag;
  }

  /** A varint as int64; exact up to 2^53 on both sides of zero. */
  varint(): number {
    let position = this.#position;
    let value = 0;
    let scale = 1;
    // Seven bytes hold 49 bits, which a number adds up exactly; what is longer is rare and takes the slow way.
    for (let count = 0; count < 7; count++) {
      if (position >= this.#end) throw truncated();
      const byte = this.bytes[position++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#position = position;
        return value;
      }
      scale *= 128;
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    let value = 0n;
    for (let count = 0; count < 10; count++) {
      if (this.#position >= this.#end) throw truncated();
      const byte = this.bytes[this.#position++] ?? 0;
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw malformed('a protobuf message with an integer of more than 64 bits');
  }

  /** Reads the length of a string, bytes or message field and returns where its content ends. */
  #contentEnd(): number {
    const length = this.varint();
    const end = this.#position + length;
    if (length < 0 || end > this.#end) throw truncated();
    return end;
  }

  /** Narrows the reader to the nested message that starts here. Returns what `leave` needs to come back. */
  enter(): number {
    const end = this.#contentEnd();
    const outer = this.#end;
    this.#end = end;
    return outer;
  }

  /** Leaves a nested message, read to its end or not. */
  leave(outer: number): void {
    this.#position = this.#end;
    this.#end = outer;
  }

  /** A string that is rather unique: a name, a uid. */
  string(): string {
    const end = this.#contentEnd();
    const text = this.bytes.toString('utf8', this.#position, end);
    this.#position = end;
    return text;
  }

  /** A string that many objects repeat: a namespace, a label's key or value. */
  repeatedString(table: StringTable): string {
    const end = this.#contentEnd();
    const text = table.text(this.bytes, this.#position, end);
    this.#position = end;
    return text;
  }

  /** The field's bytes, not copied. */
  view(): Buffer {
    const end = this.#contentEnd();
    const view = this.bytes.subarray(this.#position, end);
    this.#position = end;
    return view;
  }

  /** True when the bytes of the string or bytes field that comes next are those of `expected`. Does not move. */
  contentIs(expected: Buffer): boolean {
    const before = this.#position;
    const end = this.#contentEnd();
    const start = this.#position;
    this.#position = before;
    return end - start === expected.length && expected.compare(this.bytes, start, end) === 0;
  }

  /** Passes over the value of a field that nobody reads. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint();
        return;
      case LENGTH_DELIMITED:
        this.#position = this.#contentEnd();
        return;
      case FIXED64:
        this.#advance(8);
        return;
      case FIXED32:
        this.#advance(4);
        return;
      default:
        throw malformed('a protobuf message with an unknown wire type');
    }
  }

  #advance(count: number): void {
    if (this.#position + count > this.#end) throw truncated();
    this.#position += count;
  }
}

function truncated(): Error {
  return malformed('a protobuf message that ends too early');
}
