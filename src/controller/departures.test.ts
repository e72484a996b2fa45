import { afterEach, describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS } from '../../test/support/compiled-policy.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError, ScriptedListWatch } from '../../test/support/scripted-list-watch.ts';
import { objectKey } from '../api/object.ts';
import { silentLog } from '../base/log.ts';
import { Informer } from '../informer/informer.ts';
import { EVERYTHING, type Selection } from '../informer/selection.ts';
import { Departures } from './departures.ts';
import { WatchedKind } from './watched-kind.ts';

const PROD: Selection = [{ labelSelector: 'env in (prod)' }];

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function setUp(selection: Selection) {
  const clock = new ManualClock();
  const looks = new ScriptedListWatch();
  const main = new ScriptedListWatch();
  const informer = new Informer({
    listWatch: ({ fieldSelector }) => (fieldSelector === undefined ? main : looks),
    selection,
    clock,
    random: () => 0,
    log: silentLog,
    name: 'configmaps',
  });
  stops.push(() => informer.stop());
  informer.start();
  (await main.nextList()).answer([], '10');
  (await main.nextWatch()).open();
  const kind = new WatchedKind(CONFIG_MAPS, informer);
  const told: string[] = [];
  const compliant = new Set<string>();
  const departures = new Departures({
    forget: (_name, key) => told.push(`${key} forgotten`),
    depart: (_name, key) => {
      if (compliant.has(key)) return undefined;
      const [namespace = '', name = ''] = key.split('/');
      return { object: { namespace, name, uid: `uid-${key}` }, tell: (how) => told.push(`${key} ${how}`) };
    },
  });
  const add = (name: string) => departures.add(kind, objectKey({ namespace: 'a', name }));
  return { clock, looks, informer, kind, departures, told, compliant, add };
}

const there = (name: string, uid = `uid-a/${name}`) => [cachedObject({ name, namespace: 'a', uid })];

describe('row 43: an object that is out of sight', () => {
  test('is gone, where all are seen', async () => {
    const { told, add, looks } = await setUp(EVERYTHING);
    add('x');
    expect(told).toEqual(['a/x forgotten']);
    expect(await looks.quiet()).toBe(true);
  });

  test('has left or is gone, where some are selected: a look at it tells, if anything was reported about it', async () => {
    const { clock, told, add, looks, compliant } = await setUp(PROD);
    compliant.add('a/compliant');
    add('compliant');
    expect(await looks.quiet()).toBe(true);
    add('left');
    add('gone');
    add('again');
    add('unknown');
    expect(told).toEqual([]);
    (await looks.nextList()).answer(there('left'), '20');
    (await looks.nextList()).answer([], '20');
    (await looks.nextList()).answer(there('again', 'another'), '20');
    (await looks.nextList()).fail(apiError('Unavailable'));
    await clock.settle();
    expect(told.toSorted()).toEqual(['a/again Gone', 'a/gone Gone', 'a/left Left', 'a/unknown Left']);
  });

  test('waits for its look while four are under way; where very many go at once, none of the rest is asked about', async () => {
    const { clock, told, add, looks, departures, kind } = await setUp(PROD);
    for (let i = 0; i < 4 + 256 + 10; i++) add(`x${i}`);
    expect(told).toHaveLength(10);
    for (let i = 0; i < 4; i++) (await looks.nextList()).answer([], '20');
    await clock.settle();
    expect(told.filter((one) => one.endsWith('Gone'))).toHaveLength(4);
    expect(looks.running).toBe(4);
    departures.drop(kind.id);
    expect(told).toHaveLength(10 + 4 + 252);
    departures.stop();
    await clock.settle();
    expect([told.length, looks.running]).toEqual([270, 0]);
  });
});
