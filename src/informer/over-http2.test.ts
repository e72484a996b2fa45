import { constants } from 'node:http2';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { PATIENCE_MS } from '../../test/cluster/eventually.ts';
import { jsonMetadata } from '../../test/support/kube-encodings.ts';
import { type ApiCall, statusDocument } from '../../test/support/scripted-api.ts';
import { bookmark, WireStage, type WireStageOptions, widget } from '../../test/support/wire-stage.ts';
import type { CachedObject } from '../api/object.ts';
import { SILENT_MS } from './transitions.ts';

const stages: WireStage[] = [];

async function setUp(options: WireStageOptions = {}): Promise<WireStage> {
  const stage = await WireStage.start(options);
  stages.push(stage);
  return stage;
}

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
});

/** What a server says of a version that it has not heard of yet. */
function notReached(call: ApiCall): void {
  call.refuse(504, 'Timeout', { 'retry-after': '1' }, { message: 'Too large resource version: 120, current: 100' });
}

describe('a list', () => {
  test('rows 1 and 11: comes in pages, the first of 500, and what happens meanwhile comes by the watch from its version', async () => {
    const { api, informer, heard } = await setUp();
    informer.start();
    const first = await api.next('list');
    expect([first.query.get('limit'), first.query.get('resourceVersion')]).toEqual(['500', null]);
    first.list('10', [widget('a', '5')], 'more');
    (await api.next('list more')).list('12', [widget('b', '6')]);
    const watch = (await api.next('watch 10')).open();
    watch.send('MODIFIED', widget('a', '11')).send('DELETED', widget('b', '12'));
    expect(await heard(5)).toEqual(['new > a@5', 'new > b@6', 'synced', '5 > a@11', 'remove b@6']);
  });

  test('row 4: that fails again and again is asked for ever more rarely, and as at first after two minutes that were well', async () => {
    const { api, informer, waits, clock } = await setUp();
    informer.start();
    const delays: number[] = [];
    while (delays.length < 8) {
      (await api.next('list')).refuse(500, 'InternalError');
      delays.push(await waits());
    }
    expect(delays).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
    (await api.next('list')).list('10', [widget('a', '5')]);
    const watch = (await api.next('watch 10')).open();
    await expect.poll(() => informer.status.phase).toBe('Watching');
    await clock.advance(121_000);
    watch.send('ERROR', statusDocument(500, 'InternalError'));
    expect(await waits()).toBe(800);
    (await api.next('position')).list('10');
    (await api.next('watch 10')).open();
  });

  test('row 10: of a server that says it has not reached a version is asked for once more at once, then after a wait', async () => {
    const { api, informer, waits, clock, heard } = await setUp();
    informer.start();
    notReached(await api.next('list'));
    const again = await api.next('list');
    expect([again.query.has('resourceVersion'), again.query.get('limit'), clock.pending]).toEqual([false, '500', 0]);
    notReached(again);
    expect(await waits()).toBe(1_000);
    (await api.next('list')).list('130', [widget('a', '5')]);
    (await api.next('watch 130')).open();
    expect(await heard(2)).toEqual(['new > a@5', 'synced']);
  });

  test('row 11: whose later page expired is asked for once more, without pages', async () => {
    const { api, informer, heard } = await setUp();
    informer.start();
    (await api.next('list')).list('10', [widget('a', '5')], 'more');
    (await api.next('list more')).refuse(410, 'Expired');
    const whole = await api.next('list');
    expect(whole.query.has('limit')).toBe(false);
    whole.list('20', [widget('b', '6')]);
    (await api.next('watch 20')).open();
    expect(await heard(2)).toEqual(['new > b@6', 'synced']);
  });

  test.each<[string, (list: ApiCall) => void]>([
    ['is refused', (list) => list.refuse(500, 'InternalError')],
    ['is cut off', (list) => list.say('{"kind":"List","metadata":{"resourceVersion":"30"},"items":[{"metadata":')],
    ['is something else', (list) => list.say('{"kind":"Status"}')],
  ])('row 3: that %s is asked for again after a wait, and what is stored stays', async (_what, answer) => {
    const { api, informer, watching, waits, told } = await setUp();
    (await watching()).send('ERROR', statusDocument(410, 'Expired'));
    answer(await api.next('list'));
    expect(await waits()).toBe(800);
    expect([[...informer.store.keys()], told]).toEqual([['default/a'], []]);
    (await api.next('list')).list('30');
    (await api.next('watch 30')).open();
  });

  test('rows 24 to 27: after a gap, what vanished goes, what was made again goes and comes, and all at once', async () => {
    const { api, watching, heard, informer, told } = await setUp();
    const watch = await watching();
    watch.send('ADDED', widget('b', '11')).send('ADDED', widget('c', '12'));
    expect(await heard(2)).toEqual(['new > b@11', 'new > c@12']);
    informer.addHandler({
      change: () => {},
      remove: () => told.push(`then ${[...informer.store.keys()].join()}`),
      synced: () => {},
    });
    watch.send('ERROR', statusDocument(410, 'Expired'));
    (await api.next('list')).list('30', [widget('b', '21', { uid: 'again' }), widget('c', '12')]);
    (await api.next('watch 30')).open();
    const stored = 'then default/b,default/c';
    expect(await heard(6)).toEqual(['remove b@11', stored, 'remove a@5', stored, 'new > b@21', 'synced']);
  });
});

