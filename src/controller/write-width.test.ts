import { expect, test } from 'vitest';
import { WriteWidth } from './write-width.ts';

test('halves with each overload and never ends', () => {
  const width = new WriteWidth(16);
  const seen = [width.now];
  for (let i = 0; i < 6; i++) {
    width.shrink();
    seen.push(width.now);
  }
  expect(seen).toEqual([16, 8, 4, 2, 1, 1, 1]);
});

test('grows by one for each round that ends well, up to where it began', () => {
  const width = new WriteWidth(4);
  width.shrink();
  width.shrink();
  const turns = (count: number) => {
    for (let i = 0; i < count; i++) width.grow();
    return width.now;
  };
  expect([turns(1), turns(2), turns(3), turns(100)]).toEqual([2, 3, 4, 4]);
});
