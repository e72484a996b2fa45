import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StringTable } from './string-table.ts';

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

  test('text that starts alike or has equal length is told apart', () => {
    const table = new StringTable(1);
    for (const text of ['app', 'apps', 'apq', 'app', '']) {
      const bytes = Buffer.from(text);
      expect(table.text(bytes, 0, bytes.length)).toBe(text);
    }
  });
});
