import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { valueText } from './value-text.ts';

// These rows are frozen: a change gives other values to objects in users' clusters.
test.each<[readonly unknown[], string]>([
  [['text'], 'text'],
  [[''], ''],
  [[' a b '], ' a b '],
  [['null'], 'null'],
  [[true], 'true'],
  [[false], 'false'],
  [[0], '0'],
  [[-0], '0'],
  [[-17], '-17'],
  [[1_000_000], '1000000'],
  [[Number.MAX_SAFE_INTEGER], '9007199254740991'],
  [[Number.MIN_SAFE_INTEGER], '-9007199254740991'],
])('%j is written as %j', (hits, value) => {
  expect(valueText(hits)).toEqual({ kind: 'Value', value });
});

test.each<[string, readonly unknown[]]>([
  ['nothing', []],
  ['null', [null]],
])('%s is empty', (_, hits) => {
  expect(valueText(hits)).toEqual({ kind: 'Empty' });
});

test.each<[readonly unknown[], string]>([
  [[0.5], 'the value is a number that is not an integer'],
  [[2 ** 53], 'the value is an integer beyond 2^53'],
  [[-(2 ** 53)], 'the value is an integer beyond 2^53'],
  [[1e300], 'the value is an integer beyond 2^53'],
  [[9_007_199_254_740_993n], 'the value is an integer beyond 2^53'],
  [[[]], 'the value is a list'],
  [[['x']], 'the value is a list'],
  [[{}], 'the value is an object'],
  [['a', 'b'], 'the path leads to 2 values, a key holds one'],
  [['a', 'a'], 'the path leads to 2 values, a key holds one'],
  [[null, 'a'], 'the path leads to 2 values, a key holds one'],
  [Array.from({ length: 3 }, () => null), 'the path leads to 3 values, a key holds one'],
])('%o is not representable', (hits, why) => {
  expect(valueText(hits)).toEqual({
    kind: 'Error',
    code: 'NotRepresentable',
    message: `${why}; only a string, a boolean or an integer up to 2^53 can be written`,
  });
});

/** What must come of a value that was found, by the words of the rule. */
function isRight(value: unknown, result: ReturnType<typeof valueText>): boolean {
  if (value === null) return result.kind === 'Empty';
  if (typeof value === 'string') return result.kind === 'Value' && result.value === value;
  if (typeof value !== 'boolean' && !Number.isSafeInteger(value)) {
    return result.kind === 'Error' && result.code === 'NotRepresentable';
  }
  // -0 reads back as 0.
  return result.kind === 'Value' && Number(JSON.parse(result.value)) === Number(value);
}

test('whatever becomes a value reads back as the same JSON, and everything else is an error', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => isRight(value, valueText([value]))));
  expect(isRight('1', valueText([1]))).toBe(true);
  expect(isRight(1, valueText([2]))).toBe(false);
});

test('messages do not show the value', () => {
  for (const value of [{ secret: 'hunter2' }, ['hunter2'], 12.25]) {
    expect(JSON.stringify(valueText([value]))).not.toMatch(/hunter2|12\.25/);
  }
});
