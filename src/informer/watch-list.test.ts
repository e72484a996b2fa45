import { describe, expect, test, vi } from 'vitest';
import type { SampleMetadata } from '../../test/support/kube-encodings.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import {
  JSON_ENCODING,
  PROTOBUF_ENCODING,
  WatchServer,
  type WatchServerCall,
} from '../../test/support/watch-server.ts';
import type { CachedObject, Representation } from '../api/object.ts';
import { type Log, silentLog } from '../base/log.ts';
import { createListWatch } from '../kube/list-watch-client.ts';
import { INITIAL_EVENTS_END_WITHIN_MS } from './gathering-state.ts';
import type { Informer } from './informer.ts';
import { type DesiredWatches, InformerRegistry } from './registry.ts';
import { type WatchSpec, watchId } from './watch-spec.ts';

const METADATA: Representation = { kind: 'Metadata' };
const PROJECTED: Representation = { kind: 'Projected', fields: ['spec'] };

const at = (name: string, resourceVersion: string): SampleMetadata => ({
  name,
  namespace: 'default',
  uid: `uid-${name}`,
  resourceVersion,
});
const text = ({ name, resourceVersion }: CachedObject) => `${name}@${resourceVersion}`;

/** Informers that read by WatchLists from a scripted server, on a clock that stands still. */
class Stage implements AsyncDisposable {
  readonly server: WatchServer;
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly warned: string[] = [];
  readonly registry: InformerRegistry;
  readonly representation: Representation;

  constructor(server: WatchServer, representation: Representation) {
    this.server = server;
    this.representation = representation;
    const log: Log = { ...silentLog, warn: (_fields, message) => this.warned.push(message) };
    this.registry = new InformerRegistry({
      createListWatch: (spec) => createListWatch(server.client, spec),
      prepare: (informer) => {
        informer.addHandler({
          change: (object, previous) =>
            this.told.push(`${previous === undefined ? 'new' : text(previous)} > ${text(object)}`),
          remove: (object) => this.told.push(`remove ${text(object)}`),
          synced: () => this.told.push('synced'),
        });
      },
      clock: this.clock,
      random: () => 0,
      log,
      watchList: true,
    });
  }

  /** Watches these kinds and no others. */
  watch(...resources: readonly string[]): void {
    const specs = resources.map(
      (resource): WatchSpec => ({
        gvr: { group: 'acme.io', version: 'v1', resource },
        representation: this.representation,
      }),
    );
    const desired: DesiredWatches = new Map(specs.map((spec) => [watchId(spec), { spec, owners: new Set(['test']) }]));
    this.registry.reconcile(desired);
  }

  get informer(): Informer {
    for (const [, , informer] of this.registry.entries()) return informer;
    throw new Error('nothing is watched');
  }

  /** Waits until the informer waits before another try, and lets that time pass. Returns how long it was, in milliseconds. */
  async backOff(): Promise<number> {
    await vi.waitUntil(() => this.informer.status.phase === 'BackingOff');
    return this.clock.advanceToNext();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry.stopAll();
    if (this.clock.pending > 0) throw new Error('a timer is left');
    await this.server[Symbol.asyncDispose]();
  }
}

