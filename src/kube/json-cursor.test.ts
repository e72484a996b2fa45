import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../test/support/outcome.ts';
import { ApiError } from './errors.ts';
import { JsonCursor } from './json-cursor.ts';
import { StringTable } from './string-table.ts';

const strings = new StringTable();

function cursorOf(text: string): JsonCursor {
  return new JsonCursor(Buffer.from(text));
}

/** Members of the object in `text`, each value as its own text. */
function members(text: string): Record<string, string> {
  const cursor = cursorOf(text);
  const found: Record<string, string> = {};
  cursor.enterObject();
  for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
    const { start, end } = cursor.skip();
    Object.defineProperty(found, key, { value: cursor.bytes.toString('utf8', start, end), enumerable: true });
  }
  cursor.expectEnd();
  return found;
}

describe('JsonCursor', () => {
  test('finds exactly the values that JSON.parse finds, however they are laid out', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.constantFrom(0, 1, '\t'),
        (object, space) => {
          const found = members(JSON.stringify(object, null, space));
          const parsed = Object.fromEntries(
            Object.entries(found).map(([key, text]) => [key, JSON.parse(text) as unknown]),
          );
          expect(parsed).toEqual(JSON.parse(JSON.stringify(object)));
        },
      ),
    );
  });

  test('walks nested objects and arrays', () => {
    const cursor = cursorOf('{ "a": [ {"b": "x"}, {}, {"b": "y", "c": [1]} ], "d": {} }');
    const found: string[] = [];
    cursor.enterObject();
    expect(cursor.key(strings)).toBe('a');
    cursor.enterArray();
    while (cursor.hasElement()) {
      cursor.enterObject();
      for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
        if (key === 'b') found.push(cursor.string());
        else cursor.skip();
      }
    }
    expect(found).toEqual(['x', 'y']);
    expect(cursor.key(strings)).toBe('d');
    cursor.enterObject();
    expect(cursor.key(strings)).toBeUndefined();
    expect(cursor.key(strings)).toBeUndefined();
    cursor.expectEnd();
  });

  test('null reads as what Go makes of it', () => {
    expect(cursorOf('null').string()).toBe('');
    expect(cursorOf('null').integer()).toBe(0);
    expect(cursorOf('null').boolean()).toBe(false);
    expect(cursorOf('null').takeNull()).toBe(true);
    expect(cursorOf('{}').takeNull()).toBe(false);
  });

  test('strings may hold escapes, quotes and brackets', () => {
    const text = 'a"b\\c}]{\u2028ü\u{1f600}\n';
    expect(cursorOf(JSON.stringify(text)).string()).toBe(text);
    expect(cursorOf('"\\u00fc"').string(strings)).toBe('ü');
    expect(members(`{"x":${JSON.stringify(text)},"y":1}`)).toEqual({ x: JSON.stringify(text), y: '1' });
  });

  test.each([
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":[1}',
    '{"a":"x',
    '{"a":"x\\',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a":,"b":2}',
    '{,"a":1}',
    '{a:1}',
    '{"a":1}}',
    '[]',
    '',
  ])('%s is malformed', (text) => {
    expect(() => members(text)).toThrow(ApiError);
  });

  test.each(['nul', '7', '{}', 'true'])('%s is no string', (text) => {
    expect(() => cursorOf(text).string()).toThrow(ApiError);
  });

  test.each(['"1"', '1.5', 'true', '[]', 'x'])('%s is no integer', (text) => {
    expect(() => cursorOf(text).integer()).toThrow(ApiError);
  });

  test('random text is read or refused, never read past its end', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', 'a', '1', ' ')), (tokens) => {
        const text = Buffer.from(`{${tokens.join('')}`);
        const cursor = new JsonCursor(Buffer.concat([text, Buffer.from('"}]":,')]), 0, text.length);
        let end = 0;
        const attempt = () => {
          cursor.enterObject();
          while (cursor.key(strings) !== undefined) ({ end } = cursor.skip());
        };
        expect(['Fine', 'BadResponse']).toContain(outcomeOf(attempt));
        expect(end).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 1000 },
    );
  });
});
