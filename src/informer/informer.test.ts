import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError, ScriptedListWatch, type WatchCall } from '../../test/support/scripted-list-watch.ts';
import type { CachedObject } from '../api/object.ts';
import { type Log, silentLog } from '../base/log.ts';
import { Informer, type InformerHandler } from './informer.ts';

const text = ({ name, resourceVersion }: CachedObject) => `${name}@${resourceVersion}`;

/** A handler that writes down what it hears, and stops with the test when it hears something impossible. */
function recorder(told: string[]): InformerHandler {
  return {
    change: (object, previous) => told.push(`${previous === undefined ? 'new' : text(previous)} > ${text(object)}`),
    remove: (object) => told.push(`remove ${text(object)}`),
    synced: () => told.push('synced'),
  };
}

function setUp(log: Log = silentLog) {
  const clock = new ManualClock();
  const listWatch = new ScriptedListWatch();
  const informer = new Informer({ listWatch, clock, random: () => 0, log, name: 'configmaps v1' });
  const told: string[] = [];
  informer.addHandler(recorder(told));
  return { clock, listWatch, informer, told };
}

async function synced(listWatch: ScriptedListWatch, items: readonly CachedObject[], rv = '10'): Promise<WatchCall> {
  (await listWatch.nextList()).answer(items, rv);
  const watch = await listWatch.nextWatch();
  watch.open();
  return watch;
}

const at = (name: string, resourceVersion: string, fields: Partial<CachedObject> = {}) =>
  cachedObject({ name, resourceVersion, ...fields });

const fail = () => {
  throw new Error('handler');
};