describe.each([
  ['protobuf', PROTOBUF_ENCODING, METADATA],
  ['JSON', JSON_ENCODING, PROJECTED],
] as const)('a WatchList in %s', (_name, encoding, representation) => {
  const stageOf = async () => new Stage(await WatchServer.start(encoding), representation);

  /** One that was asked for. */
  async function asked(): Promise<{ readonly stage: Stage; readonly call: WatchServerCall }> {
    const stage = await stageOf();
    stage.watch('widgets');
    return { stage, call: await stage.server.next() };
  }

  test('row 16: one request brings all objects as one replacement, and goes on as the watch', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    expect(Object.fromEntries(call.query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: '300',
    });
    call.send(['ADDED', at('b', '12')], ['ADDED', at('a', '11')]);
    call.bookmark('20', 'true');
    call.send(['MODIFIED', at('a', '21')], ['DELETED', at('b', '22')], ['ADDED', at('c', '23')]);
    await expect.poll(() => stage.told.length).toBe(6);
    expect(stage.told).toEqual(['new > b@12', 'new > a@11', 'synced', 'a@11 > a@21', 'remove b@12', 'new > c@23']);
    expect(stage.informer.status).toMatchObject({ synced: true, phase: 'Watching', relists: 0, restarts: {} });
    expect(stage.server.asked).toEqual(['widgets: WatchList']);
  });

  test('row 16: when its stream breaks it goes on from its version, without all objects', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')]);
    call.bookmark('20', 'true');
    await expect.poll(() => stage.informer.status.synced).toBe(true);
    await stage.clock.advance(60_000);
    call.break();
    expect((await stage.server.next()).asked).toBe('Watch 20');
  });

  test('row 17: neither a plain bookmark nor another value of its annotation ends the initial events', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')]);
    call.bookmark('20');
    call.bookmark('20', 'false');
    call.send(['ADDED', at('b', '12')]);
    call.bookmark('20', 'true');
    await expect.poll(() => stage.told.length).toBe(3);
    expect(stage.told).toEqual(['new > a@11', 'new > b@12', 'synced']);
  });

  test('row 18: what changes or goes before the bookmark is so in the replacement', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')], ['ADDED', at('b', '12')], ['ADDED', at('c', '13')]);
    call.send(['MODIFIED', at('a', '21')], ['DELETED', at('b', '22')], ['ADDED', at('d', '23')]);
    call.bookmark('23', 'true');
    await expect.poll(() => stage.told.at(-1)).toBe('synced');
    expect(stage.told).toEqual(['new > a@21', 'new > c@13', 'new > d@23', 'synced']);
    expect([...stage.informer.store.values()].map(text)).toEqual(['a@21', 'c@13', 'd@23']);
  });

  test('row 18: what leaves the selection before the bookmark and comes back is in the replacement', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')], ['DELETED', at('a', '21')], ['ADDED', at('a', '22')]);
    call.bookmark('23', 'true');
    await expect.poll(() => stage.told.at(-1)).toBe('synced');
    expect(stage.told).toEqual(['new > a@22', 'synced']);
  });

  test.each([400, 403, 404, 405, 422, 500])(
    'row 19: refused with %i, the kind is listed at once; that is remembered for the resource and for no other',
    async (status) => {
      const { stage, call } = await asked();
      await using _ = stage;
      call.refuse(status, 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled');
      const list = await stage.server.next();
      expect(list.asked).toBe('List');
      list.list([at('a', '11')], '20');
      expect((await stage.server.next()).asked).toBe('Watch 20');
      expect(stage.told).toEqual(['new > a@11', 'synced']);
      expect(stage.warned).toEqual(['the server does not answer a WatchList as it should: it is asked for lists']);
      stage.watch();
      await stage.registry.drained();
      stage.watch('widgets', 'gadgets');
      await Promise.all([stage.server.next(), stage.server.next()]);
      expect(stage.server.asked.slice(3).toSorted()).toEqual(['gadgets: WatchList', 'widgets: List']);
    },
  );

  test('row 20: a stream that ends before the bookmark is tried three times with all objects anew, then the kind is listed', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    const waits: number[] = [];
    for (let each = call; ; each = await stage.server.next()) {
      if (each.asked !== 'WatchList') {
        each.list([at('b', '12')], '20');
        break;
      }
      each.send(['ADDED', at('a', '11')]);
      each.end();
      if (waits.length < 2) waits.push(await stage.backOff());
    }
    await stage.server.next();
    expect(stage.server.asked.map((each) => each.slice('widgets: '.length))).toEqual([
      'WatchList',
      'WatchList',
      'WatchList',
      'List',
      'Watch 20',
    ]);
    expect(waits).toEqual([800, 1_600]);
    expect(stage.told).toEqual(['new > b@12', 'synced']);
    expect(stage.informer.status.restarts).toEqual({ EndedEarly: 3 });
  });

  test('row 20: a connection that breaks before the bookmark is tried again, and nothing of the first stream counts', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')]);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    call.break();
    expect(await stage.backOff()).toBe(800);
    const again = await stage.server.next();
    again.send(['ADDED', at('b', '12')]);
    again.bookmark('20', 'true');
    await expect.poll(() => stage.told).toEqual(['new > b@12', 'synced']);
  });

  test('row 21: 429 waits for as long as the server says and tries again', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.refuse(429, 'storage is (re)initializing', { 'retry-after': '7' });
    expect(await stage.backOff()).toBe(7_000);
    const again = await stage.server.next();
    expect(again.asked).toBe('WatchList');
    again.error({ code: 429, reason: 'TooManyRequests', message: 'later' });
    expect(await stage.backOff()).toBe(1_600);
    const third = await stage.server.next();
    expect(third.asked).toBe('WatchList');
    third.bookmark('20', 'true');
    await expect.poll(() => stage.told).toEqual(['synced']);
  });

  test('row 21: one that has expired begins anew at once, with nothing of the first', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')]);
    call.error({ code: 410, reason: 'Expired', message: 'too old resource version' });
    const again = await stage.server.next();
    expect(again.asked).toBe('WatchList');
    expect(again.query.has('resourceVersion')).toBe(false);
    again.send(['ADDED', at('b', '12')]);
    again.bookmark('20', 'true');
    await expect.poll(() => stage.told).toEqual(['new > b@12', 'synced']);
  });

  test('row 22: a server that takes sendInitialEvents for nothing is left in time, told of, counted, and listed from then on', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')], ['MODIFIED', at('a', '12')]);
    call.bookmark('20');
    await expect.poll(() => stage.clock.nextIn).toBe(INITIAL_EVENTS_END_WITHIN_MS);
    await stage.clock.advance(INITIAL_EVENTS_END_WITHIN_MS);
    const list = await stage.server.next();
    await expect.poll(() => call.isOpen).toBe(false);
    expect(list.asked).toBe('List');
    list.list([at('a', '12')], '20');
    await stage.server.next();
    expect(stage.told).toEqual(['new > a@12', 'synced']);
    expect(stage.informer.status.restarts).toEqual({ NoInitialEventsEnd: 1 });
    expect(stage.warned).toHaveLength(1);
    stage.watch();
    await stage.registry.drained();
    stage.watch('widgets');
    expect((await stage.server.next()).asked).toBe('List');
  });

  test('row 24: a later WatchList replaces what is known, and what is not in it is removed', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')], ['ADDED', at('b', '12')]);
    call.bookmark('20', 'true');
    call.error({ code: 410, reason: 'Expired', message: 'too old resource version' });
    const again = await stage.server.next();
    again.send(['ADDED', at('b', '12')], ['ADDED', at('c', '31')]);
    again.bookmark('40', 'true');
    await expect.poll(() => stage.told.slice(3)).toEqual(['remove a@11', 'new > c@31', 'synced']);
    expect(stage.informer.status).toMatchObject({ relists: 1, restarts: { Gone: 1 } });
  });

  test('row 52: an answer to a write that comes while a WatchList is on its way is not taken back by it', async () => {
    const { stage, call } = await asked();
    await using _ = stage;
    call.send(['ADDED', at('a', '11')]);
    call.bookmark('20', 'true');
    call.error({ code: 410, reason: 'Expired', message: 'too old resource version' });
    const again = await stage.server.next();
    const stored = stage.informer.store.get('default/a');
    if (stored === undefined) throw new Error('a is not stored');
    stage.informer.accept({ ...stored, resourceVersion: '21', body: undefined });
    again.send(['ADDED', at('a', '11')]);
    again.bookmark('20', 'true');
    await expect.poll(() => stage.told).toEqual(['new > a@11', 'synced', 'a@11 > a@21', 'synced']);
  });
});

test('row 34: what is gathered is cut down already, and a deletion is told with the object as it was stored', async () => {
  await using stage = new Stage(await WatchServer.start(JSON_ENCODING), PROJECTED);
  stage.watch('widgets');
  const removed: CachedObject[] = [];
  stage.informer.addHandler({ change() {}, remove: (object) => removed.push(object), synced() {} });
  const call = await stage.server.next();
  const entry = { manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:spec': {} } } as const;
  call.send(['ADDED', { ...at('a', '11'), managedFields: [entry] }]);
  call.bookmark('20', 'true');
  await expect.poll(() => stage.told).toEqual(['new > a@11', 'synced']);
  const stored = stage.informer.store.get('default/a');
  expect(stored?.body).toEqual({ spec: { of: 'a' } });
  expect(JSON.stringify(stored)).not.toContain('kubectl');
  call.send(['DELETED', at('a', '21')]);
  await expect.poll(() => removed).toHaveLength(1);
  expect(removed[0]).toBe(stored);
});
