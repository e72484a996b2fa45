import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Unanswered } from './unanswered.ts';

test.each([
  ['many writes of several objects, for a while', 40, 2, 2_000, true],
  ['few writes', 31, 2, 2_000, false],
  ['one object alone', 40, 1, 2_000, false],
  ['a moment', 40, 2, 999, false],
])('%s', async (_what, writes, objects, ms, concernsAll) => {
  const clock = new ManualClock();
  const unanswered = new Unanswered(clock);
  for (let i = 0; i < writes; i += 1) unanswered.add(`default/${i % objects}`);
  await clock.advance(ms);
  expect([unanswered.count, unanswered.concernsAll]).toEqual([writes, concernsAll]);
  unanswered.reset();
  unanswered.add('default/0');
  expect([unanswered.count, unanswered.concernsAll]).toEqual([1, false]);
});