describe('handlers', () => {
  test('rows 26 and 28: hear all of the first list, then that it is whole, then each event in order', async () => {
    const { informer, listWatch, told } = setUp();
    informer.start();
    expect(informer.status).toMatchObject({ synced: false, phase: 'Syncing' });
    const watch = await synced(listWatch, [at('a', '1'), at('b', '2')]);
    expect(informer.status).toMatchObject({ synced: true, phase: 'Watching', objects: 2 });
    watch.send(
      { type: 'MODIFIED', object: at('b', '11') },
      { type: 'ADDED', object: at('c', '12') },
      { type: 'DELETED', object: at('a', '13') },
      { type: 'DELETED', object: at('unknown', '14') },
    );
    expect(told).toEqual(['new > a@1', 'new > b@2', 'synced', 'b@2 > b@11', 'new > c@12', 'remove a@1']);
    await informer.stop();
  });

  test('are told what has just changed, and what was found so in a list or in the store', async () => {
    const { informer, listWatch } = setUp();
    const told: string[] = [];
    const origins: InformerHandler = {
      change: ({ name }, _previous, origin) => told.push(`${name} ${origin}`),
      remove: () => {},
      synced: () => {},
    };
    informer.addHandler(origins);
    informer.start();
    const watch = await synced(listWatch, [at('a', '1'), at('b', '2')]);
    watch.send({ type: 'MODIFIED', object: at('b', '11') }, { type: 'ADDED', object: at('c', '12') });
    informer.accept(at('a', '13'));
    expect(told.splice(0)).toEqual(['a Listed', 'b Listed', 'b Change', 'c Change', 'a Change']);
    informer.addHandler(origins);
    expect(told.toSorted()).toEqual(['a Listed', 'b Listed', 'c Listed']);
    await informer.stop();
  });

  test('row 28: synced is false while the first list is being told', async () => {
    const { informer, listWatch } = setUp();
    const seen: boolean[] = [];
    informer.addHandler({
      change: () => seen.push(informer.status.synced),
      remove() {},
      synced: () => seen.push(informer.status.synced),
    });
    informer.start();
    await synced(listWatch, [at('a', '1')]);
    expect(seen).toEqual([false, true]);
    await informer.stop();
  });

  test('row 3: a list that fails, on whatever page, leaves the store and what was told as they were', async () => {
    const { informer, listWatch, told, clock } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1'), at('b', '2')]);
    const before = [...informer.store.values()];
    told.length = 0;
    watch.fail(apiError('Gone'));
    for (const code of ['BadResponse', 'ServerError', 'Forbidden'] as const) {
      (await listWatch.nextList()).answer([at('c', '20')], '30', 'more');
      (await listWatch.nextList()).fail(apiError(code));
      await clock.advanceToNext();
      if (code === 'ServerError') (await listWatch.nextList()).fail(apiError(code));
      if (code === 'ServerError') await clock.advanceToNext();
      expect([[...informer.store.values()], told, informer.status.synced], code).toEqual([before, [], true]);
    }
    await synced(listWatch, [at('c', '20')], '30');
    expect(told).toEqual(['remove a@1', 'remove b@2', 'new > c@20', 'synced']);
    await informer.stop();
  });

  test('row 14: a bookmark is a sign of life, and nobody is told of it', async () => {
    const { informer, listWatch, told, clock } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1')]);
    told.length = 0;
    await clock.advance(60_000);
    watch.send({ type: 'BOOKMARK', resourceVersion: '40', initialEventsEnd: false });
    expect([informer.status.lastEventAt, told, informer.status.objects]).toEqual([clock.now(), [], 1]);
    await informer.stop();
  });

  test('row 36: an event or list of the version that is stored is not told', async () => {
    const { informer, listWatch, told } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1')]);
    watch.send({ type: 'MODIFIED', object: at('a', '1') }, { type: 'ERROR', error: apiError('Gone') });
    await synced(listWatch, [at('a', '1')]);
    expect(told).toEqual(['new > a@1', 'synced', 'synced']);
    expect(informer.status).toMatchObject({ relists: 1, restarts: { Gone: 1 } });
    await informer.stop();
  });

  test('rows 24, 25 and 27: after a relist, what vanished is removed, what was made again too, and the store is whole before', async () => {
    const { informer, listWatch, told } = setUp();
    const sizes: number[] = [];
    informer.addHandler({
      change: () => sizes.push(informer.store.size),
      remove: () => sizes.push(informer.store.size),
      synced: () => sizes.push(informer.store.size),
    });
    informer.start();
    const watch = await synced(listWatch, [at('a', '1'), at('b', '2'), at('c', '3')]);
    told.length = 0;
    sizes.length = 0;
    watch.fail(apiError('Gone'));
    await synced(listWatch, [at('b', '22', { uid: 'again' }), at('c', '23')], '30');
    expect(told).toEqual(['remove b@2', 'remove a@1', 'c@3 > c@23', 'new > b@22', 'synced']);
    expect(sizes).toEqual([2, 2, 2, 2, 2]);
    await informer.stop();
  });

  test('row 25: an object made again between two events is removed, then new', async () => {
    const { informer, listWatch, told } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1')]);
    watch.send({ type: 'ADDED', object: at('a', '20', { uid: 'again' }) });
    expect(told.slice(2)).toEqual(['remove a@1', 'new > a@20']);
    await informer.stop();
  });

  test('row 29: one that comes late hears what is there, that it is whole, and then the same as the others', async () => {
    const { informer, listWatch, told } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1'), at('b', '2')]);
    told.length = 0;
    const late: string[] = [];
    informer.addHandler(recorder(late));
    watch.send({ type: 'MODIFIED', object: at('a', '11') });
    expect(late).toEqual(['new > a@1', 'new > b@2', 'synced', 'a@1 > a@11']);
    expect(told).toEqual(['a@1 > a@11']);
    await informer.stop();
  });

  test('row 29: one that comes in the middle of a list hears each object once and the end of the list', async () => {
    const { informer, listWatch } = setUp();
    const late: string[] = [];
    let added = false;
    informer.addHandler({
      change: () => {
        if (!added) informer.addHandler(recorder(late));
        added = true;
      },
      remove() {},
      synced() {},
    });
    informer.start();
    await synced(listWatch, [at('a', '1'), at('b', '2')]);
    expect(late).toEqual(['new > a@1', 'new > b@2', 'synced']);
    await informer.stop();
  });

  test('row 30: one that was removed hears nothing more, even in the middle of a list; removing twice is harmless', async () => {
    const { informer, listWatch, told } = setUp();
    const heard: string[] = [];
    const registration = informer.addHandler({
      change: (object) => {
        heard.push(object.name);
        registration.remove();
      },
      remove() {},
      synced: () => heard.push('synced'),
    });
    informer.start();
    await synced(listWatch, [at('a', '1'), at('b', '2')]);
    registration.remove();
    expect(heard).toEqual(['a']);
    expect(told).toEqual(['new > a@1', 'new > b@2', 'synced']);
    await informer.stop();
  });

  test('row 36: one that asks is told of everything again, as found, and nobody else is', async () => {
    const { informer, listWatch, told } = setUp();
    const heard: string[] = [];
    const registration = informer.addHandler({
      change: (object, previous, origin) => heard.push(`${object.name} ${object === previous} ${origin}`),
      remove() {},
      synced: () => heard.push('synced'),
    });
    informer.start();
    await synced(listWatch, [at('a', '1'), at('b', '2')]);
    for (const list of [told, heard]) list.length = 0;
    registration.resync();
    expect(heard).toEqual(['a true Found', 'b true Found']);
    registration.remove();
    registration.resync();
    expect(heard).toHaveLength(2);
    expect(told).toEqual([]);
    await informer.stop();
    expect(() => registration.resync()).toThrow('it is stopped');
  });

  test('row 31: one that throws is logged and hurts nobody', async () => {
    const logged: string[] = [];
    const { informer, listWatch } = setUp({ ...silentLog, error: (_, message) => logged.push(message) });
    informer.addHandler({ change: fail, remove: fail, synced: fail, status: fail });
    const told: string[] = [];
    informer.addHandler(recorder(told));
    informer.start();
    const watch = await synced(listWatch, [at('a', '1')]);
    watch.send({ type: 'DELETED', object: at('a', '2') }, { type: 'ADDED', object: at('b', '3') });
    expect(told).toEqual(['new > a@1', 'synced', 'remove a@1', 'new > b@3']);
    expect(logged.length).toBeGreaterThanOrEqual(4);
    await informer.stop();
  });

  test('rows 37 and 44: hear of trouble with its error, and of its end', async () => {
    const { informer, listWatch, clock } = setUp();
    const heard: string[] = [];
    informer.addHandler({
      change() {},
      remove() {},
      synced() {},
      status: ({ phase, lastError }) => heard.push(`${phase} ${lastError?.code ?? ''}`.trim()),
    });
    informer.start();
    (await listWatch.nextList()).fail(apiError('NotFound'));
    await clock.advanceToNext();
    await synced(listWatch, []);
    expect(heard).toEqual(['Syncing', 'BackingOff NotFound', 'Syncing NotFound', 'Connecting NotFound', 'Watching']);
    await informer.stop();
  });

  test('trouble is logged once for each kind of it, not once for each try', async () => {
    const logged: string[] = [];
    const write = (_: object, message: string) => logged.push(message);
    const { informer, listWatch, clock } = setUp({ ...silentLog, warn: write, info: write });
    informer.start();
    for (let i = 0; i < 5; i += 1) {
      (await listWatch.nextList()).fail(apiError('NotFound'));
      await clock.advanceToNext();
    }
    await synced(listWatch, []);
    expect(logged).toEqual(['the watch failed and is tried again', 'the watch works again']);
    await informer.stop();
  });
});

