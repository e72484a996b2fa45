import { malformed } from './malformed.ts';
import { type PartBounds, SharedParts } from './shared-parts.ts';
import { mix, type StringTable } from './string-table.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Objects and lists whose text is longer are hardly ever the same twice, though what is in them may be. In bytes. */
const LONGEST = 512;
/** An integer of no more digits is exact as a number. */
const EXACT_DIGITS = 15;
/** By byte: 1 for all that a number may be written with. */
const IN_NUMBER = Uint8Array.from({ length: 256 }, (_, byte) =>
  '0123456789+-.eE'.includes(String.fromCharCode(byte)) ? 1 : 0,
);
/** What is empty is one too. */
const NO_MEMBERS = Object.freeze({});
const NO_ITEMS: readonly unknown[] = Object.freeze([]);

const NOTHING = Buffer.alloc(0);
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** An object or a list that has begun and has not ended. */
interface Open extends PartBounds {
  /** In bytes. */
  readonly start: number;
  /** So far. */
  hash: number;
  keysHash: number;
}

/**
 * Reads JSON values from UTF-8 as JSON.parse does, but for two things. Equal objects and lists are one: what the objects of a
 * workload repeat (probes, resources, tolerations: nearly all of a Pod's spec) is held once, so nobody may change what comes from
 * here. And integers that a number cannot hold exactly become BigInt, so that no policy ever judges a rounded one.
 */
export class JsonValues {
  /** Behind the value that was read last. */
  end = 0;
  readonly #strings: StringTable;
  readonly #parts = new SharedParts();
  /** Of all objects and lists that have begun. */
  readonly #read: { readonly keys: string[]; readonly members: unknown[] } = { keys: [], members: [] };
  readonly #open: Open[] = [];
  #bytes: Buffer = NOTHING;
  #position = 0;
  #limit = 0;
  #hash = 0;

  constructor(strings: StringTable) {
    this.#strings = strings;
  }

  /**
   * The value that begins at `start` and ends no later than `limit`. Throws ApiError 'BadResponse'. No recursion: deep
   * nesting is harmless.
   */
  read(bytes: Buffer, start: number, limit: number): unknown {
    this.#bytes = bytes;
    this.#position = start;
    this.#limit = limit;
    try {
      return this.#value();
    } finally {
      this.end = this.#position;
      this.#bytes = NOTHING;
      this.#read.keys.length = 0;
      this.#read.members.length = 0;
      this.#open.length = 0;
    }
  }

  #value(): unknown {
    const { members } = this.#read;
    /** The innermost that has begun. */
    let open: Open | undefined;
    for (;;) {
      let value: unknown;
      const first = this.#peek();
      const isObject = first === OPEN_BRACE;
      if (isObject || first === OPEN_BRACKET) {
        const start = this.#position;
        this.#position += 1;
        if (this.#peek() !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
          open = this.#begin(isObject, start);
          continue;
        }
        this.#position += 1;
        this.#hash = first;
        value = isObject ? NO_MEMBERS : NO_ITEMS;
      } else {
        value = this.#scalar(first);
      }
      for (;;) {
        if (open === undefined) return value;
        members.push(value);
        open.hash = mix(open.hash, this.#hash);
        const next = this.#peek();
        this.#position += 1;
        if (next === COMMA) {
          if (open.isObject) this.#key(open);
          break;
        }
        if (next !== (open.isObject ? CLOSE_BRACE : CLOSE_BRACKET)) throw notJson();
        value = this.#close(open);
        open = this.#open.at(-1);
      }
    }
  }

  #begin(isObject: boolean, start: number): Open {
    const { keys, members } = this.#read;
    const open = { isObject, start, firstKey: keys.length, firstMember: members.length, hash: 0, keysHash: 0 };
    this.#open.push(open);
    if (isObject) this.#key(open);
    return open;
  }

  #key(open: Open): void {
    if (this.#peek() !== QUOTE) throw notJson();
    this.#read.keys.push(this.#string());
    open.hash = mix(open.hash, this.#hash);
    open.keysHash = mix(open.keysHash, this.#hash);
    if (this.#peek() !== COLON) throw notJson();
    this.#position += 1;
  }

  /** What has just ended, or its equal that was here before. */
  #close(open: Open): object {
    this.#open.pop();
    this.#hash = open.hash;
    const value = this.#parts.part(this.#read, open, this.#position - open.start <= LONGEST);
    this.#read.keys.length = open.firstKey;
    this.#read.members.length = open.firstMember;
    return value;
  }

  #scalar(first: number): unknown {
    if (first === QUOTE) return this.#string();
    if (first === MINUS || (first >= ZERO && first <= NINE)) return this.#number();
    if (first === TRUE[0]) return this.#word(TRUE, true);
    if (first === FALSE[0]) return this.#word(FALSE, false);
    if (first === NULL[0]) return this.#word(NULL, null);
    throw notJson();
  }

  #word<T>(word: Buffer, value: T): T {
    for (let i = 0; i < word.length; i += 1) {
      if (this.#position + i >= this.#limit || this.#bytes[this.#position + i] !== word[i]) throw notJson();
    }
    this.#position += word.length;
    this.#hash = word[0] ?? 0;
    return value;
  }

  #string(): string {
    const bytes = this.#bytes;
    const limit = this.#limit;
    const start = this.#position;
    let isPlain = true;
    let highBits = 0;
    let hash = 0;
    let position = start + 1;
    for (; ; position += 1) {
      if (position >= limit) throw notJson();
      const byte = bytes[position] ?? 0;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) position += 1;
      if (byte === BACKSLASH || byte < 0x20) isPlain = false;
      hash = mix(hash, byte);
      highBits |= byte;
    }
    this.#position = position + 1;
    this.#hash = hash;
    if (!isPlain) return String(parsed(bytes.toString('utf8', start, position + 1)));
    if (highBits > 0x7f) return bytes.toString('utf8', start + 1, position);
    return this.#strings.ascii(bytes, start + 1, position, hash);
  }

  #number(): number | bigint {
    const bytes = this.#bytes;
    const start = this.#position;
    let position = start + (bytes[start] === MINUS ? 1 : 0);
    const firstDigit = position;
    let value = 0;
    for (; position < this.#limit; position += 1) {
      const digit = (bytes[position] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = position - firstDigit;
    const isInteger = digits > 0 && (digits === 1 || bytes[firstDigit] !== ZERO);
    const isMore = position < this.#limit && IN_NUMBER[bytes[position] ?? 0] === 1;
    if (isInteger && !isMore && digits <= EXACT_DIGITS) {
      this.#position = position;
      this.#hash = value;
      return firstDigit === start ? value : -value;
    }
    while (position < this.#limit && IN_NUMBER[bytes[position] ?? 0] === 1) position += 1;
    this.#position = position;
    this.#hash = digits;
    const text = bytes.toString('latin1', start, position);
    if (!isInteger || isMore) return Number(parsed(text));
    return Number.isSafeInteger(value) ? Number(text) : BigInt(text);
  }

  /** The next byte that is no white space; -1 at the end. */
  #peek(): number {
    for (; this.#position < this.#limit; this.#position += 1) {
      const byte = this.#bytes[this.#position] ?? 0;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
    }
    return -1;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson(error);
  }
}

function notJson(cause?: unknown): Error {
  return malformed('an object that is not JSON', cause);
}
