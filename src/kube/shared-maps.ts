import type { StringMap } from '../api/object.ts';
import { mix } from './string-table.ts';

const SLOTS = 8_192;
/** Longer ones are hardly ever repeated; in bytes. */
const LONGEST = 2_048;
/** Bytes that decide the slot, at most. */
const SAMPLES = 96;
/** Of all bytes that are kept; with one more it begins anew. */
const MOST_BYTES = 2 * 1_024 * 1_024;

interface Known {
  readonly bytes: Buffer;
  readonly map: StringMap;
}

/**
 * Maps of labels and annotations that were read before, found by the bytes that they were read from: what the objects of one
 * owner have in common is read once and held once. Nobody may change a map that was added.
 *
 * Bytes are kept when they come for the second time, so that what is different on each object costs nothing. As in StringTable,
 * each has one possible slot and a newer one pushes an older one out.
 */
export class SharedMaps {
  readonly #slots: (Known | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  /** For each slot, which bytes came last. */
  readonly #met = new Int32Array(SLOTS);
  #kept = 0;

  find(bytes: Buffer, start: number, end: number): StringMap | undefined {
    if (end - start > LONGEST) return undefined;
    const known = this.#slots[slotOf(hashOf(bytes, start, end))];
    return known?.bytes.compare(bytes, start, end) === 0 ? known.map : undefined;
  }

  /** What the bytes are that `find` did not know. */
  add(bytes: Buffer, start: number, end: number, map: StringMap): void {
    const length = end - start;
    if (length > LONGEST) return;
    const hash = hashOf(bytes, start, end);
    const slot = slotOf(hash);
    if (this.#met[slot] !== hash) {
      this.#met[slot] = hash;
      return;
    }
    this.#kept += length - (this.#slots[slot]?.bytes.length ?? 0);
    if (this.#kept > MOST_BYTES) {
      this.#slots.fill(undefined);
      this.#kept = length;
    }
    // Memory of its own: a piece of a shared block would keep the whole block.
    const copy = Buffer.allocUnsafeSlow(length);
    bytes.copy(copy, 0, start, end);
    this.#slots[slot] = { bytes: copy, map };
  }
}

function hashOf(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  let hash = length;
  if (length <= SAMPLES) {
    for (let index = start; index < end; index += 1) hash = mix(hash, bytes[index] ?? 0);
    return hash;
  }
  const step = length / SAMPLES;
  for (let i = 0; i < SAMPLES; i += 1) hash = mix(hash, bytes[start + Math.floor(i * step)] ?? 0);
  return hash;
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