describe('answers to writes', () => {
  test('row 51: are told as a change, and the watch event of the same version is not told again', async () => {
    const { informer, listWatch, told } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1')]);
    told.length = 0;
    informer.accept(at('a', '15'));
    expect(informer.store.get('default/a')?.resourceVersion).toBe('15');
    watch.send({ type: 'MODIFIED', object: at('a', '12') }, { type: 'MODIFIED', object: at('a', '15') });
    informer.accept(at('a', '14'));
    informer.accept(at('never-seen', '16'));
    expect(told).toEqual(['a@1 > a@15']);
    await informer.stop();
  });

  test('that a handler hands in are told after the change that it is hearing, to all in one order', async () => {
    const { informer, listWatch, told } = setUp();
    const second: string[] = [];
    informer.addHandler({
      ...recorder([]),
      change: (object, previous) => {
        if (previous === undefined) informer.accept(at(object.name, '15'));
      },
    });
    informer.addHandler(recorder(second));
    informer.start();
    await synced(listWatch, [at('a', '1'), at('b', '2')]);
    const order = ['new > a@1', 'new > b@2', 'synced', 'a@1 > a@15', 'b@2 > b@15'];
    expect(second).toEqual(order);
    expect(told).toEqual(order);
    await informer.stop();
  });

  test('row 52: one that came while a list was on its way is not taken back by that list', async () => {
    const { informer, listWatch, told } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1')]);
    told.length = 0;
    watch.fail(apiError('Gone'));
    const list = await listWatch.nextList();
    informer.accept(at('a', '25'));
    list.answer([at('a', '20')], '24');
    (await listWatch.nextWatch()).send({ type: 'MODIFIED', object: at('a', '25') });
    expect(told).toEqual(['a@1 > a@25', 'synced']);
    await informer.stop();
  });
});

test('a relist counts as synced when all was listed once more; what a watch still owed is told by that list', async () => {
  const { informer, listWatch, told } = setUp();
  informer.start();
  const watch = await synced(listWatch, [at('a', '1')]);
  informer.relist();
  watch.send({ type: 'ADDED', object: at('late', '11') });
  expect([informer.synced, informer.store.size]).toEqual([false, 1]);
  await synced(listWatch, [at('b', '11')], '12');
  expect([informer.synced, told]).toEqual([true, ['new > a@1', 'synced', 'remove a@1', 'new > b@11', 'synced']]);
  await informer.stop();
  informer.relist();
});