describe('a watch', () => {
  test.each([
    ['in the stream', (watch: ApiCall) => void watch.send('ERROR', statusDocument(410, 'Expired'))],
    ['as its answer', undefined],
  ])('rows 8 and 9: whose history is gone, said %s, leads at once to a list', async (_where, say) => {
    const { api, watching, clock, phase, heard } = await setUp();
    const watch = await watching();
    if (say === undefined) {
      await clock.advance(watch.query.has('timeoutSeconds') ? Number(watch.query.get('timeoutSeconds')) * 1_000 : 0);
      watch.end();
      (await api.next('watch 10')).refuse(410, 'Expired');
    } else say(watch);
    const list = await api.next('list');
    expect(list.query.has('resourceVersion')).toBe(false);
    expect(clock.pending).toBe(0);
    list.list('30', [widget('a', '5')]);
    (await api.next('watch 30')).open();
    await phase('Watching');
    expect(await heard(1)).toEqual(['synced']);
  });

  test('row 5: that is told to come back later does so, and goes on from its version without a list', async () => {
    const { api, watching, clock, waits } = await setUp();
    const watch = await watching();
    await clock.advance(300_000);
    watch.end();
    (await api.next('watch 10')).refuse(429, 'TooManyRequests', { 'retry-after': '7' });
    expect(await waits()).toBe(7_000);
    (await api.next('position')).list('10');
    (await api.next('watch 10')).open().send('ERROR', statusDocument(429, 'TooManyRequests', 3));
    expect(await waits()).toBe(3_000);
    (await api.next('position')).list('10');
    (await api.next('watch 10')).open();
  });

  test('row 6: to a server that takes no connections is tried again from its version', async () => {
    const { api, network, watching, waits, phase, heard } = await setUp();
    await watching();
    network.down();
    const delays = [await waits(), await waits(), await waits()];
    expect(delays).toEqual([800, 1_600, 3_200]);
    await phase('BackingOff');
    network.up();
    await waits();
    (await api.next('position')).list('15');
    (await api.next('watch 10')).open().send('MODIFIED', widget('a', '12'));
    expect(await heard(1)).toEqual(['5 > a@12']);
  });

  test('row 7: that the server fails is tried again from its version for a minute, then the kind is listed', async () => {
    const { api, watching, waits, clock } = await setUp();
    let watch = await watching();
    const began = clock.monotonic();
    let asked = 'watch 10';
    while (asked !== 'list') {
      watch.send('ERROR', statusDocument(500, 'InternalError'));
      const isOver = clock.monotonic() - began >= 60_000;
      await waits();
      asked = isOver ? 'list' : 'position';
      const next = await api.next(asked);
      next.list('10', [widget('a', '5')]);
      watch = (await api.next('watch 10')).open();
    }
    expect(clock.monotonic() - began).toBeGreaterThanOrEqual(60_000);
  });

  test('rows 12 and 14: that ends in its time goes on at once from the last version, also that of a bookmark', async () => {
    const { api, watching, clock, heard, informer } = await setUp();
    const watch = await watching();
    expect(watch.query.get('allowWatchBookmarks')).toBe('true');
    expect(watch.query.get('timeoutSeconds')).toBe('300');
    await clock.advance(250_000);
    watch.send('MODIFIED', widget('a', '11')).send('BOOKMARK', bookmark('40'));
    expect(await heard(1)).toEqual(['5 > a@11']);
    await clock.advance(50_000);
    watch.end();
    (await api.next('watch 40')).open();
    expect(informer.status.restarts).toEqual({ Ended: 1 });
  });

  test('row 13: that ends at once and brings nothing is a failure: it waits, then goes on', async () => {
    const { api, watching, waits, informer } = await setUp();
    (await watching()).end();
    expect(await waits()).toBe(800);
    expect(informer.status.restarts).toEqual({ EndedEarly: 1 });
    (await api.next('position')).list('10');
    (await api.next('watch 10')).open();
  });

  test('row 15: that began nowhere can be resumed only from the first change', async () => {
    const { api, informer, clock, heard } = await setUp();
    informer.start();
    (await api.next('list')).list('', []);
    let watch = (await api.next('watch')).open();
    watch.send('ADDED', widget('a', '70'));
    expect(await heard(2)).toEqual(['synced', 'new > a@70']);
    await clock.advance(300_000);
    watch.end();
    (await api.next('list')).list('', [widget('a', '70')]);
    watch = (await api.next('watch')).open();
    watch.send('ADDED', widget('a', '70')).send('MODIFIED', widget('a', '90'));
    expect(await heard(2)).toEqual(['synced', '70 > a@90']);
    await clock.advance(300_000);
    watch.end();
    (await api.next('watch 90')).open();
  });

  test('row 23: on a connection that leads nowhere any more goes on from its version on another', async () => {
    const { api, network, watching, heard, informer, clock } = await setUp({
      timeouts: { pingIntervalMs: 30, pingTimeoutMs: 60 },
    });
    const watch = await watching();
    network.lose();
    watch.send('MODIFIED', widget('a', '12'));
    // The connection for requests is lost too: it takes a try to find that out.
    await expect
      .poll(async () => {
        if (informer.status.phase === 'BackingOff') await clock.advanceToNext();
        return api.unseen;
      })
      .toEqual(['position']);
    (await api.next('position')).list('12');
    const again = (await api.next('watch 10')).open();
    again.send('MODIFIED', widget('a', '12'));
    expect(await heard(1)).toEqual(['5 > a@12']);
    expect(again.request.connection).not.toBe(watch.request.connection);
  });

  test('row 23: by HTTP/1.1 on a connection that leads nowhere any more goes on from its version on another, for lack of bookmarks', async () => {
    const { api, gateway, network, watching, heard, informer, clock } = await setUp({
      isHttp1: true,
      isOneClock: true,
    });
    const watch = await watching();
    watch.send('BOOKMARK', bookmark('11')).send('ADDED', widget('b', '12'));
    expect(await heard(1)).toEqual(['new > b@12']);
    network.lose();
    watch.send('MODIFIED', widget('a', '13'));
    await clock.advance(SILENT_MS - 1);
    expect(informer.status.phase).toBe('Watching');
    await clock.advance(1);
    // The connection for requests is lost too: it takes a try to find that out.
    await expect
      .poll(async () => {
        if (informer.status.phase === 'BackingOff') await clock.advanceToNext();
        return api.unseen;
      })
      .toEqual(['position']);
    (await api.next('position')).list('13');
    (await api.next('watch 12')).open().send('MODIFIED', widget('a', '13'));
    expect(await heard(1)).toEqual(['5 > a@13']);
    expect(informer.status.restarts).toEqual({ Silent: 1 });
    const [first, second, ...more] = gateway?.watches ?? [];
    expect(more).toEqual([]);
    expect(second).not.toBe(first);
  });

  test('row 23: to which nobody answers, whoever answers PINGs, is asked for on another connection the fourth time', async () => {
    // What the clock skips cannot be answered on the wire.
    const patience = { pingIntervalMs: 10_000_000, idleTimeoutMs: 10_000_000 };
    const { api, clock, watching, informer } = await setUp({ timeouts: patience, isOneClock: true });
    const watch = await watching();
    await clock.advance(300_000);
    watch.end();
    const nextCall = async () => {
      await expect
        .poll(async () => {
          if (informer.status.phase === 'BackingOff') await clock.advanceToNext();
          return api.unseen.length;
        })
        .toBe(1);
      return api.any();
    };
    const connections: number[] = [];
    for (;;) {
      const call = await nextCall();
      // Requests go by another connection.
      if (!call.what.startsWith('watch')) {
        call.list('10');
        continue;
      }
      if (connections.push(call.request.connection) === 4) break;
      await clock.advance(55_000);
    }
    const first = watch.request.connection;
    expect(connections.map((one) => one === first)).toEqual([true, true, true, false]);
    expect(informer.status.restarts).toEqual({ Ended: 1, Timeout: 3 });
  });

  test('row 44: of a kind that is not served any more says so, and is given up without another request', async () => {
    const { api, watching, clock, informer, phase, heard } = await setUp();
    const watch = await watching();
    await clock.advance(300_000);
    watch.end();
    (await api.next('watch 10')).refuse(404, 'NotFound');
    await phase('BackingOff');
    expect(informer.status.lastError).toMatchObject({ code: 'NotFound', status: 404 });
    await informer.stop({ removals: true });
    expect(await heard(1)).toEqual(['remove a@5']);
    await clock.advance(600_000);
    expect(api.unseen).toEqual([]);
  });
});

