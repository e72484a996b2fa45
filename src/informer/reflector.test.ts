import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError, ScriptedListWatch } from '../../test/support/scripted-list-watch.ts';
import { silentLog } from '../base/log.ts';
import type { ListPage, ListWatch } from '../kube/list-watch.ts';
import { Reflector, type ReflectorSink, type ReflectorStatus } from './reflector.ts';

function setUp(overrides: Partial<ReflectorSink> = {}, random = () => 0, transport?: ListWatch) {
  const clock = new ManualClock();
  const listWatch = new ScriptedListWatch();
  const told: string[] = [];
  const states: ReflectorStatus[] = [];
  const sink: ReflectorSink = {
    listStarted: () => told.push('list'),
    replace: (items, rv) => told.push(`replace ${items.map(({ name }) => name).join(',')} @${rv}`),
    apply: ({ type, object }) => told.push(`${type} ${object.name}`),
    bookmark: (rv) => told.push(`bookmark @${rv}`),
    state: (status) => states.push(status),
    ...overrides,
  };
  const reflector = new Reflector({ listWatch: transport ?? listWatch, sink, clock, random, log: silentLog });
  return { clock, listWatch, told, states, reflector };
}

const a = cachedObject({ name: 'a', resourceVersion: '11' });
const b = cachedObject({ name: 'b', resourceVersion: '12' });

const nothing = () => {};

describe('list and watch', () => {
  test('rows 1, 11, 14, 26: pages become one replacement, events and bookmarks follow in order', async () => {
    const { reflector, listWatch, told, clock } = setUp();
    reflector.start();
    const first = await listWatch.nextList();
    expect(first.options).toMatchObject({ limit: 500, resourceVersion: '' });
    expect(first.options.continue).toBeUndefined();
    first.answer([a], '10', 'more');
    const second = await listWatch.nextList();
    // Objects of 8 KiB, of which 2,048 make up 16 MiB.
    expect(second.options).toMatchObject({ limit: 2_048, continue: 'more' });
    expect(second.options.resourceVersion).toBeUndefined();
    expect(told).toEqual(['list']);
    second.answer([b], '10');
    const watch = await listWatch.nextWatch();
    expect(watch.options).toMatchObject({ resourceVersion: '10', timeoutSeconds: 300 });
    watch.open();
    watch.send(
      { type: 'ADDED', object: b },
      { type: 'BOOKMARK', resourceVersion: '13', initialEventsEnd: false },
      { type: 'DELETED', object: a },
      { type: 'MODIFIED', object: b },
    );
    expect(told).toEqual(['list', 'replace a,b @10', 'ADDED b', 'bookmark @13', 'DELETED a', 'MODIFIED b']);
    await reflector.stop();
    expect(clock.pending).toBe(0);
  });

  test('row 11: what earlier pages held is dropped when a page expired', async () => {
    const { reflector, listWatch, told } = setUp();
    reflector.start();
    (await listWatch.nextList()).answer([a], '10', 'more');
    (await listWatch.nextList()).fail(apiError('Gone'));
    const whole = await listWatch.nextList();
    expect(whole.options).toMatchObject({ limit: undefined, resourceVersion: '' });
    whole.answer([b], '20');
    await listWatch.nextWatch();
    expect(told).toEqual(['list', 'list', 'replace b @20']);
    await reflector.stop();
  });

  test('row 3: a page that failed for a moment is asked for again, and earlier pages count', async () => {
    const { reflector, listWatch, told, clock } = setUp();
    reflector.start();
    (await listWatch.nextList()).answer([a], '10', 'more');
    (await listWatch.nextList()).fail(apiError('TooManyRequests', { retryAfterMs: 7_000 }));
    expect(await clock.advanceToNext()).toBe(7_000);
    const again = await listWatch.nextList();
    expect(again.options.continue).toBe('more');
    again.answer([b], '10');
    await listWatch.nextWatch();
    expect(told).toEqual(['list', 'replace a,b @10']);
    await reflector.stop();
  });

  test('row 8: after 410 in the stream the old watch is aborted and what it still says is not delivered', async () => {
    const { reflector, listWatch, told, clock } = setUp();
    reflector.start();
    (await listWatch.nextList()).answer([a], '10');
    const watch = await listWatch.nextWatch();
    watch.open();
    watch.send({ type: 'ERROR', error: apiError('Gone') }, { type: 'ADDED', object: b });
    expect(watch.options.signal.aborted).toBe(true);
    expect(clock.pending).toBe(0);
    (await listWatch.nextList()).answer([b], '20');
    (await listWatch.nextWatch()).open();
    watch.send({ type: 'ADDED', object: a });
    watch.open();
    expect(told).toEqual(['list', 'replace a @10', 'list', 'replace b @20']);
    expect(listWatch.running).toBe(1);
    expect(reflector.status).toMatchObject({ relists: 1, restarts: { Gone: 1 } });
    await reflector.stop();
  });
});

