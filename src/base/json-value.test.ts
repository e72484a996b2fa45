import { expect, test } from 'vitest';
import { isRecord, numberOf, recordOf, textOf } from './json-value.ts';

test('an object is itself; a list, a text, null and nothing have no fields', () => {
  const object = { a: 1 };
  expect(recordOf(object)).toBe(object);
  expect(isRecord(object)).toBe(true);
  for (const other of [[object], 'a', 1, null, undefined]) {
    expect(isRecord(other)).toBe(false);
    expect(recordOf(other)).toEqual({});
  }
});

test('what is neither text nor number is empty, or 0', () => {
  expect([textOf('a'), textOf(1), textOf(undefined)]).toEqual(['a', '', '']);
  expect([numberOf(2), numberOf('2'), numberOf(undefined)]).toEqual([2, 0, 0]);
});
