import { expect, test } from 'vitest';
import { dropOldest } from './bounded.ts';

test('what came first makes room, and only where there is one too many', () => {
  const kept = new Set(['b', 'a']);
  expect(dropOldest(kept, 2)).toBeUndefined();
  kept.add('c');
  expect(dropOldest(kept, 2)).toBe('b');
  expect([...kept]).toEqual(['a', 'c']);
});

test('a map too', () => {
  const kept = new Map([
    ['b', 1],
    ['a', 2],
  ]);
  expect(dropOldest(kept, 1)).toBe('b');
  expect([...kept.keys()]).toEqual(['a']);
});
