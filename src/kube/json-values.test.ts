import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonCursor } from './json-cursor.ts';
import { JsonValues } from './json-values.ts';
import { StringTable } from './string-table.ts';

const values = new JsonValues(new StringTable());

function parse(text: string, by = values): unknown {
  const cursor = new JsonCursor(Buffer.from(text));
  const value = cursor.value(by);
  cursor.expectEnd();
  return value;
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

describe('JSON values', () => {
  test('is JSON.parse for ordinary values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parse(text)).toEqual(exact(text));
      }),
    );
  });

  test('is JSON.parse, also where nearly everything is alike', () => {
    const leaf = fc.constantFrom(
      '0',
      '-0',
      '1',
      '"a"',
      '"0"',
      '"\\u0061"',
      'true',
      'false',
      'null',
      '[]',
      '{}',
      '1.5',
      '"ü"',
    );
    const key = fc.constantFrom('"a"', '"b"', '"0"', '"__proto__"', '"\\u0061"', '"c"', '"d"');
    const { node } = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.array(tie('node'), { maxLength: 3 }).map((members) => `[${members.join()}]`),
        fc
          .array(fc.tuple(key, tie('node')), { maxLength: 6 })
          .map((members) => `{${members.map((one) => one.join(':')).join()}}`),
      ),
    }));
    fc.assert(
      fc.property(node, (text) => {
        expect(parse(text)).toStrictEqual(JSON.parse(text));
        expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is equal is one, wherever it stands, and what differs is not', () => {
    const probe = '{"httpGet":{"path":"/healthz","port":"http"},"periodSeconds":10}';
    const [one, other] = [
      `{"live":${probe},"n":1,"p":[${probe}]}`,
      `{ "n" : 2, "ready" : ${probe}, "image": "${'x'.repeat(40)}" }`,
    ];
    const first = parse(one) as { live: object; p: object[] };
    const second = parse(other) as { ready: object };
    expect(second.ready).toBe(first.live);
    expect(first.p[0]).toBe(first.live);
    expect(parse(one)).toBe(first);
    expect(parse(probe.replace('10', '11'))).not.toBe(first.live);
    expect(parse(probe.replace('"httpGet"', '"tcpGet"'))).toHaveProperty('tcpGet', { path: '/healthz', port: 'http' });
    expect(parse('[]')).toEqual([]);
    expect(parse('{}')).toEqual({});
  });

  test('nothing long is kept for the case that it comes again', () => {
    const long = JSON.stringify({ data: 'x'.repeat(2_000) });
    expect(parse(long)).not.toBe(parse(long));
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
        expect([text, isJson(() => parse(text))]).toEqual([text, isJson(() => JSON.parse(text))]);
      }),
      { numRuns: 3_000 },
    );
  });
});
