import { expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Reevaluation } from './reevaluation.ts';

const RULES = { rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }] };
const timed = (name: string, seconds: number, fields: object = {}) =>
  programOf(name, { ...RULES, reevaluateSeconds: seconds, ...fields });

function setUp() {
  const clock = new ManualClock();
  const due: string[] = [];
  const reevaluation = new Reevaluation({ clock, due: ({ policy, priority }) => due.push(`${policy} ${priority}`) });
  return { clock, due, reevaluation };
}

test('a policy is due every so many seconds, each by its own interval', async () => {
  const { clock, due, reevaluation } = setUp();
  reevaluation.set([timed('a', 10), timed('b', 25), programOf('c', RULES), timed('d', 10, { mode: 'Suspended' })]);
  await clock.advance(9_999);
  expect(due).toEqual([]);
  await clock.advance(1);
  expect(due).toEqual(['a 0']);
  await clock.advance(20_000);
  expect(due).toEqual(['a 0', 'a 0', 'b 0', 'a 0']);
});

test('an edit that leaves the interval leaves the timer, for what is in force then', async () => {
  const { clock, due, reevaluation } = setUp();
  reevaluation.set([timed('a', 10)]);
  await clock.advance(9_000);
  reevaluation.set([timed('a', 10, { priority: 7 })]);
  await clock.advance(1_000);
  expect(due).toEqual(['a 7']);
});

test('another interval begins anew', async () => {
  const { clock, due, reevaluation } = setUp();
  reevaluation.set([timed('a', 10)]);
  await clock.advance(9_000);
  reevaluation.set([timed('a', 20)]);
  await clock.advance(19_999);
  expect(due).toEqual([]);
  await clock.advance(1);
  expect(due).toEqual(['a 0']);
});

test('a policy that is gone, suspended or without an interval leaves no timer, nor does the end', () => {
  const { clock, reevaluation } = setUp();
  for (const next of [[], [timed('a', 10, { mode: 'Suspended' })], [programOf('a', RULES)]]) {
    reevaluation.set([timed('a', 10)]);
    expect(clock.pending).toBe(1);
    reevaluation.set(next);
    expect(clock.pending).toBe(0);
  }
  reevaluation.set([timed('a', 10), timed('b', 10)]);
  reevaluation.stop();
  expect(clock.pending).toBe(0);
});
