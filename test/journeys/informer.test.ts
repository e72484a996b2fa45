import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Representation } from '../../src/api/object.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { Informer, type InformerStatus } from '../../src/informer/informer.ts';
import { type WatchListChoice, WatchLists } from '../../src/informer/watch-lists.ts';
import { loadCredentials } from '../../src/kube/credentials.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createKubeClient, type HttpKubeClient, userAgentOf } from '../../src/kube/http-client.ts';
import type { ListWatch } from '../../src/kube/list-watch.ts';
import { createListWatch, type ListWatchTarget } from '../../src/kube/list-watch-client.ts';
import { type Admin, createAdmin } from '../cluster/api.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../cluster/eventually.ts';
import type { Manifest } from '../cluster/kube-object.ts';

let cluster: ControlPlane;
let admin: Admin;
let client: HttpKubeClient;
let namespace: string;
const running = new Set<Informer>();

beforeAll(async () => {
  cluster = await startControlPlane();
  admin = await createAdmin(cluster);
  namespace = await admin.createNamespace('informer');
  const credentials = await loadCredentials({ kubeconfig: cluster.kubeconfig }, systemClock, silentLog);
  client = createKubeClient({ credentials, userAgent: userAgentOf('test'), clock: systemClock, log: silentLog });
});

afterEach(async () => {
  for (const informer of running) await informer.stop();
  running.clear();
});

afterAll(async () => {
  await client.close();
  admin.close();
  await cluster.stop();
});

const configMaps = (): ListWatchTarget => ({
  gvr: { group: '', version: 'v1', resource: 'configmaps' },
  namespace,
  representation: { kind: 'Projected', fields: ['data'] },
});

const configMap = (name: string, value = 'first'): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { value },
});