test('row 8: a list that begins after an answer came wins over it, as after a restored etcd', async () => {
  const { informer, listWatch, told } = setUp();
  informer.start();
  const watch = await synced(listWatch, [at('a', '1')]);
  informer.accept(at('a', '25'));
  told.length = 0;
  watch.fail(apiError('Gone'));
  (await synced(listWatch, [at('a', '20')], '20')).send({ type: 'MODIFIED', object: at('a', '21') });
  expect(told).toEqual(['a@25 > a@20', 'synced', 'a@20 > a@21']);
  await informer.stop();
});

describe('stop', () => {
  test('rows 32 and 33: leaves nothing, tells nothing more, and what is asked of it then is refused', async () => {
    const { informer, listWatch, clock, told } = setUp();
    informer.start();
    const { store } = informer;
    const watch = await synced(listWatch, [at('a', '1')]);
    told.length = 0;
    const stopped = informer.stop();
    watch.send({ type: 'ADDED', object: at('b', '3') });
    informer.accept(at('a', '9'));
    await stopped;
    expect([told, clock.pending, listWatch.running, store.size]).toEqual([[], 0, 0, 0]);
    expect(informer.status).toMatchObject({ phase: 'Stopped', synced: false, objects: 0 });
    for (const call of [() => informer.start(), () => informer.addHandler(recorder([])), () => informer.store]) {
      expect(call).toThrow(expect.objectContaining({ name: 'InformerError', code: 'Stopped' }));
    }
    await informer.stop();
  });

  test('row 33: starting twice is refused', async () => {
    const { informer } = setUp();
    informer.start();
    expect(() => informer.start()).toThrow(expect.objectContaining({ code: 'AlreadyStarted' }));
    await informer.stop();
  });

  test('row 44: with removals, each object is told as gone before stop returns, and no request follows', async () => {
    const { informer, listWatch, told, clock } = setUp();
    informer.start();
    const watch = await synced(listWatch, [at('a', '1'), at('b', '2')]);
    watch.fail(apiError('NotFound'));
    await clock.settle();
    told.length = 0;
    const stopped = informer.stop({ removals: true });
    expect(told).toEqual(['remove a@1', 'remove b@2']);
    await stopped;
    await clock.advance(600_000);
    expect(await listWatch.quiet()).toBe(true);
    expect(told).toHaveLength(2);
  });

  test('row 37: from inside a handler does not wait for itself', async () => {
    for (const moment of ['change', 'synced', 'status'] as const) {
      const { informer, listWatch, clock, told } = setUp();
      const stops: Array<Promise<void>> = [];
      const stop = () => void stops.push(informer.stop());
      informer.addHandler({ change() {}, remove() {}, synced() {}, [moment]: stop });
      const after: string[] = [];
      informer.addHandler(recorder(after));
      informer.start();
      await clock.settle();
      if (moment !== 'status') (await listWatch.nextList()).answer([at('a', '1'), at('b', '2')], '10');
      await clock.settle();
      expect(stops.length, moment).toBeGreaterThan(0);
      await Promise.all(stops);
      expect([clock.pending, listWatch.running, informer.status.synced], moment).toEqual([0, 0, false]);
      expect(after, moment).toEqual(moment === 'synced' ? ['new > a@1', 'new > b@2'] : []);
      expect(told.length, moment).toBeLessThanOrEqual(3);
    }
  });

  test('row 32: 40 lives leave no timer and no request behind', async () => {
    const clock = new ManualClock();
    const listWatch = new ScriptedListWatch();
    for (let life = 0; life < 40; life += 1) {
      const informer = new Informer({ listWatch, clock, random: () => 0.5, log: silentLog, name: 'life' });
      informer.addHandler(recorder([]));
      informer.start();
      const list = await listWatch.nextList();
      if (life % 4 === 1) list.fail(apiError('ServerError'));
      if (life % 4 >= 2) {
        list.answer([at('a', '1')], '10');
        const watch = await listWatch.nextWatch();
        if (life % 4 === 3) watch.open();
      }
      await clock.settle();
      await informer.stop({ removals: life % 2 === 0 });
      expect([clock.pending, listWatch.running]).toEqual([0, 0]);
    }
    await clock.advance(3_600_000);
    expect(await listWatch.quiet()).toBe(true);
  });
});