test('row 43: an object that leaves what is selected is out of sight, and comes again when more is selected', async () => {
  const labelSelector = 'env in (prod)';
  const { api, informer, watching, heard, phase } = await setUp({ selection: [{ labelSelector }] });
  const watch = await watching();
  expect(watch.query.get('labelSelector')).toBe(labelSelector);
  // The server tells of it as it was before, in the version in which it left.
  watch.send('DELETED', widget('a', '11')).send('ADDED', widget('b', '12'));
  expect(await heard(2)).toEqual(['remove a@5', 'new > b@12']);
  expect(informer.isWhole).toBe(false);
  informer.select([{}]);
  const list = await api.next('list');
  expect(list.query.has('labelSelector')).toBe(false);
  list.list('20', [widget('a', '11'), widget('b', '12')]);
  (await api.next('watch 20')).open();
  expect(await heard(2)).toEqual(['new > a@11', 'synced']);
  await phase('Watching');
  expect([informer.isWhole, await watch.ended]).toEqual([true, constants.NGHTTP2_CANCEL]);
});

test.each(['list', 'unanswered watch', 'watch'] as const)(
  'rows 2 and 32: stopped during its %s it cancels the stream and leaves none',
  async (moment) => {
    const { api, informer, client, clock, told } = await setUp();
    informer.start();
    let call = await api.next('list');
    if (moment !== 'list') {
      call.list('10', [widget('a', '5')]);
      call = await api.next('watch 10');
    }
    if (moment === 'watch') {
      call.open().send('ADDED', widget('b', '11'));
      await vi.waitUntil(() => told.includes('new > b@11'), { interval: 1, timeout: PATIENCE_MS });
    }
    const before = [...told];
    const stopped = informer.stop();
    if (moment === 'watch') call.send('ADDED', widget('c', '12'));
    await stopped;
    expect(await call.ended).toBe(constants.NGHTTP2_CANCEL);
    const streams = () =>
      Object.values(client.state()).flatMap(({ sessions, waiting }) => [...sessions.map((of) => of.streams), waiting]);
    await expect.poll(() => streams().every((count) => count === 0)).toBe(true);
    expect([clock.pending, told]).toEqual([0, before]);
  },
);