test('rows 9 and 32: while it lists after a watch that was refused with 410, no timer of that watch is left', async () => {
  const { reflector, listWatch, clock } = setUp();
  reflector.start();
  (await listWatch.nextList()).answer([a], '10');
  (await listWatch.nextWatch()).fail(apiError('Gone'));
  await listWatch.nextList();
  expect(clock.pending).toBe(0);
  await reflector.stop();
});

describe('row 4: back-off', () => {
  test('grows from 0.8 s to 30 s by doubling, with jitter up to as much again, and forgets after 2 quiet minutes', async () => {
    for (const [random, factor] of [
      [0, 1],
      [0.5, 1.5],
    ] as const) {
      const { reflector, listWatch, clock } = setUp({}, () => random);
      reflector.start();
      const delays: number[] = [];
      for (let i = 0; i < 8; i += 1) {
        (await listWatch.nextList()).fail(apiError('ServerError'));
        delays.push(await clock.advanceToNext());
      }
      expect(delays).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000].map((ms) => ms * factor));
      (await listWatch.nextList()).answer([], '10');
      const watch = await listWatch.nextWatch();
      watch.open();
      await clock.advance(120_001);
      watch.send({ type: 'ERROR', error: apiError('NotFound') });
      expect(await clock.advanceToNext()).toBe(800 * factor);
      await reflector.stop();
    }
  });
});

describe('row 2: stop', () => {
  test('during a list, a watch that is not open, an open watch, and a back-off: nothing is left, nothing more is told', async () => {
    for (const stage of ['new', 'list', 'connecting', 'watching', 'backing off'] as const) {
      const { reflector, listWatch, clock, told } = setUp();
      let late: () => void = nothing;
      if (stage !== 'new') {
        reflector.start();
        const list = await listWatch.nextList();
        late = () => list.answer([b], '99');
        if (stage === 'backing off') {
          list.fail(apiError('Forbidden'));
        } else if (stage !== 'list') {
          list.answer([a], '10');
          const watch = await listWatch.nextWatch();
          if (stage === 'watching') watch.open();
          late = () => watch.send({ type: 'ADDED', object: b });
        }
        await clock.settle();
      }
      const before = [...told];
      const stopped = reflector.stop();
      late();
      await stopped;
      late();
      await clock.advance(3_600_000);
      expect(told, stage).toEqual(before);
      expect([clock.pending, listWatch.running, reflector.status.phase], stage).toEqual([0, 0, 'Stopped']);
      expect(await listWatch.quiet(), stage).toBe(true);
    }
  });

  test('is awaited until the transport has let go', async () => {
    const answer = Promise.withResolvers<ListPage>();
    const deaf: ListWatch = {
      list: () => answer.promise,
      position: () => Promise.reject(new Error('not expected')),
      watch: () => Promise.reject(new Error('not expected')),
    };
    const { reflector, clock, told } = setUp({}, () => 0, deaf);
    reflector.start();
    const order: string[] = [];
    const stopping = async () => {
      await reflector.stop();
      order.push('stopped');
    };
    const stopped = stopping();
    await clock.settle();
    order.push('transport let go');
    answer.resolve({ items: [a], resourceVersion: '1', continue: '', bytes: 100 });
    await stopped;
    expect(order).toEqual(['transport let go', 'stopped']);
    expect(told).toEqual(['list']);
  });

  test('may be called by the receiver in the middle of a delivery', async () => {
    for (const moment of ['listStarted', 'replace', 'state'] as const) {
      const stops: Array<Promise<void>> = [];
      const { reflector, listWatch, clock } = setUp({ [moment]: () => void stops.push(reflector.stop()) });
      reflector.start();
      await clock.settle();
      if (moment === 'replace') (await listWatch.nextList()).answer([a], '10');
      await clock.settle();
      await Promise.all(stops);
      expect(stops.length, moment).toBeGreaterThan(0);
      expect(listWatch.calls, moment).toHaveLength(moment === 'listStarted' ? 0 : 1);
      expect([clock.pending, listWatch.running], moment).toEqual([0, 0]);
    }
  });
});

