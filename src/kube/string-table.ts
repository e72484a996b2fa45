/** Longer strings are found by samples of their bytes: each byte of each would cost more than it saves. */
const SHORT = 64;
/** Longer ones are hardly ever repeated, and each slot may hold one. In bytes. */
const LONGEST = 4_096;
const LONG_SLOTS = 1_024;
/** Bytes of a long string that decide its slot. */
const SAMPLES = 48;

/**
 * Strings seen before, found by their bytes, so that what thousands of objects repeat (namespaces, label keys and
 * values) is one string in memory, and where it is short costs no allocation to read again. Each string has one
 * possible slot and a newer one pushes an older one out: the table is bounded without any bookkeeping, to 9 MB if all
 * that is read were made for it.
 */
export class StringTable {
  readonly #slots: (string | undefined)[];
  readonly #mask: number;
  readonly #long: (string | undefined)[] = Array.from({ length: LONG_SLOTS }, () => undefined);

  /** `size` is a power of two. */
  constructor(size = 8192) {
    this.#slots = Array.from({ length: size }, () => undefined);
    this.#mask = size - 1;
  }

  /** The UTF-8 text of `bytes` from `start` to `end`, which the caller has checked to lie inside. */
  text(bytes: Buffer, start: number, end: number): string {
    if (end - start > SHORT) return this.#longText(bytes, start, end);
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
    if (length > SHORT) return this.#longText(bytes, start, end);
    const slot = slotOf(hash, this.#mask);
    const known = this.#slots[slot];
    if (known !== undefined && known.length === length && isText(known, bytes, start)) return known;
    const text = bytes.toString('latin1', start, end);
    this.#slots[slot] = text;
    return text;
  }

  #longText(bytes: Buffer, start: number, end: number): string {
    // To make it and to compare it as a whole is quicker than to compare it byte by byte.
    const text = bytes.toString('utf8', start, end);
    const length = end - start;
    if (length > LONGEST) return text;
    let hash = length;
    const step = length / SAMPLES;
    for (let i = 0; i < SAMPLES; i++) hash = mix(hash, bytes[start + Math.floor(i * step)] ?? 0);
    const slot = slotOf(hash, LONG_SLOTS - 1);
    const known = this.#long[slot];
    if (known === text) return known;
    this.#long[slot] = text;
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

/** In a table with room for a power of two, which is one more than `mask`. */
export function slotOf(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask;
}