const pathOf = (name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

interface Watched {
  readonly informer: Informer;
  /** `+name`, `~name`, `-name` for new, changed and removed objects, in the order in which they were told. */
  readonly told: string[];
}

function watch(listWatch: ListWatch, watchList?: WatchListChoice): Watched {
  const informer = new Informer({
    listWatch,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    name: 'journey',
    watchList,
  });
  const told: string[] = [];
  informer.addHandler({
    change: ({ name }, previous) => told.push(`${previous === undefined ? '+' : '~'}${name}`),
    remove: ({ name }) => told.push(`-${name}`),
    synced() {},
  });
  running.add(informer);
  informer.start();
  return { informer, told };
}

async function untilTold({ told }: Watched, ...wanted: readonly string[]): Promise<void> {
  const has = async () => told;
  await eventually(`told ${wanted.join(' ')}`, has, (all) => wanted.every((one) => all.includes(one)));
}

async function until({ informer }: Watched, wanted: (status: InformerStatus) => boolean): Promise<InformerStatus> {
  return eventually('the status', async () => informer.status, wanted);
}

interface Version {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

const versionOf = ({ name, uid, resourceVersion }: Version) => [name, uid, resourceVersion].join(' ');

/** What the store says is what the API server says, object by object and version by version. */
async function expectSameAsServer({ informer }: Watched): Promise<void> {
  const { items } = await admin.list(`/api/v1/namespaces/${namespace}/configmaps`);
  const truth = new Set(items.map(({ metadata }) => versionOf(metadata)));
  await eventually(
    'the store',
    async () => [...informer.store.values()].map(versionOf),
    (stored) => stored.length === truth.size && stored.every((one) => truth.has(one)),
  );
}

const broken = () => new ApiError({ code: 'Network', status: 0, reason: '', message: 'the network is cut' });

/** A network that can be cut: watches break, and new requests find nobody. */
function cuttable(inner: ListWatch) {
  let cut = false;
  const live = new Set<AbortController>();
  const through: ListWatch = {
    list: async (options) => {
      if (cut) throw broken();
      return inner.list(options);
    },
    position: async (signal) => {
      if (cut) throw broken();
      return inner.position(signal);
    },
    watch: async (options) => {
      if (cut) throw broken();
      const wire = new AbortController();
      live.add(wire);
      try {
        await inner.watch({ ...options, signal: AbortSignal.any([options.signal, wire.signal]) });
      } catch (error) {
        throw wire.signal.aborted ? broken() : error;
      } finally {
        live.delete(wire);
      }
    },
  };
  return {
    listWatch: through,
    cut: () => {
      cut = true;
      for (const wire of live) wire.abort();
    },
    mend: () => {
      cut = false;
    },
  };
}

async function expectToFollow(watched: Watched): Promise<void> {
  await admin.create(configMap('a'));
  await admin.patch(pathOf('a'), { data: { value: 'second' } });
  await admin.delete(pathOf('a'));
  await untilTold(watched, '+a', '~a', '-a');
  expect(watched.told.slice(-3)).toEqual(['+a', '~a', '-a']);
}

describe('an informer of ConfigMaps', () => {
  test('rows 1 and 11: lists in pages, then follows each creation, change and deletion, with no list more', async () => {
    await admin.createMany(Array.from({ length: 1_200 }, (_, i) => configMap(`many-${i}`)));
    const watched = watch(createListWatch(client, configMaps()));
    await until(watched, ({ synced, phase }) => synced && phase === 'Watching');
    await expectSameAsServer(watched);
    await expectToFollow(watched);
    await admin.delete(`/api/v1/namespaces/${namespace}/configmaps`);
    await eventually(
      'the store',
      async () => watched.informer.store.size,
      (size) => size === 0,
    );
    expect(watched.informer.status).toMatchObject({ relists: 0, restarts: {}, lastError: undefined });
  });

  test.each<[string, Representation]>([
    ['metadata, as protobuf', { kind: 'Metadata' }],
    ['data, as JSON', { kind: 'Projected', fields: ['data'] }],
  ])(
    'row 16: one WatchList of %s brings all objects, and goes on as the watch, with no request more',
    async (_what, representation) => {
      await admin.createMany(Array.from({ length: 300 }, (_, i) => configMap(`whole-${i}`)));
      const asked: string[] = [];
      const inner = createListWatch(client, { ...configMaps(), representation });
      const listWatch: ListWatch = {
        list: (options) => {
          asked.push('list');
          return inner.list(options);
        },
        position: (signal) => inner.position(signal),
        watch: (options) => {
          asked.push(options.sendInitialEvents === true ? 'WatchList' : 'watch');
          return inner.watch(options);
        },
      };
      const watched = watch(listWatch, new WatchLists(systemClock, silentLog).of('configmaps v1'));
      await until(watched, ({ synced }) => synced);
      await expectSameAsServer(watched);
      await expectToFollow(watched);
      const [stored] = watched.informer.store.values();
      expect(stored?.body).toEqual(representation.kind === 'Metadata' ? undefined : { data: { value: 'first' } });
      expect(asked).toEqual(['WatchList']);
      await watched.informer.stop();
      await admin.delete(`/api/v1/namespaces/${namespace}/configmaps`);
    },
  );

  describe('rows 8, 24 and 25: that was away for longer than history lasts', () => {
    test('N1: after a gap whose history is compacted, 410 leads to one list that finds what came, changed, went and was made again', async () => {
      await admin.createMany(['stays', 'changes', 'goes', 'again'].map((name) => configMap(name)));
      const network = cuttable(createListWatch(client, configMaps()));
      const watched = watch(network.listWatch);
      await until(watched, ({ synced, phase }) => synced && phase === 'Watching');
      watched.told.length = 0;

      network.cut();
      await until(watched, ({ phase, lastError }) => phase === 'BackingOff' && lastError?.code === 'Network');
      await admin.patch(pathOf('changes'), { data: { value: 'second' } });
      await admin.delete(pathOf('goes'));
      await admin.delete(pathOf('again'));
      await admin.create(configMap('again'));
      await admin.create(configMap('comes'));
      await cluster.compactEtcd();
      await cluster.restartApiServer();
      expect(watched.told).toEqual([]);
      network.mend();

      await until(watched, ({ phase, relists }) => phase === 'Watching' && relists > 0);
      expect(watched.told.toSorted()).toEqual(['+again', '+comes', '-again', '-goes', '~changes']);
      expect(watched.told.indexOf('-again')).toBeLessThan(watched.told.indexOf('+again'));
      expect(watched.informer.status.restarts.Gone).toBe(1);
      await expectSameAsServer(watched);
    });
  });

  describe('row 6: of a server that takes no connections', () => {
    test('N4: stays synced while the API server is killed and comes back, and misses nothing', async () => {
      await admin.create(configMap('before'));
      const watched = watch(createListWatch(client, configMaps()));
      await until(watched, ({ synced, phase }) => synced && phase === 'Watching');
      await cluster.killApiServer();
      const down = await until(watched, ({ phase }) => phase === 'BackingOff');
      expect(down).toMatchObject({ synced: true, lastError: { code: 'Network' } });
      await cluster.startApiServer();
      await admin.waitForList(`/api/v1/namespaces/${namespace}/configmaps`, () => true);
      await admin.create(configMap('after'));
      await admin.delete(pathOf('before'));
      await eventually(
        'told',
        async () => watched.told,
        (told) => told.includes('+after') && told.includes('-before'),
      );
      await expectSameAsServer(watched);
      expect((await until(watched, ({ phase }) => phase === 'Watching')).lastError).toBeUndefined();
    });
  });

  test('row 44: says that its kind is gone when the CRD goes, after each object was told as removed', async () => {
    const group = 'informer.test';
    await admin.create(widgetCrd(group));
    await admin.waitForCrd(`widgets.${group}`);
    await admin.create({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w', namespace } });
    const gvr = { group, version: 'v1', resource: 'widgets' };
    const watched = watch(createListWatch(client, { gvr, representation: { kind: 'Metadata' } }));
    await until(watched, ({ objects, phase }) => objects === 1 && phase === 'Watching');
    await admin.delete(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`);
    await until(watched, ({ lastError, objects }) => lastError?.code === 'NotFound' && objects === 0);
    expect(watched.told).toEqual(['+w', '-w']);
  });
});

function widgetCrd(group: string): Manifest {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}
