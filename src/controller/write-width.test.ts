import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { type WriteWidth, writeWidth } from './write-width.ts';

test('halves with each overload and never ends', () => {
  const width = writeWidth(16, new ManualClock());
  const seen = [width.now];
  for (let i = 0; i < 6; i++) {
    width.shrink();
    seen.push(width.now);
  }
  expect(seen).toEqual([16, 8, 4, 2, 1, 1, 1]);
});

test('grows by one for each round that ends well, up to where it began', () => {
  const width = writeWidth(4, new ManualClock());
  width.shrink();
  width.shrink();
  const turns = (count: number) => {
    for (let i = 0; i < count; i++) width.answered(10);
    return width.now;
  };
  expect([turns(1), turns(2), turns(3), turns(100)]).toEqual([2, 3, 4, 4]);
});

/** A server that works at two writes at a time, each of which takes it so long: what is more waits. */
async function answers(width: WriteWidth, clock: ManualClock, ms: number, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const waiting = width.now;
    const took = ms * Math.max(1, waiting / 2);
    await clock.advance(took);
    for (let i = 0; i < waiting; i += 1) width.answered(i === 0 ? ms : took);
  }
}

test('O4: a server that is slower the more is asked of it is asked for less', async () => {
  const clock = new ManualClock();
  const width = writeWidth(64, clock);
  await answers(width, clock, 100, 20);
  expect(width.now).toBeLessThanOrEqual(9);
  expect(width.now).toBeGreaterThan(2);
});

test('a server that answers quickly is asked for as much as is allowed, however uneven its answers', async () => {
  const clock = new ManualClock();
  const width = writeWidth(16, clock);
  for (let i = 0; i < 1_000; i += 1) {
    width.answered(i % 16 === 0 ? 1 : 40);
    await clock.advance(5);
  }
  expect(width.now).toBe(16);
});

test('O4: a server that becomes slow whatever is asked of it is asked for less at first, and soon for as much again', async () => {
  const clock = new ManualClock();
  const width = writeWidth(16, clock);
  for (let i = 0; i < 100; i += 1) width.answered(5);
  const seen: number[] = [];
  for (let round = 0; round < 40; round += 1) {
    await clock.advance(5_000);
    for (let i = width.now; i > 0; i -= 1) width.answered(5_000);
    seen.push(width.now);
  }
  expect(Math.min(...seen)).toBeLessThan(4);
  expect(seen.at(-1)).toBe(16);
});
