import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { StatusPace } from './status-pace.ts';

test('a burst has its turn at once, others one after another, in order', async () => {
  const clock = new ManualClock();
  const pace = new StatusPace(clock, { burst: 3, perSecond: 10 });
  expect([1, 2, 3, 4, 5].map(() => pace.turn())).toEqual([0, 0, 0, 100, 200]);
  await clock.advance(1_000);
  expect([1, 2, 3, 4].map(() => pace.turn())).toEqual([1_000, 1_000, 1_000, 1_100]);
});

test('over any time there are no more turns than the burst and the rate allow', async () => {
  const clock = new ManualClock();
  const pace = new StatusPace(clock, { burst: 5, perSecond: 20 });
  const turns = [];
  for (let i = 0; i < 300; i += 1) {
    turns.push(pace.turn());
    await clock.advance(i % 7);
  }
  for (const [i, from] of turns.entries()) {
    const within = turns.slice(i).filter((at) => at - from < 2_000).length;
    expect(within).toBeLessThanOrEqual(5 + 40);
  }
});
