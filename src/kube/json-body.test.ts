import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBody } from './json-body.ts';
import { JsonCursor } from './json-cursor.ts';

function parse(text: string): unknown {
  const bytes = Buffer.from(text);
  return parseBody(bytes, new JsonCursor(bytes).skip());
}

/** What JSON.parse makes of it, but for integers that fast-check made beyond 2^53. */
function exact(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'number' && Math.abs(value) >= 2 ** 53 && Math.abs(value) < 1e21 ? BigInt(String(value)) : value,
  );
}

function isJson(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

describe('parseBody', () => {
  test('is JSON.parse for ordinary values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parse(text)).toEqual(exact(text));
      }),
    );
  });

  test('an integer that a number would round stays exact', () => {
    expect(parse('{"a":[9007199254740993,-9007199254740993],"b":{"c":18446744073709551615}}')).toEqual({
      a: [9_007_199_254_740_993n, -9_007_199_254_740_993n],
      b: { c: 18_446_744_073_709_551_615n },
    });
    expect(parse('9007199254740993')).toBe(9_007_199_254_740_993n);
  });

  test('beside such an integer everything else is what it always is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, space) => {
        const text = JSON.stringify([12_345_678_901_234, value], null, space).replace(
          '12345678901234',
          '12345678901234567890',
        );
        expect(parse(text)).toEqual([12_345_678_901_234_567_890n, exact(JSON.stringify(value))]);
      }),
    );
  });

  test('long fractions, exponents and safe integers of many digits stay numbers', () => {
    expect(parse('[0.12345678901234567890,1e300,9007199254740991,12345678901234567890.5]')).toEqual([
      0.123_456_789_012_345_68, 1e300, 9_007_199_254_740_991, 12_345_678_901_234_567_000,
    ]);
  });

  test('a key named __proto__ is a key', () => {
    const value = parse('{"__proto__":{"x":1},"n":12345678901234567890}');
    expect(Object.keys(value as object)).toEqual(['__proto__', 'n']);
  });

  test('deep nesting beside a long integer is harmless', () => {
    const depth = 10_000;
    let value = parse(`${'['.repeat(depth)}12345678901234567890${']'.repeat(depth)}`);
    for (let level = 0; level < depth; level += 1) value = (value as readonly unknown[])[0];
    expect(value).toBe(12_345_678_901_234_567_890n);
  });

  test('what is not JSON is malformed', () => {
    expect(() => parse('{"a":[1}}')).toThrow('not JSON');
  });

  test('what is not JSON is malformed beside a long integer too', () => {
    const piece = fc.constantFrom(
      '12345678901234567890',
      '-',
      '0',
      '.',
      'e',
      '"',
      '\\',
      ',',
      ':',
      ' ',
      '{',
      '}',
      '[',
      ']',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const bytes = Buffer.from(text);
        const span = { start: 0, end: bytes.length, hasLongNumber: true };
        expect([text, isJson(() => parseBody(bytes, span))]).toEqual([text, isJson(() => JSON.parse(text))]);
      }),
      { numRuns: 3_000 },
    );
  });
});
