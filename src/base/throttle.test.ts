import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Throttle } from './throttle.ts';

function setUp() {
  const clock = new ManualClock();
  const runs: number[] = [];
  const throttle = new Throttle(clock, 100, () => runs.push(clock.monotonic()));
  return { clock, runs, throttle };
}

test('the first call runs at once, the others of that time together at its end', async () => {
  const { clock, runs, throttle } = setUp();
  for (let i = 0; i < 10; i += 1) throttle.call();
  await clock.advance(50);
  throttle.call();
  await clock.advance(300);
  expect(runs).toEqual([0, 100]);
  throttle.call();
  expect(runs).toEqual([0, 100, 350]);
});

test('after stop nothing runs and no timer is left', async () => {
  const { clock, runs, throttle } = setUp();
  throttle.call();
  throttle.call();
  throttle.stop();
  throttle.call();
  await clock.advance(300);
  expect([runs, clock.pending]).toEqual([[0], 0]);
});
