import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Pause } from './pause.ts';

test('lasts as long as the longest wish, says once that it is over, and can begin again', async () => {
  const clock = new ManualClock();
  let over = 0;
  const pause = new Pause(clock, () => {
    over += 1;
  });
  pause.atLeast(3_000);
  pause.atLeast(5_000);
  pause.atLeast(1_000);
  await clock.advance(4_999);
  expect([pause.isOn, over]).toEqual([true, 0]);
  await clock.advance(1);
  expect([pause.isOn, over, clock.pending]).toEqual([false, 1, 0]);
  pause.atLeast(10);
  await clock.advance(10);
  expect(over).toBe(2);
});

test('that is ended leaves no timer and says nothing', async () => {
  const clock = new ManualClock();
  const pause = new Pause(clock, () => {
    throw new Error('not expected');
  });
  pause.atLeast(3_000);
  pause.end();
  expect([pause.isOn, clock.pending]).toEqual([false, 0]);
  await clock.advance(3_000);
});
