import { expect, test } from 'vitest';
import { AdaptiveWidth } from './adaptive-width.ts';

test('is half as much after each overload, one more after each good round, and between 1 and what it began with', () => {
  const width = new AdaptiveWidth(5);
  const after = (act: () => void) => {
    act();
    return width.now;
  };
  const shrink = () => width.shrink();
  const end = () => width.ended();
  expect([shrink, shrink, shrink, end, end, end].map(after)).toEqual([2, 1, 1, 2, 2, 3]);
  for (let i = 0; i < 100; i += 1) width.ended();
  expect(width.now).toBe(5);
});

test('a whole round that did not go well is an overload', () => {
  const width = new AdaptiveWidth(4);
  const seen = [true, false, false, false, false].map((well) => {
    width.ended(() => well);
    return width.now;
  });
  expect(seen).toEqual([4, 4, 4, 2, 2]);
});
