import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError, ScriptedListWatch } from '../../test/support/scripted-list-watch.ts';
import { silentLog } from '../base/log.ts';
import type { ListPage, ListWatch } from '../kube/list-watch.ts';
import { type DesiredWatch, InformerRegistry } from './registry.ts';
import { type WatchSpec, watchId } from './watch-spec.ts';

const spec = (resource: string, fields: Partial<WatchSpec> = {}): WatchSpec => ({
  gvr: { group: 'acme.io', version: 'v1', resource },
  representation: { kind: 'Metadata' },
  ...fields,
});
const WIDGETS = spec('widgets');
const GADGETS = spec('gadgets');
const selecting = (labelSelector: string) => spec('widgets', { selection: [{ labelSelector }] });

function desired(...wanted: ReadonlyArray<readonly [WatchSpec, ...owners: string[]]>): Map<string, DesiredWatch> {
  return new Map(wanted.map(([of, ...owners]) => [watchId(of), { spec: of, owners: new Set(owners) }]));
}

function setUp(options: { readonly listConcurrency?: number; readonly onWentBack?: () => void } = {}) {
  const clock = new ManualClock();
  const served = new Map<string, ScriptedListWatch[]>();
  const told: string[] = [];
  const registry = new InformerRegistry({
    createListWatch: (of) => {
      const listWatch = new ScriptedListWatch();
      served.set(of.gvr.resource, [...(served.get(of.gvr.resource) ?? []), listWatch]);
      return listWatch;
    },
    prepare: (informer, { gvr }) => {
      const say = (what: string) => void told.push(`${gvr.resource}: ${what}`);
      informer.addHandler({
        change: ({ name }) => say(`change ${name}`),
        remove: ({ name }) => say(`remove ${name}`),
        synced: () => say('synced'),
      });
    },
    clock,
    random: () => 0,
    log: silentLog,
    ...options,
  });
  const transport = (resource: string, life = 0): ScriptedListWatch => {
    const found = served.get(resource)?.[life];
    if (found === undefined) throw new Error(`no life ${life} of ${resource}`);
    return found;
  };
  return { clock, registry, told, transport };
}

/** A thousand kinds on one server, all wanted. */
function ofThousandKinds(clock: ManualClock, listWatch: ListWatch): InformerRegistry {
  const registry = new InformerRegistry({
    createListWatch: () => listWatch,
    prepare: () => {},
    clock,
    random: Math.random,
    log: silentLog,
  });
  const names = Array.from({ length: 1_000 }, (_, i) => `kind-${i}`);
  registry.reconcile(desired(...names.map((name) => [spec(name), 'p1'] as const)));
  return registry;
}

/** A stream that goes on until somebody settles it, or gives it up. */
function untilAborted(signal: AbortSignal): PromiseWithResolvers<void> {
  const stream = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => stream.reject(apiError('Aborted')), { once: true });
  return stream;
}

