import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { TokenBucket } from './token-bucket.ts';

test('a burst is taken at once, after that as many as come in', async () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ burst: 3, perSecond: 2 }, clock);
  expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false]);
  expect(bucket.waitMs).toBe(500);
  await clock.advance(499);
  expect(bucket.take()).toBe(false);
  await clock.advance(1);
  expect([bucket.waitMs, bucket.take(), bucket.take()]).toEqual([0, true, false]);
});

test('what nobody takes is not saved beyond the burst', async () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ burst: 2, perSecond: 10 }, clock);
  await clock.advance(60_000);
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
});
