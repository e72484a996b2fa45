import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mix, StringTable } from './string-table.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes of the heap that are left after a collection. */
function reachable(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('StringTable', () => {
  test('gives back exactly what was written, whatever was read before', () => {
    // A tiny table: nearly every string meets another one in its slot.
    const table = new StringTable(2);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 100 })), (texts) => {
        const written = texts.map((text) => text.toWellFormed());
        const read = written.map((text) => {
          const bytes = Buffer.from(`<${text}>`);
          return table.text(bytes, 1, bytes.length - 1);
        });
        expect(read).toEqual(written);
      }),
    );
  });

  test('gives back exactly what was written also where it is long and much like what was read before', () => {
    const table = new StringTable(2);
    const parts = fc.array(fc.constantFrom('a'.repeat(80), 'b', 'é', '€', '😀', 'x'.repeat(2_000)), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (texts) => {
        const written = texts.map((all) => all.join(''));
        const read = written.map((text) => {
          const bytes = Buffer.from(`<${text}>`);
          return table.text(bytes, 1, bytes.length - 1);
        });
        expect(read).toEqual(written);
      }),
    );
  });

  test('bytes that are no UTF-8 are never taken for text that was read before', () => {
    const table = new StringTable();
    const bytes = Buffer.from('é'.repeat(50), 'latin1');
    const before = table.text(bytes, 0, bytes.length);
    expect(before).toBe('\ufffd'.repeat(50));
    const long = Buffer.concat([bytes, bytes]);
    expect(table.text(long, 0, long.length)).toBe('\ufffd'.repeat(100));
    expect(table.text(long, 0, long.length)).toBe('\ufffd'.repeat(100));
  });

  test('a long text that comes again is held once', () => {
    const table = new StringTable();
    const bytes = Buffer.from('x'.repeat(4_000));
    const before = reachable();
    const texts = Array.from({ length: 5_000 }, () => table.text(bytes, 0, bytes.length));
    const grown = reachable() - before;
    expect(new Set(texts)).toEqual(new Set(['x'.repeat(4_000)]));
    // 20 MB where each is a string of its own.
    expect(grown).toBeLessThan(5_000_000);
  });

  test.each<[string, (table: StringTable, bytes: Buffer) => string]>([
    ['read as any text', (table, bytes) => table.text(bytes, 0, bytes.length)],
    ['known to be ASCII', (table, bytes) => table.ascii(bytes, 0, bytes.length, bytes.reduce(mix, 0))],
  ])('a short text that comes again, %s, is held once', (_how, read) => {
    const table = new StringTable();
    const bytes = Buffer.from('app.kubernetes.io/part-of-something-with-a-name-of-64-characters'.slice(0, 64));
    expect(bytes).toHaveLength(64);
    const before = reachable();
    const texts = Array.from({ length: 100_000 }, () => read(table, bytes));
    const grown = reachable() - before;
    expect(new Set(texts)).toEqual(new Set([bytes.toString()]));
    // 8 MB where each is a string of its own, beside 800 kB of references to them.
    expect(grown).toBeLessThan(4_000_000);
  });

  test('text that starts alike or has equal length is told apart', () => {
    const table = new StringTable(1);
    for (const text of ['app', 'apps', 'apq', 'app', '']) {
      const bytes = Buffer.from(text);
      expect(table.text(bytes, 0, bytes.length)).toBe(text);
    }
  });
});