test('a receiver that asks for a list in the middle of a delivery gets it, and then a watch', async () => {
  const { reflector, listWatch, told, clock } = setUp({
    replace: (items, rv) => {
      told.push(`replace ${items.map(({ name }) => name).join(',')} @${rv}`);
      if (rv === '10') reflector.relist();
    },
  });
  reflector.start();
  (await listWatch.nextList()).answer([a], '10');
  (await listWatch.nextList()).answer([a, b], '12');
  const watch = await listWatch.nextWatch();
  expect(watch.options.resourceVersion).toBe('12');
  watch.open();
  watch.send({ type: 'DELETED', object: a });
  expect(told).toEqual(['list', 'replace a @10', 'list', 'replace a,b @12', 'DELETED a']);
  expect([listWatch.calls.length, listWatch.running, reflector.status.phase]).toEqual([3, 1, 'Watching']);
  await reflector.stop();
  expect(clock.pending).toBe(0);
});

const fail = () => {
  throw new Error('receiver');
};

test('row 31: a receiver that throws does not disturb the watch', async () => {
  const { reflector, listWatch } = setUp({
    listStarted: fail,
    replace: fail,
    apply: fail,
    bookmark: fail,
    state: fail,
  });
  reflector.start();
  (await listWatch.nextList()).answer([a], '10');
  const watch = await listWatch.nextWatch();
  watch.open();
  watch.send({ type: 'ADDED', object: b }, { type: 'BOOKMARK', resourceVersion: '30', initialEventsEnd: false });
  watch.fail(apiError('NotFound'));
  expect(await listWatch.quiet()).toBe(true);
  expect(reflector.status).toMatchObject({ phase: 'BackingOff', lastError: { code: 'NotFound' } });
  await reflector.stop();
});

test('the status shows each phase, keeps the error until a watch is open, and says when the next try is due', async () => {
  const { reflector, listWatch, states, clock } = setUp();
  reflector.start();
  (await listWatch.nextList()).fail(apiError('Forbidden'));
  await clock.settle();
  expect(reflector.status.retryAt).toBe(clock.now() + 800);
  await clock.advanceToNext();
  (await listWatch.nextList()).answer([], '10');
  (await listWatch.nextWatch()).open();
  expect(states.map(({ phase, lastError }) => [phase, lastError?.code])).toEqual([
    ['Syncing', undefined],
    ['BackingOff', 'Forbidden'],
    ['Syncing', 'Forbidden'],
    ['Connecting', 'Forbidden'],
    ['Watching', undefined],
  ]);
  await reflector.stop();
});

test('an error of no known kind is kept as the cause of an ApiError', async () => {
  const { reflector, listWatch, clock } = setUp();
  const thrown = new TypeError('a defect');
  reflector.start();
  const list = await listWatch.nextList();
  list.fail(thrown);
  await clock.settle();
  expect(reflector.status.lastError).toMatchObject({ code: 'Other', message: 'a defect', cause: thrown });
  await reflector.stop();
});

/** One whose watch at version 10 breaks, and then the server is at `position`. */
async function brokenAtTen(position: string) {
  const stage = setUp();
  const { reflector, listWatch, clock } = stage;
  reflector.start();
  (await listWatch.nextList()).answer([a], '10');
  const watch = await listWatch.nextWatch();
  watch.open();
  listWatch.position = async () => position;
  await clock.advance(5_000);
  watch.fail(apiError('Network'));
  await clock.settle();
  return stage;
}

describe('a watch that broke', () => {
  test.each(['10', '11', 'opaque', ''])('goes on where it was at a server that is at version %j', async (position) => {
    const { reflector, listWatch } = await brokenAtTen(position);
    expect((await listWatch.nextWatch()).options.resourceVersion).toBe('10');
    await reflector.stop();
  });

  test('lists at a server that is at an earlier version, as after a restore: its watch would be silent', async () => {
    const { reflector, listWatch, told } = await brokenAtTen('9');
    (await listWatch.nextList()).answer([b], '9');
    expect((await listWatch.nextWatch()).options.resourceVersion).toBe('9');
    expect(told).toEqual(['list', 'replace a @10', 'list', 'replace b @9']);
    await reflector.stop();
  });

  test('a first watch and one that ended in its time ask nothing', async () => {
    const { reflector, listWatch, clock } = setUp();
    const asked: string[] = [];
    listWatch.position = async () => {
      asked.push('position');
      return '';
    };
    reflector.start();
    (await listWatch.nextList()).answer([a], '10');
    const watch = await listWatch.nextWatch();
    watch.open();
    await clock.advance(watch.options.timeoutSeconds * 1_000);
    watch.end();
    (await listWatch.nextWatch()).open();
    expect(asked).toEqual([]);
    await reflector.stop();
  });
});
