import type { JsonValues } from './json-values.ts';
import { malformed } from './malformed.ts';
import type { StringTable } from './string-table.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** JSON text between two positions, not copied. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * Walks over JSON text in UTF-8 and reads only what is asked for: what nobody reads (managedFields above all, often half
 * of an object) is passed over as bytes and never becomes a string or an object. Objects and arrays are walked as
 *
 *     cursor.enterObject();
 *     for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) { ...read or skip the value... }
 *
 * Malformed text throws ApiError 'BadResponse'. Values that are passed over are checked for balance only.
 */
export class JsonCursor {
  readonly bytes: Buffer;
  readonly #end: number;
  #position: number;
  /** True right after an opening bracket, where no comma may stand. */
  #atFirst: boolean;

  constructor(bytes: Buffer, start = 0, end = bytes.length, atFirst = false) {
    this.bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.#atFirst = atFirst;
  }

  get position(): number {
    return this.#position;
  }

  get atFirst(): boolean {
    return this.#atFirst;
  }

  enterObject(): void {
    this.#expect(OPEN_BRACE);
    this.#atFirst = true;
  }

  enterArray(): void {
    this.#expect(OPEN_BRACKET);
    this.#atFirst = true;
  }

  /** The next member's key, or undefined once the object is closed. */
  key(strings: StringTable): string | undefined {
    if (!this.#next(CLOSE_BRACE)) return undefined;
    const key = this.#string(strings);
    this.#expect(COLON);
    return key;
  }

  /** True when another element follows, false once the array is closed. */
  hasElement(): boolean {
    return this.#next(CLOSE_BRACKET);
  }

  /** A string; '' for null, as Go reads it. */
  string(strings?: StringTable): string {
    if (this.takeNull()) return '';
    return this.#string(strings);
  }

  /** An integer; 0 for null. */
  integer(): number {
    const text = this.#span();
    const value = text === 'null' ? 0 : Number(text);
    if (!Number.isInteger(value)) throw malformed('something else where JSON should have an integer');
    return value;
  }

  /** False for null. */
  boolean(): boolean {
    const text = this.#span();
    if (text !== 'true' && text !== 'false' && text !== 'null') {
      throw malformed('something else where JSON should have true or false');
    }
    return text === 'true';
  }

  /** A value of any kind. */
  value(values: JsonValues): unknown {
    const value = values.read(this.bytes, this.#position, this.#end);
    this.#position = values.end;
    return value;
  }

  /** Passes over `null` if that is what comes next. */
  takeNull(): boolean {
    if (this.#peek() !== 0x6e) return false;
    if (this.#span() !== 'null') throw malformed('JSON with an unknown word');
    return true;
  }

  /** Nothing but white space may be left. */
  expectEnd(): void {
    if (this.#peek() !== -1) throw malformed('JSON with something after its end');
  }

  /** Passes over one value of any kind and says where it was. */
  skip(): JsonSpan {
    const first = this.#peek();
    const { bytes } = this;
    const start = this.#position;
    if (first === -1) throw truncated();
    if (first === QUOTE) {
      this.#skipString();
      return { start, end: this.#position };
    }
    let depth = 0;
    let position = start;
    while (position < this.#end) {
      const byte = bytes[position] ?? 0;
      if (byte === QUOTE) {
        this.#position = position;
        this.#skipString();
        position = this.#position;
        continue;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth += 1;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        // The bracket of whatever holds this number or word.
        if (depth === 0) break;
        depth -= 1;
        if (depth === 0) {
          position += 1;
          break;
        }
      } else if (depth === 0 && (byte === COMMA || isSpace(byte))) {
        break;
      }
      position += 1;
    }
    if (depth > 0) throw truncated();
    if (position === start) throw malformed('JSON with a value missing');
    this.#position = position;
    return { start, end: position };
  }

  /** The text of a number or word. */
  #span(): string {
    const { start, end } = this.skip();
    return this.bytes.toString('latin1', start, end);
  }

  /** Moves to the next member or element; false, and past the bracket, when `closing` comes instead. */
  #next(closing: number): boolean {
    const byte = this.#peek();
    const atFirst = this.#atFirst;
    this.#atFirst = false;
    if (byte === closing) {
      this.#position += 1;
      return false;
    }
    if (byte === -1) throw truncated();
    if (atFirst) return true;
    this.#expect(COMMA);
    return true;
  }

  #expect(expected: number): void {
    const byte = this.#peek();
    if (byte === -1) throw truncated();
    if (byte !== expected) throw malformed(`JSON without ${String.fromCharCode(expected)} where one belongs`);
    this.#position += 1;
  }

  /** The next byte that is no white space, or -1 at the end. */
  #peek(): number {
    while (this.#position < this.#end) {
      const byte = this.bytes[this.#position] ?? 0;
      if (!isSpace(byte)) return byte;
      this.#position += 1;
    }
    return -1;
  }

  #string(strings: StringTable | undefined): string {
    if (this.#peek() !== QUOTE) throw malformed('JSON without a string where one belongs');
    const start = this.#position;
    const hasEscape = this.#skipString();
    const end = this.#position;
    if (hasEscape) return unescaped(this.bytes.toString('utf8', start, end));
    if (strings === undefined) return this.bytes.toString('utf8', start + 1, end - 1);
    return strings.text(this.bytes, start + 1, end - 1);
  }

  /** From an opening quote to behind the closing one. True when there is an escape in between. */
  #skipString(): boolean {
    const { bytes } = this;
    let hasEscape = false;
    let position = this.#position + 1;
    while (position < this.#end) {
      const byte = bytes[position] ?? 0;
      if (byte === QUOTE) {
        this.#position = position + 1;
        return hasEscape;
      }
      if (byte === BACKSLASH) {
        hasEscape = true;
        position += 1;
      }
      position += 1;
    }
    throw truncated();
  }
}

function unescaped(literal: string): string {
  try {
    const text: unknown = JSON.parse(literal);
    return String(text);
  } catch (error) {
    throw malformed('JSON with a malformed string', error);
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function truncated(): Error {
  return malformed('JSON that ends too early');
}
