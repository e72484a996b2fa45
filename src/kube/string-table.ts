/** Longer strings are hardly ever repeated, and comparing them would cost more than it saves. */
const LONGEST = 64;

/**
 * Strings seen before, found by their bytes, so that what thousands of objects repeat (namespaces, label keys and
 * values) is one string in memory and costs no allocation to read again. Each string has one possible slot and a newer
 * one pushes an older one out: the table is bounded without any bookkeeping.
 */
export class StringTable {
  readonly #slots: (string | undefined)[];
  readonly #mask: number;
  /** `size` is a power of two. */
  constructor(size = 8192) {
    this.#slots = Array.from({ length: size }, () => undefined);
    this.#mask = size - 1;
  }

  /** The UTF-8 text of `bytes` from `start` to `end`, which the caller has checked to lie inside. */
  text(bytes: Buffer, start: number, end: number): string {
    if (end - start > LONGEST) return bytes.toString('utf8', start, end);
    let hash = 0;
    let highBits = 0;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] ?? 0;
      hash = mix(hash, byte);
      highBits |= byte;
    }
    return highBits > 0x7f ? bytes.toString('utf8', start, end) : this.ascii(bytes, start, end, hash);
  }

  /** The same for text that is known to be ASCII, with the `mix` of its bytes. */
  ascii(bytes: Buffer, start: number, end: number, hash: number): string {
    const length = end - start;
    if (length > LONGEST) return bytes.toString('latin1', start, end);
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const known = this.#slots[slot];
    if (known !== undefined && known.length === length && isText(known, bytes, start)) return known;
    const text = bytes.toString('latin1', start, end);
    this.#slots[slot] = text;
    return text;
  }
}

function isText(text: string, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

/** FNV-1a, of 32 bits at a time. */
export function mix(hash: number, more: number): number {
  return Math.imul(hash ^ more, 0x01000193);
}
