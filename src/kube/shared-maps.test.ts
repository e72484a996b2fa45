import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StringMap } from '../api/object.ts';
import { SharedMaps } from './shared-maps.ts';

/** As a decoder does, with `<` and `>` around the bytes; returns the map that counts. */
function read(maps: SharedMaps, text: string): StringMap {
  const bytes = Buffer.from(`<${text}>`);
  const known = maps.find(bytes, 1, bytes.length - 1);
  if (known !== undefined) return known;
  const map = { text };
  maps.add(bytes, 1, bytes.length - 1, map);
  return map;
}

describe('SharedMaps', () => {
  test('knows what came twice, and never takes one for another', () => {
    // Alike but for a byte that decides no slot.
    const long = fc
      .tuple(fc.constantFrom('', 'x'), fc.nat(300))
      .map(([end, i]) => `${'a'.repeat(i)}b${'a'.repeat(300 - i)}${end}`);
    const texts = fc.array(fc.oneof(fc.string({ maxLength: 3 }), long));
    fc.assert(
      fc.property(texts, (all) => {
        const maps = new SharedMaps();
        for (const text of [...all, ...all]) expect(read(maps, text)).toEqual({ text });
      }),
    );
  });

  test('is kept when it comes for the second time, unless it is long', () => {
    const maps = new SharedMaps();
    const [first, second, third] = ['a', 'a', 'a'].map((text) => read(maps, text));
    expect(second).not.toBe(first);
    expect(third).toBe(second);
    const long = 'x'.repeat(4_000);
    const reads = [long, long, long].map((text) => read(maps, text));
    expect(new Set(reads).size).toBe(3);
  });

  test('keeps two megabytes at most', () => {
    const maps = new SharedMaps();
    const texts = Array.from({ length: 6_000 }, (_, i) => `${i} `.repeat(500).slice(0, 2_000));
    for (const text of [...texts, ...texts]) read(maps, text);
    for (const text of texts) read(maps, text);
    const known = texts.filter((text) => maps.find(Buffer.from(text), 0, text.length) !== undefined);
    expect(known.length).toBeGreaterThan(100);
    expect(known.length * 2_000).toBeLessThanOrEqual(2 * 1_024 * 1_024);
  });
});
