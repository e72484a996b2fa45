import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { silentLog } from '../../base/log.ts';
import { RefusedNamespaces } from './refused-namespaces.ts';

test('a namespace that refuses is tried again later, each after a time of its own', async () => {
  const clock = new ManualClock();
  const refused = new RefusedNamespaces(clock, silentLog);
  refused.refuse('a', 'forbidden');
  expect([refused.admits('a'), refused.admits('b')]).toEqual([false, true]);
  await clock.advance(2_000);
  expect(refused.admits('a')).toBe(true);
});

test('of namespaces that come and go the last thousand are remembered', () => {
  const refused = new RefusedNamespaces(new ManualClock(), silentLog);
  for (let i = 0; i < 1_000; i += 1) refused.refuse(`ns-${i}`, 'forbidden');
  refused.refuse('ns-0', 'forbidden');
  refused.refuse('one-more', 'forbidden');
  expect(['ns-0', 'ns-1', 'ns-2', 'one-more'].map((name) => refused.admits(name))).toEqual([false, true, false, false]);
});