test('an id tells group, resource, version, namespace, representation and incarnation apart, and nothing else', () => {
  const ids = [
    WIDGETS,
    spec('widgets', { gvr: { group: 'acme.io', version: 'v2', resource: 'widgets' } }),
    spec('widgets', { namespace: 'a' }),
    spec('widgets', { representation: { kind: 'Projected', fields: ['spec'] } }),
    spec('widgets', { representation: { kind: 'Projected', fields: ['spec', 'status'] } }),
    spec('widgets', { incarnation: 'uid-1' }),
    GADGETS,
  ].map(watchId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(watchId(spec('widgets', { representation: { kind: 'Projected', fields: ['status', 'spec'] } }))).toBe(ids[4]);
});

describe('reconcile', () => {
  test('row 40: starts what is missing, stops what has lost its last owner, keeps the rest as it is', async () => {
    const { registry, transport } = setUp();
    const id = watchId(WIDGETS);
    expect(registry.reconcile(desired([WIDGETS, 'p1', 'p2'], [GADGETS, 'p1'])).started).toHaveLength(2);
    const informer = registry.get(id);
    expect(informer?.status.phase).toBe('Syncing');
    expect(registry.reconcile(desired([WIDGETS, 'p2']))).toMatchObject({ started: [], stopped: [watchId(GADGETS)] });
    expect(registry.get(id)).toBe(informer);
    expect([...registry.owners(id)]).toEqual(['p2']);
    expect(registry.reconcile(desired([WIDGETS])).stopped).toEqual([id]);
    expect(registry.reconcile(desired([WIDGETS])).stopped).toEqual([]);
    expect(registry.get(id)).toBeUndefined();
    expect([...registry.entries()]).toEqual([]);
    await registry.drained();
    expect([transport('widgets').running, transport('gadgets').running]).toEqual([0, 0]);
    await registry.stopAll();
  });

  test('rows 40 and 41: what changes for one owner does not disturb the others', async () => {
    const { registry, transport } = setUp();
    registry.reconcile(desired([WIDGETS, 'p1', 'p2']));
    (await transport('widgets').nextList()).answer([], '10');
    const watch = await transport('widgets').nextWatch();
    registry.reconcile(desired([WIDGETS, 'p2']));
    registry.reconcile(desired([WIDGETS, 'p2', 'p3']));
    expect(watch.options.signal.aborted).toBe(false);
    expect(await transport('widgets').quiet()).toBe(true);
    await registry.stopAll();
  });

  test('row 43: where others of a kind are selected, that kind alone is listed, and what is there before and after stays', async () => {
    const { registry, transport, told } = setUp();
    registry.reconcile(desired([selecting('a'), 'p1'], [GADGETS, 'p1']));
    (await transport('widgets').nextList()).answer(
      [cachedObject({ name: 'stays' }), cachedObject({ name: 'leaves' })],
      '10',
    );
    await transport('widgets').nextWatch();
    (await transport('gadgets').nextList()).answer([], '10');
    await transport('gadgets').nextWatch();
    const informer = registry.get(watchId(WIDGETS));
    told.splice(0);
    expect(registry.reconcile(desired([selecting('a,b'), 'p1'], [GADGETS, 'p1']))).toEqual({
      started: [],
      stopped: [],
      delayed: [],
      failed: [],
    });
    expect([registry.get(watchId(WIDGETS)) === informer, told]).toEqual([true, []]);
    (await transport('widgets', 1).nextList()).answer([cachedObject({ name: 'stays' })], '20');
    await transport('widgets', 1).nextWatch();
    expect(told.splice(0)).toEqual(['widgets: remove leaves', 'widgets: synced']);
    registry.reconcile(desired([WIDGETS, 'p1'], [GADGETS, 'p1']));
    (await transport('widgets', 2).nextList()).answer(
      [cachedObject({ name: 'stays' }), cachedObject({ name: 'leaves' })],
      '30',
    );
    await transport('widgets', 2).nextWatch();
    expect(told).toEqual(['widgets: change leaves', 'widgets: synced']);
    expect(await transport('gadgets').quiet()).toBe(true);
    await registry.stopAll();
    expect([0, 1, 2].map((life) => transport('widgets', life).running)).toEqual([0, 0, 0]);
  });

  test('row 44: a kind that goes is told as gone at once, and no request follows', async () => {
    const { registry, transport, told, clock } = setUp();
    registry.reconcile(desired([WIDGETS, 'p1']));
    (await transport('widgets').nextList()).answer([cachedObject({ name: 'a' })], '10');
    (await transport('widgets').nextWatch()).fail(apiError('NotFound'));
    await clock.settle();
    registry.reconcile(desired());
    expect(told).toEqual(['widgets: change a', 'widgets: synced', 'widgets: remove a']);
    await registry.drained();
    await clock.advance(250_000);
    expect(await transport('widgets').quiet()).toBe(true);
    expect(clock.pending).toBe(0);
    await registry.stopAll();
  });

  test('row 45: a CRD made again gets a fresh informer; the old objects are gone before the new ones come', async () => {
    const { registry, transport, told } = setUp();
    registry.reconcile(desired([spec('widgets', { incarnation: 'uid-1' }), 'p1']));
    (await transport('widgets').nextList()).answer([cachedObject({ name: 'old' })], '10');
    await transport('widgets').nextWatch();
    const again = spec('widgets', { incarnation: 'uid-2' });
    registry.reconcile(desired([again, 'p1']));
    (await transport('widgets', 1).nextList()).answer([cachedObject({ name: 'fresh' })], '3');
    await transport('widgets', 1).nextWatch();
    expect(told).toEqual([
      'widgets: change old',
      'widgets: synced',
      'widgets: remove old',
      'widgets: change fresh',
      'widgets: synced',
    ]);
    expect([...(registry.get(watchId(again))?.store.keys() ?? [])]).toEqual(['default/fresh']);
    await registry.stopAll();
  });

  test('row 40: wanted again while it stops: the new one starts when the old one is gone, and only if still wanted', async () => {
    for (const stillWanted of [true, false]) {
      const clock = new ManualClock();
      const lists: Array<(page: ListPage) => void> = [];
      const registry = new InformerRegistry({
        // A transport that lets go only when the test says so.
        createListWatch: () => ({
          list: () => new Promise<ListPage>((resolve) => void lists.push(resolve)),
          position: () => Promise.reject(apiError('Network')),
          watch: () => Promise.reject(apiError('Network')),
        }),
        prepare() {},
        clock,
        random: () => 0,
        log: silentLog,
      });
      const id = watchId(WIDGETS);
      registry.reconcile(desired([WIDGETS, 'p1']));
      await clock.settle();
      expect(registry.reconcile(desired()).stopped).toEqual([id]);
      expect(registry.reconcile(desired([WIDGETS, 'p1']))).toMatchObject({ started: [], delayed: [id] });
      if (!stillWanted) registry.reconcile(desired());
      await clock.settle();
      expect(registry.get(id)).toBeUndefined();
      expect(lists).toHaveLength(1);
      lists[0]?.({ items: [], resourceVersion: '1', continue: '', bytes: 0 });
      await clock.settle();
      expect(lists).toHaveLength(stillWanted ? 2 : 1);
      expect(registry.get(id) !== undefined).toBe(stillWanted);
      const stopped = registry.stopAll();
      lists[1]?.({ items: [], resourceVersion: '1', continue: '', bytes: 0 });
      await stopped;
    }
  });

  test('row 49: a kind that cannot be made or does not sync leaves the others alone, and is tried again', async () => {
    let broken = true;
    const healthy = new ScriptedListWatch();
    const registry = new InformerRegistry({
      createListWatch: ({ gvr }) => {
        if (gvr.resource === 'widgets' && broken) throw new Error('no such path');
        return healthy;
      },
      prepare() {},
      clock: new ManualClock(),
      random: () => 0,
      log: silentLog,
    });
    const wanted = desired([WIDGETS, 'p1'], [GADGETS, 'p1']);
    expect(registry.reconcile(wanted)).toMatchObject({
      started: [watchId(GADGETS)],
      failed: [{ id: watchId(WIDGETS), error: { message: 'no such path' } }],
    });
    broken = false;
    expect(registry.reconcile(wanted)).toMatchObject({ started: [watchId(WIDGETS)], failed: [] });
    await registry.stopAll();
  });

  test('row 49: of kinds that are refused with 403, 404 and 500, each shows its reason and waits by itself; the others sync', async () => {
    const { registry, transport, told, clock } = setUp();
    const refused = { forbidden: 'Forbidden', missing: 'NotFound', broken: 'ServerError' } as const;
    const names = Object.keys(refused) as (keyof typeof refused)[];
    registry.reconcile(desired(...[...names.map((name) => spec(name)), WIDGETS].map((of) => [of, 'p1'] as const)));
    (await transport('widgets').nextList()).answer([cachedObject({ name: 'a' })], '10');
    (await transport('widgets').nextWatch()).open();
    const statusOf = (name: string) => registry.get(watchId(spec(name)))?.status;
    for (const name of names) {
      (await transport(name).nextList()).fail(apiError(refused[name]));
      await clock.settle();
    }
    // One fails again: its wait grows, and that of the others does not.
    await clock.advance(800);
    for (const name of names) await transport(name).nextList();
    const [first] = names;
    expect(first).toBe('forbidden');
    const again = transport('forbidden').calls.at(-1);
    if (again?.kind === 'list') again.fail(apiError('Forbidden'));
    await clock.settle();
    expect(statusOf('forbidden')).toMatchObject({
      phase: 'BackingOff',
      synced: false,
      lastError: { code: 'Forbidden' },
      retryAt: clock.now() + 1_600,
    });
    for (const name of ['missing', 'broken'] as const)
      expect(statusOf(name)).toMatchObject({ phase: 'Syncing', synced: false, lastError: { code: refused[name] } });
    expect(statusOf('widgets')).toMatchObject({ phase: 'Watching', synced: true, lastError: undefined });
    expect(told).toEqual(['widgets: change a', 'widgets: synced']);
    await registry.stopAll();
  });

  test('row 42: where one watch cannot be made, those that run stay as they are, the others start, and the next try makes the set whole', async () => {
    for (const fault of ['transport', 'prepare'] as const) {
      let broken = true;
      const made: string[] = [];
      const requests = new Map<string, ScriptedListWatch>();
      const registry = new InformerRegistry({
        createListWatch: ({ gvr }) => {
          if (gvr.resource === 'gadgets' && broken && fault === 'transport') throw new Error('no such path');
          made.push(gvr.resource);
          const listWatch = new ScriptedListWatch();
          requests.set(gvr.resource, listWatch);
          return listWatch;
        },
        prepare: (_, { gvr }) => {
          if (gvr.resource === 'gadgets' && broken && fault === 'prepare') throw new Error('not prepared');
        },
        clock: new ManualClock(),
        random: () => 0,
        log: silentLog,
      });
      registry.reconcile(desired([WIDGETS, 'p1']));
      const running = registry.get(watchId(WIDGETS));
      const next = desired([WIDGETS, 'p1'], [GADGETS, 'p2'], [spec('things'), 'p2']);
      const { started, stopped, failed } = registry.reconcile(next);
      expect([started, stopped, failed.map(({ id }) => id)], fault).toEqual([
        [watchId(spec('things'))],
        [],
        [watchId(GADGETS)],
      ]);
      expect([registry.get(watchId(WIDGETS)), registry.get(watchId(GADGETS))], fault).toEqual([running, undefined]);
      expect(requests.get('gadgets')?.calls ?? [], fault).toEqual([]);
      broken = false;
      made.length = 0;
      expect(registry.reconcile(next)).toMatchObject({ started: [watchId(GADGETS)], stopped: [], failed: [] });
      expect([made, registry.get(watchId(WIDGETS))], fault).toEqual([['gadgets'], running]);
      await registry.stopAll();
    }
  });

  test('row 42: what is not wanted any more ends also where what is to take its place cannot be made', async () => {
    const told: string[] = [];
    let broken = true;
    const registry = new InformerRegistry({
      createListWatch: ({ gvr }) => {
        if (gvr.resource === 'things' && broken) throw new Error('no such path');
        return new ScriptedListWatch();
      },
      prepare: (_, { gvr }) => told.push(gvr.resource),
      clock: new ManualClock(),
      random: () => 0,
      log: silentLog,
    });
    registry.reconcile(desired([WIDGETS, 'p1']));
    const next = desired([spec('things'), 'p1'], [GADGETS, 'p1']);
    expect(registry.reconcile(next)).toMatchObject({
      started: [watchId(GADGETS)],
      stopped: [watchId(WIDGETS)],
      failed: [{ id: watchId(spec('things')), error: { message: 'no such path' } }],
    });
    const runs = () => [...registry.entries()].map(([, { gvr }]) => gvr.resource);
    expect(runs()).toEqual(['gadgets']);
    broken = false;
    expect(registry.reconcile(next)).toMatchObject({ started: [watchId(spec('things'))], stopped: [], failed: [] });
    expect([runs(), told]).toEqual([
      ['gadgets', 'things'],
      ['widgets', 'gadgets', 'things'],
    ]);
    await registry.stopAll();
  });

  test('row 50: of 1,000 kinds that start together, eight list at a time, and all sync', async () => {
    const clock = new ManualClock();
    let listing = 0;
    let most = 0;
    let watching = 0;
    const registry = ofThousandKinds(clock, {
      list: async () => {
        listing += 1;
        most = Math.max(most, listing);
        await clock.settle();
        listing -= 1;
        return { items: [cachedObject({ name: 'a' })], resourceVersion: '10', continue: '', bytes: 100 };
      },
      position: async () => '',
      watch: ({ signal, onOpen }) => {
        watching += 1;
        onOpen?.();
        return untilAborted(signal).promise;
      },
    });
    await expect.poll(() => watching).toBe(1_000);
    expect(most).toBe(8);
    expect([...registry.entries()].every(([, , { status }]) => status.synced && status.objects === 1)).toBe(true);
    await registry.stopAll();
    expect(clock.pending).toBe(0);
  });

  test('rows 5 and 50: a thousand watches that break together are resumed, and none lists, however long the server asks to wait', async () => {
    const clock = new ManualClock();
    const broken: PromiseWithResolvers<void>[] = [];
    let lists = 0;
    let asking = 0;
    let most = 0;
    let overloaded = true;
    const registry = ofThousandKinds(clock, {
      list: async () => {
        lists += 1;
        return { items: [], resourceVersion: '10', continue: '', bytes: 0 };
      },
      position: async () => {
        asking += 1;
        most = Math.max(most, asking);
        await new Promise<void>((resolve) => clock.after(1_000, resolve));
        asking -= 1;
        if (overloaded) throw apiError('TooManyRequests', { retryAfterMs: 30_000 });
        return '10';
      },
      watch: ({ signal, onAsked, onOpen }) => {
        onAsked?.();
        onOpen?.();
        const watch = untilAborted(signal);
        broken.push(watch);
        return watch.promise;
      },
    });
    await expect.poll(() => broken.length).toBe(1_000);
    await clock.advance(2_000);
    for (const { reject } of broken.splice(0)) reject(apiError('Network'));
    await clock.advance(180_000);
    expect([lists, broken.length]).toEqual([1_000, 0]);
    overloaded = false;
    await clock.advance(250_000);
    expect([lists, broken.length, most]).toEqual([1_000, 1_000, 8]);
    const restarts = [...registry.entries()].map(([, , { status }]) => Object.keys(status.restarts));
    expect(new Set(restarts.flat())).toEqual(new Set(['Network', 'TooManyRequests']));
    await registry.stopAll();
    expect(clock.pending).toBe(0);
  });

  test('row 50: lists wait for their turn, and a kind that is no longer wanted gives its turn up', async () => {
    const { registry, transport } = setUp({ listConcurrency: 1 });
    registry.reconcile(desired([WIDGETS, 'p1'], [GADGETS, 'p1'], [spec('things'), 'p1']));
    const list = await transport('widgets').nextList();
    expect(await transport('gadgets').quiet()).toBe(true);
    registry.reconcile(desired([WIDGETS, 'p1'], [spec('things'), 'p1']));
    list.answer([], '10');
    await transport('widgets').nextWatch();
    await transport('things').nextList();
    expect(transport('gadgets').calls).toEqual([]);
    await registry.stopAll();
  });
});

test('a kind that reaches the server again wakes a few others that cannot yet, and these wake the next', async () => {
  const { clock, registry, transport } = setUp();
  const names = Array.from({ length: 12 }, (_, i) => `kind-${i}`);
  registry.reconcile(desired(...names.map((name) => [spec(name), 'a'] as const)));
  const informers = names.map((name) => registry.get(watchId(spec(name))));
  for (const name of names) (await transport(name).nextList()).answer([], '10');
  const watches = await Promise.all(names.map((name) => transport(name).nextWatch()));
  for (const watch of watches) watch.fail(apiError('Network'));
  await clock.settle();
  const trying = () => informers.filter((informer) => informer?.status.phase === 'Connecting').length;
  expect(trying()).toBe(0);
  await clock.advanceToNext();
  // Without jitter all are due at once; they fail again, and wait for twice as long.
  for (const name of names) (await transport(name).nextWatch()).fail(apiError('Network'));
  await clock.settle();
  const [first = '', ...others] = names;
  registry.get(watchId(spec(first)))?.retry();
  (await transport(first).nextWatch()).open();
  await clock.settle();
  expect(trying()).toBe(4);
  for (const name of others.slice(0, 2)) (await transport(name).nextWatch()).open();
  await clock.settle();
  // Two succeeded and woke the seven that were left.
  expect(trying()).toBe(9);
  await registry.stopAll();
});

test.each([
  ['Network', {}, true],
  ['ServerError', {}, true],
  ['Unavailable', {}, true],
  ['Timeout', {}, true],
  ['BadResponse', {}, true],
  // What the server says of this kind alone, or of a time to wait.
  ['Forbidden', {}, false],
  ['NotFound', {}, false],
  ['TooManyRequests', {}, false],
  ['Unavailable', { retryAfterMs: 30_000 }, false],
] as const)('a sign that the server works again wakes what failed of %s %j: %s', async (code, fields, isWoken) => {
  const { clock, registry, transport } = setUp();
  registry.reconcile(desired([WIDGETS, 'a'], [GADGETS, 'a']));
  (await transport('gadgets').nextList()).answer([], '10');
  (await transport('gadgets').nextWatch()).open();
  (await transport('widgets').nextList()).fail(apiError(code, fields));
  await clock.settle();
  const informer = registry.get(watchId(WIDGETS));
  expect(informer?.status.phase).toBe('BackingOff');
  registry.wake();
  expect(informer?.status.phase).toBe(isWoken ? 'Syncing' : 'BackingOff');
  expect(registry.get(watchId(GADGETS))?.status.phase).toBe('Watching');
  await registry.stopAll();
});

test('kinds that fail by turns wake each other once in a while, not without end', async () => {
  const { clock, registry, transport } = setUp();
  registry.reconcile(desired([WIDGETS, 'a'], [GADGETS, 'a']));
  const kinds = ['widgets', 'gadgets'] as const;
  for (const kind of kinds) (await transport(kind).nextList()).answer([], '10');
  for (const kind of kinds) (await transport(kind).nextWatch()).fail(apiError('ServerError'));
  await clock.settle();
  const waiting = () => kinds.filter((kind) => registry.get(watchId(spec(kind)))?.status.phase === 'BackingOff');
  expect(waiting()).toEqual(kinds);
  registry.wake();
  expect(waiting()).toEqual([]);
  for (const kind of kinds) {
    const watch = await transport(kind).nextWatch();
    watch.open();
    watch.fail(apiError('ServerError'));
    await clock.settle();
  }
  registry.wake();
  expect(waiting()).toEqual(kinds);
  await registry.stopAll();
});

test('kube-apiserver went back in time, as a list shows where it could not be asked before: all is listed anew', async () => {
  let wentBack = 0;
  const { clock, registry, transport } = setUp({ onWentBack: () => (wentBack += 1) });
  const first: WatchSpec = { ...spec('firsts'), gvr: { group: '', version: 'v1', resource: 'firsts' } };
  registry.reconcile(desired([first, 'p1'], [WIDGETS, 'p1']));
  for (const kind of ['firsts', 'widgets']) {
    (await transport(kind).nextList()).answer([cachedObject({ name: kind })], '10');
    (await transport(kind).nextWatch()).open();
  }
  transport('firsts').position = async () => Promise.reject(apiError('Forbidden'));
  await clock.advance(5_000);
  const [, watch] = transport('firsts').calls;
  if (watch?.kind === 'watch') watch.fail(apiError('Network'));
  await clock.settle();
  await clock.advanceToNext();
  expect(wentBack).toBe(0);
  (await transport('firsts').nextList()).answer([], '9');
  await clock.settle();
  expect([wentBack, registry.get(watchId(WIDGETS))?.synced]).toEqual([1, false]);
  (await transport('widgets').nextList()).answer([], '8');
  (await transport('firsts').nextList()).answer([], '8');
  await clock.advance(60_000);
  expect([wentBack, registry.get(watchId(WIDGETS))?.synced]).toEqual([1, true]);
  await registry.stopAll();
});

test.each([
  ['kube-apiserver went back in time: what else was known is listed anew too', '', 1],
  ['a server that serves a group of its own did: nothing else is listed', 'metrics.example', 0],
] as const)('%s', async (_what, group, times) => {
  let wentBack = 0;
  const { clock, registry, transport } = setUp({ onWentBack: () => (wentBack += 1) });
  const first: WatchSpec = { ...spec('firsts'), gvr: { group, version: 'v1', resource: 'firsts' } };
  registry.reconcile(desired([first, 'p1'], [WIDGETS, 'p1']));
  for (const kind of ['firsts', 'widgets']) {
    (await transport(kind).nextList()).answer([cachedObject({ name: kind })], '10');
    (await transport(kind).nextWatch()).open();
  }
  transport('firsts').position = async () => '9';
  await clock.advance(5_000);
  const [, watch] = transport('firsts').calls;
  if (watch?.kind === 'watch') watch.fail(apiError('Network'));
  await clock.settle();
  expect(wentBack).toBe(times);
  if (times === 1) registry.serverWentBack('leases.coordination.k8s.io');
  expect(wentBack).toBe(times);
  const { synced } = registry.get(watchId(WIDGETS)) ?? {};
  expect([synced, await transport('widgets').quiet()]).toEqual(times === 1 ? [false, false] : [true, true]);
  // It is listed anew itself, once.
  (await transport('firsts').nextList()).answer([], '9');
  (await transport('firsts').nextWatch()).open();
  expect(await transport('firsts').quiet()).toBe(true);
  if (times === 1) (await transport('widgets').nextList()).answer([], '9');
  await clock.settle();
  expect(registry.get(watchId(WIDGETS))?.synced).toBe(true);
  await registry.stopAll();
});

test('rows 32 and 33: stopAll ends everything without telling removals, and the registry takes no more orders', async () => {
  const { registry, transport, told, clock } = setUp();
  registry.reconcile(desired([WIDGETS, 'p1'], [GADGETS, 'p1']));
  (await transport('widgets').nextList()).answer([cachedObject({ name: 'a' })], '10');
  await transport('widgets').nextWatch();
  await registry.stopAll();
  expect(told).toEqual(['widgets: change a', 'widgets: synced']);
  expect([clock.pending, transport('widgets').running, transport('gadgets').running]).toEqual([0, 0, 0]);
  expect(() => registry.reconcile(desired())).toThrow(expect.objectContaining({ code: 'Stopped' }));
  await registry.stopAll();
});
