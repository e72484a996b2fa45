import { constants } from 'node:http2';
import { afterEach, expect, test } from 'vitest';
import { PATIENCE_MS } from '../../test/cluster/eventually.ts';
import type { ApiCall } from '../../test/support/scripted-api.ts';
import { specOf, WireStage, widget } from '../../test/support/wire-stage.ts';
import { silentLog } from '../base/log.ts';
import type { ListWatch } from '../kube/list-watch.ts';
import { type DesiredWatches, InformerRegistry } from './registry.ts';
import { watchId } from './watch-spec.ts';

let stage: WireStage;

afterEach(() => stage.close());

/** On the connections of the stage. */
function registryOf(listWatch: (resource: string) => ListWatch = stage.listWatch): InformerRegistry {
  return new InformerRegistry({
    createListWatch: ({ gvr }) => listWatch(gvr.resource),
    prepare: () => {},
    clock: stage.clock,
    random: () => 0,
    log: silentLog,
  });
}

/** By one owner; or of each name by those that are named after it. */
function wanted(...kinds: readonly (string | readonly [name: string, ...owners: string[]])[]): DesiredWatches {
  const all = kinds.map((kind) => (typeof kind === 'string' ? ([kind, 'p1'] as const) : kind));
  return new Map(
    all.map(([name, ...owners]) => [watchId(specOf(name)), { spec: specOf(name), owners: new Set(owners) }]),
  );
}

test('row 40: what nobody needs any more ends its watch, once; needed again meanwhile, it lists when that has ended', async () => {
  stage = await WireStage.start();
  const { api } = stage;
  const id = watchId(specOf('widgets'));
  const registry = registryOf();
  registry.reconcile(wanted('widgets'));
  (await api.next('list')).list('10', [widget('a', '5')]);
  const watch = (await api.next('watch 10')).open();
  await expect.poll(() => registry.get(id)?.status.phase).toBe('Watching');
  expect(registry.reconcile(wanted()).stopped).toEqual([id]);
  expect(registry.reconcile(wanted()).stopped).toEqual([]);
  expect(registry.reconcile(wanted('widgets'))).toMatchObject({ delayed: [id], started: [] });
  expect(registry.get(id)).toBeUndefined();
  const again = await api.next('list');
  expect(await watch.ended).toBe(constants.NGHTTP2_CANCEL);
  again.list('20', [widget('a', '5')]);
  (await api.next('watch 20')).open();
  await expect.poll(() => registry.get(id)?.status).toMatchObject({ phase: 'Watching', synced: true, objects: 1 });
  await registry.stopAll();
});

test('row 41: owners that come and go leave the watch of the others open, and ask the server for nothing', async () => {
  stage = await WireStage.start();
  const { api } = stage;
  const id = watchId(specOf('widgets'));
  const registry = registryOf();
  registry.reconcile(wanted(['widgets', 'p1', 'p2']));
  (await api.next('list')).list('10', [widget('a', '5')]);
  const watch = (await api.next('watch 10')).open();
  await expect.poll(() => registry.get(id)?.status.phase).toBe('Watching');
  registry.reconcile(wanted(['widgets', 'p2']));
  registry.reconcile(wanted(['widgets', 'p2', 'p3']));
  watch.send('ADDED', widget('b', '11'));
  await expect.poll(() => registry.get(id)?.status.objects).toBe(2);
  expect(api.unseen).toEqual([]);
  await registry.stopAll();
});

