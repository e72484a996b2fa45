import { expect, test } from 'vitest';
import { trendOf } from './trend.ts';

test('the slope of a line is found through noise that cancels out', () => {
  const points = [0, 1, 2, 3, 4, 5, 6, 7].map(
    (x) => [x, 10 + 3 * x + (x % 4 < 2 ? 1 : -1) * (x % 2 === 0 ? 1 : -1)] as const,
  );
  expect(trendOf(points).slope).toBeCloseTo(3, 0);
  expect(trendOf(points.map(([x]) => [x, 7])).slope).toBe(0);
});

test('one place has no slope', () => {
  expect(trendOf([[1, 2]]).slope).toBeNaN();
});
