import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { type Digest, ResultDigest } from './result-digest.ts';

function setUp({ settling = false } = {}) {
  const clock = new ManualClock();
  const told: Digest[] = [];
  const state = { settling };
  const digest = new ResultDigest({ clock, isSettling: () => state.settling, tell: (one) => told.push(one) });
  const add = (count: number, result: Parameters<typeof digest.isSingle>[0]): number =>
    Array.from({ length: count }, () => digest.isSingle(result)).filter(Boolean).length;
  return { clock, told, state, digest, add };
}

test('what a first evaluation finds is one digest, told the moment that it has ended', () => {
  const { clock, told, state, digest, add } = setUp({ settling: true });
  expect(add(2_500, 'Violation') + add(3, 'Error') + add(1, 'Yielded') + add(7, undefined)).toBe(0);
  digest.look();
  expect(told).toEqual([]);
  state.settling = false;
  digest.look();
  const found = '2,500 violations, 3 errors and 1 yielded key';
  expect(told).toEqual([{ found, ended: 7, changes: 2_511, settled: true }]);
  expect(clock.pending).toBe(0);
  expect(add(1, 'Violation')).toBe(1);
});

test('an evaluation that never ends is told of after a minute', async () => {
  const { clock, told, add } = setUp({ settling: true });
  add(1, 'Violation');
  await clock.advance(59_999);
  expect(told).toEqual([]);
  await clock.advance(1_001);
  expect(told).toEqual([{ found: '1 violation', ended: 0, changes: 1, settled: true }]);
});

test('later changes are told of one by one, a burst of them together, and every one of them somewhere', async () => {
  const { clock, told, add } = setUp();
  expect(add(500, 'Violation')).toBe(20);
  expect(add(10, undefined)).toBe(0);
  await clock.advance(11_000);
  expect(told).toEqual([{ found: '480 violations', ended: 10, changes: 490, settled: false }]);
  // A few have come in meanwhile.
  expect(add(9, 'Violation')).toBe(5);
  await clock.advance(60_000);
  expect(told[1]?.changes).toBe(4);
  expect(clock.pending).toBe(0);
});