test('row 42: where one watch cannot be made, those that run go on, others begin, and the next try makes the set whole', async () => {
  stage = await WireStage.start();
  const { api, listWatch } = stage;
  let broken = true;
  const registry = registryOf((resource) => {
    if (resource === 'gadgets' && broken) throw new Error('no such path');
    return listWatch(resource);
  });
  const synced = (name: string) => expect.poll(() => registry.get(watchId(specOf(name)))?.status.synced).toBe(true);
  registry.reconcile(wanted('widgets'));
  (await api.next('list')).list('10', [widget('a', '5')]);
  const watch = (await api.next('watch 10')).open();
  await synced('widgets');
  const whole = wanted('widgets', 'gadgets', 'gizmos');
  expect(registry.reconcile(whole).failed).toMatchObject([{ error: { message: 'no such path' } }]);
  (await api.next('list')).list('12');
  (await api.next('watch 12')).open();
  await synced('gizmos');
  broken = false;
  expect(registry.reconcile(whole).started).toEqual([watchId(specOf('gadgets'))]);
  (await api.next('list')).list('13');
  (await api.next('watch 13')).open();
  await synced('gadgets');
  watch.send('ADDED', widget('b', '11'));
  await expect.poll(() => registry.get(watchId(specOf('widgets')))?.status.objects).toBe(2);
  await registry.stopAll();
});

test('row 49: of three kinds two are refused; each of these shows why and waits by itself, and the third syncs', async () => {
  stage = await WireStage.start();
  const { api, clock } = stage;
  const names = ['gadgets', 'gizmos', 'widgets'];
  const registry = registryOf();
  registry.reconcile(wanted(...names));
  const lists = async (count: number): Promise<ReadonlyMap<string, ApiCall>> => {
    const calls: ApiCall[] = [];
    while (calls.length < count) calls.push(await api.next('list'));
    return new Map(calls.map((call) => [call.path.replace('/apis/acme.io/v1/', ''), call]));
  };
  const status = (name: string) => registry.get(watchId(specOf(name)))?.status;
  const phase = (name: string, is: string) => expect.poll(() => status(name)?.phase).toBe(is);
  let asked = await lists(3);
  asked.get('gadgets')?.refuse(403, 'Forbidden');
  await phase('gadgets', 'BackingOff');
  asked.get('gizmos')?.refuse(404, 'NotFound');
  await phase('gizmos', 'BackingOff');
  asked.get('widgets')?.list('10', [widget('a', '5')]);
  const watch = (await api.next('watch 10')).open();
  await phase('widgets', 'Watching');
  expect(names.map((name) => [status(name)?.synced, status(name)?.lastError?.code])).toEqual([
    [false, 'Forbidden'],
    [false, 'NotFound'],
    [true, undefined],
  ]);
  await clock.advance(800);
  asked = await lists(2);
  asked.get('gadgets')?.refuse(403, 'Forbidden');
  await phase('gadgets', 'BackingOff');
  expect(status('gadgets')?.retryAt).toBe(clock.now() + 1_600);
  asked.get('gizmos')?.list('12');
  (await api.next('watch 12')).open();
  await phase('gizmos', 'Watching');
  watch.send('ADDED', widget('b', '11'));
  await expect.poll(() => status('widgets')?.objects).toBe(2);
  await registry.stopAll();
});

test('row 50: of a thousand kinds that begin together eight are listed at a time, all sync, and watches are not counted', async () => {
  stage = await WireStage.start();
  const { api } = stage;
  const names = Array.from({ length: 1_000 }, (_, i) => `kind-${i}`);
  const registry = registryOf();
  registry.reconcile(wanted(...names));
  const listing: ApiCall[] = [];
  let most = 0;
  let watching = 0;
  while (watching < names.length) {
    // What was asked for before this comes before it.
    const probe = stage.listWatch('others').position(AbortSignal.timeout(PATIENCE_MS));
    let call = await api.any();
    for (; call.what !== 'position'; call = await api.any()) {
      if (call.what === 'list') listing.push(call);
      else {
        call.open();
        watching += 1;
      }
    }
    call.list('10');
    await probe;
    most = Math.max(most, listing.length);
    listing.shift()?.list('10', [widget('a', '5')]);
  }
  expect(most).toBe(8);
  await expect.poll(() => [...registry.entries()].every(([, , { status }]) => status.synced)).toBe(true);
  await registry.stopAll();
});
