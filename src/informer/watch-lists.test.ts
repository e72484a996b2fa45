import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import { silentLog } from '../base/log.ts';
import { REMEMBERED_MS, WatchLists } from './watch-lists.ts';

test('row 19: a resource that needs lists is remembered for all who watch it, and for no other, and told of once', async () => {
  const clock = new ManualClock();
  const told: object[] = [];
  const watchLists = new WatchLists(clock, { ...silentLog, warn: (fields) => told.push(fields) });
  watchLists.of('widgets.acme.io acme.io/v1').preferLists(apiError('Invalid'));
  const wanted = () => ['widgets.acme.io acme.io/v1', 'pods v1'].map((resource) => watchLists.of(resource).isWanted());
  expect(wanted()).toEqual([false, true]);
  expect(told).toEqual([
    { resource: 'widgets.acme.io acme.io/v1', code: 'Invalid', reason: 'the script says Invalid' },
  ]);
  await clock.advance(REMEMBERED_MS - 1);
  expect(wanted()).toEqual([false, true]);
  await clock.advance(1);
  expect(wanted()).toEqual([true, true]);
});
