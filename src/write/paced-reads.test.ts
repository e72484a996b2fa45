import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { PacedReads } from './paced-reads.ts';

function setUp() {
  const clock = new ManualClock();
  const read: string[] = [];
  const reads = new PacedReads(clock, async (key) => {
    read.push(`${key} at ${clock.monotonic()}`);
  });
  return { clock, read, reads };
}

test('objects are read one after another, one in a second, each once', async () => {
  const { clock, read, reads } = setUp();
  for (const key of ['a', 'b', 'a', 'c']) reads.add(key);
  await clock.advance(10_000);
  expect(read).toEqual(['a at 0', 'b at 1000', 'c at 2000']);
  reads.add('a');
  await clock.advance(0);
  expect(read.at(-1)).toBe('a at 10000');
  expect(clock.pending).toBe(0);
});

test('of thousands at once only twenty are read', async () => {
  const { clock, read, reads } = setUp();
  for (let i = 0; i < 5_000; i++) reads.add(`object-${i}`);
  await clock.advance(3_600_000);
  expect(read).toHaveLength(20);
});

test('nothing is read any more once it is stopped, and no timer is left', async () => {
  const { clock, read, reads } = setUp();
  reads.add('a');
  reads.add('b');
  await clock.advance(0);
  reads.stop();
  reads.add('c');
  await clock.advance(10_000);
  expect([read, clock.pending]).toEqual([['a at 0'], 0]);
});