const whole = (resourceVersion: string, more: object = {}) =>
  widget(
    'a',
    resourceVersion,
    {
      labels: { team: 'x' },
      managedFields: [{ manager: 'somebody', operation: 'Update', fieldsV1: { 'f:spec': {} } }],
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' },
    },
    { status: { phase: 'Ready' }, ...more },
  );

/** What is stored, as a server would write it in another version. */
function written(stored: CachedObject | undefined, resourceVersion: string) {
  if (stored === undefined) throw new Error('nothing is stored');
  const { body, created, applied, generation, labels, annotations, owners, controlled } = stored;
  const fieldsV1 = { 'f:metadata': { 'f:labels': Object.fromEntries(applied.labels.map((key) => [`f:${key}`, {}])) } };
  return widget(
    stored.name,
    resourceVersion,
    {
      generation,
      created,
      labels,
      annotations,
      controllers: owners.map(() => controlled),
      managedFields: [{ manager: 'watchkeeper', operation: 'Apply', fieldsV1 }],
    },
    body,
  );
}

describe('row 34: what is not needed of an object', () => {
  test('is dropped before it is stored and told, from lists, events and deletions', async () => {
    const { api, informer, heard, last } = await setUp();
    const removed: CachedObject[] = [];
    informer.addHandler({ change: () => {}, remove: (object) => removed.push(object), synced: () => {} });
    informer.start();
    (await api.next('list')).list('10', [whole('5')]);
    const watch = (await api.next('watch 10')).open();
    expect(await heard(2)).toEqual(['new > a@5', 'synced']);
    const expected = { body: { spec: { size: 1 } }, labels: { team: 'x' }, annotations: { kept: 'yes' } };
    expect(last.get('a')).toMatchObject(expected);
    expect([JSON.stringify(last.get('a')).includes('somebody'), last.get('a')?.body]).toEqual([false, expected.body]);
    expect(informer.store.get('default/a')).toBe(last.get('a'));
    watch.send('MODIFIED', whole('11', { spec: { size: 2 }, status: { phase: 'Other' } }));
    expect(await heard(1)).toEqual(['5 > a@11']);
    const stored = informer.store.get('default/a');
    expect([stored?.body, last.get('a') === stored]).toEqual([{ spec: { size: 2 } }, true]);
    // What a deletion carries is the object as it was on its way out: what is told is what was stored.
    watch.send('DELETED', whole('12', { spec: { size: 3 } }));
    expect(await heard(1)).toEqual(['remove a@11']);
    expect(removed).toEqual([stored]);
    expect(removed[0]).toBe(stored);
  });

  test('is all that is dropped: what was stored, written down and read again, is stored as it was', async () => {
    const { informer, watching, heard } = await setUp();
    const watch = await watching();
    const read = whole('11', { spec: { size: 2, parts: [{ empty: {} }, null] } });
    const metadata = jsonMetadata({
      name: 'a',
      namespace: 'default',
      uid: 'uid-a',
      resourceVersion: '11',
      generation: 3,
      created: 1_700_000_000,
      labels: { team: 'x' },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' },
      controllers: [true],
      managedFields: [
        { manager: 'watchkeeper', operation: 'Apply', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:team': {} } } } },
        { manager: 'somebody', operation: 'Update', fieldsV1: { 'f:spec': {} } },
      ],
    });
    watch.send('MODIFIED', { ...read, metadata });
    expect(await heard(1)).toEqual(['5 > a@11']);
    const once = informer.store.get('default/a');
    expect(once).toMatchObject({ applied: { labels: ['team'] }, annotations: { kept: 'yes' }, controlled: true });
    watch.send('MODIFIED', written(once, '12'));
    expect(await heard(1)).toEqual(['11 > a@12']);
    expect(informer.store.get('default/a')).toEqual({ ...once, resourceVersion: '12' });
  });

  test('is no difference: the same object read again is the one that is stored, and nobody is told', async () => {
    const { api, informer, watching, heard, told } = await setUp();
    const watch = await watching();
    watch.send('MODIFIED', whole('11'));
    expect(await heard(1)).toEqual(['5 > a@11']);
    const stored = informer.store.get('default/a');
    watch.send('MODIFIED', whole('11', { status: { phase: 'Elsewhere' } }));
    watch.send('ERROR', statusDocument(410, 'Expired'));
    (await api.next('list')).list('30', [whole('11', { status: { phase: 'Again' } })]);
    (await api.next('watch 30')).open();
    expect(await heard(1)).toEqual(['synced']);
    expect([informer.store.get('default/a') === stored, told]).toEqual([true, []]);
  });
});
