import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CachedObject } from '../../src/api/object.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { ledgerStore } from '../../src/controller/ledger-store.ts';
import { reviewSelfAccess } from '../../src/kube/access-review.ts';
import { applyMetadata } from '../../src/kube/apply.ts';
import { applyConfigMap } from '../../src/kube/config-maps.ts';
import { loadCredentials } from '../../src/kube/credentials.ts';
import { DiscoveryClient } from '../../src/kube/discovery-client.ts';
import { createKubeClient, type HttpKubeClient, userAgentOf } from '../../src/kube/http-client.ts';
import type { ListWatch, WatchEvent } from '../../src/kube/list-watch.ts';
import { createListWatch } from '../../src/kube/list-watch-client.ts';
import { type Admin, createAdmin } from '../cluster/api.ts';
import type { ClusterHandle } from '../cluster/cluster-handle.ts';
import { eventually } from '../cluster/eventually.ts';
import type { Manifest } from '../cluster/kube-object.ts';
import { sharedControlPlane } from '../cluster/shared.ts';

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' };
const signal = new AbortController().signal;

let cluster: ClusterHandle;
let admin: Admin;
let client: HttpKubeClient;
/** Statuses of all answers, in order. */
const statuses: number[] = [];

async function connect(kubeconfig: string, ownNamespace?: string): Promise<HttpKubeClient> {
  return createKubeClient({
    credentials: await loadCredentials({ kubeconfig }, systemClock, silentLog),
    ownNamespace,
    userAgent: userAgentOf('test'),
    clock: systemClock,
    log: silentLog,
    onRequest: ({ status }) => statuses.push(status),
  });
}

beforeAll(async () => {
  cluster = await sharedControlPlane();
  admin = await createAdmin(cluster);
  client = await connect(cluster.kubeconfig);
});

afterAll(async () => {
  await client.close();
  admin.close();
});

const configMap = (namespace: string, name: string, labels = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
  data: { value: 'ü\u2028' },
});

async function listAll(
  listWatch: ListWatch,
  limit: number,
): Promise<{ items: CachedObject[]; pages: number; version: string }> {
  const items: CachedObject[] = [];
  let pages = 0;
  let next: string | undefined;
  for (;;) {
    const page = await listWatch.list({ limit, continue: next, signal });
    items.push(...page.items);
    pages += 1;
    if (page.continue === '') return { items, pages, version: page.resourceVersion };
    next = page.continue;
  }
}

/** The object with all that the room knows of it, as metadata. */
async function read(namespace: string, name: string): Promise<CachedObject> {
  const { items } = await listAll(metadataOf(namespace), 500);
  const found = items.find((item) => item.name === name);
  if (found === undefined) throw new Error(`there is no ${namespace}/${name}`);
  return found;
}

const metadataOf = (namespace: string): ListWatch =>
  createListWatch(client, { gvr: CONFIG_MAPS, namespace, representation: { kind: 'Metadata' } });

const dataOf = (namespace: string): ListWatch =>
  createListWatch(client, { gvr: CONFIG_MAPS, namespace, representation: { kind: 'Projected', fields: ['data'] } });

/** A watch that runs until `stop`; `told` gathers what it says. */
function watch(listWatch: ListWatch, resourceVersion: string) {
  const told: WatchEvent[] = [];
  const controller = new AbortController();
  const opened = Promise.withResolvers<void>();
  const ended = listWatch.watch({
    resourceVersion,
    timeoutSeconds: 60,
    signal: controller.signal,
    onOpen: opened.resolve,
    onEvent: (event) => told.push(event),
  });
  const stop = async () => {
    controller.abort();
    await expect(ended).rejects.toMatchObject({ code: 'Aborted' });
  };
  const objects = () => told.map((event) => ('object' in event ? `${event.type} ${event.object.name}` : event.type));
  return { told, objects, opened: opened.promise, stop };
}

describe('lists and watches', () => {
  test('1,200 ConfigMaps come in pages, and protobuf and JSON say the same of each', async () => {
    const namespace = await admin.createNamespace('kube-pages');
    const names = Array.from({ length: 1200 }, (_, index) => `c-${index.toString().padStart(4, '0')}`);
    await admin.createMany(
      names.map((name, index) => configMap(namespace, name, { shard: `${index % 7}`, ['n/a']: name })),
    );

    const metadata = await listAll(metadataOf(namespace), 500);
    expect(metadata.pages).toBe(3);
    expect(metadata.items.filter(({ name }) => name !== 'kube-root-ca.crt').map(({ name }) => name)).toEqual(names);

    const projected = await listAll(dataOf(namespace), 500);
    expect(projected.items.map((item) => ({ ...item, body: undefined }))).toEqual(metadata.items);
    expect(projected.items.find(({ name }) => name === 'c-0000')?.body).toEqual({ data: { value: 'ü\u2028' } });
  });

  test('a watch tells each change in order, in protobuf and in JSON', async () => {
    const namespace = await admin.createNamespace('kube-watch');
    const path = `/api/v1/namespaces/${namespace}/configmaps/a`;
    for (const listWatch of [metadataOf(namespace), dataOf(namespace)]) {
      const { version } = await listAll(listWatch, 500);
      const { told, objects, opened, stop } = watch(listWatch, version);
      await opened;
      await admin.create(configMap(namespace, 'a'));
      await admin.patch(path, { metadata: { labels: { team: 'x' } } });
      await admin.delete(path);
      await eventually(
        'three events',
        async () => objects(),
        (seen) => seen.length >= 3,
      );
      expect(objects()).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
      expect(told[1]).toMatchObject({ object: { labels: { team: 'x' } } });
      await stop();
      const before = told.length;
      await admin.create(configMap(namespace, 'a'));
      await admin.delete(path);
      await nextTurn();
      expect(told).toHaveLength(before);
    }
  });

  test('rows 12 and 14: a bookmark carries a watch past what happened elsewhere, and the watch ends cleanly at its time', async () => {
    const quiet = await admin.createNamespace('kube-quiet');
    const listWatch = metadataOf(quiet);
    const { version } = await listAll(listWatch, 500);
    const elsewhere = await admin.createNamespace('kube-elsewhere');
    const events: WatchEvent[] = [];
    await listWatch.watch({
      resourceVersion: version,
      // The server sends a bookmark 2 s before the end, in time also when it is busy.
      timeoutSeconds: 6,
      signal,
      // What happened before the watch is open moves it on without a bookmark.
      onOpen: () => void admin.create(configMap(elsewhere, 'a')),
      onEvent: (event) => events.push(event),
    });
    // One, or where the server is busy two.
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(event).toMatchObject({ type: 'BOOKMARK', initialEventsEnd: false });
    const [bookmark] = events;
    expect(Number(bookmark?.type === 'BOOKMARK' ? bookmark.resourceVersion : 0)).toBeGreaterThan(Number(version));
  });

  test('a kind that is not served is NotFound, for a list and for a watch', async () => {
    const gvr = { group: 'nobody.example.com', version: 'v1', resource: 'nothings' };
    const listWatch = createListWatch(client, { gvr, representation: { kind: 'Metadata' } });
    await expect(listWatch.list({ signal })).rejects.toMatchObject({ code: 'NotFound' });
    const watching = listWatch.watch({ resourceVersion: '1', timeoutSeconds: 60, signal, onEvent: () => {} });
    await expect(watching).rejects.toMatchObject({ code: 'NotFound' });
  });
});

describe('applying labels and annotations', () => {
  const wanted = { kind: 'ConfigMap', gvr: CONFIG_MAPS, fieldManager: 'watchkeeper', annotations: {}, signal };

  test('sets, changes and takes back exactly our own keys, and knows which they are', async () => {
    const namespace = await admin.createNamespace('kube-apply');
    await admin.create(configMap(namespace, 'a', { theirs: '1' }));
    const { uid } = await read(namespace, 'a');
    const target = { ...wanted, namespace, name: 'a', uid };

    const first = await applyMetadata(client, {
      ...target,
      labels: { team: 'x', env: 'prod' },
      annotations: { note: 'n' },
    });
    expect(first).toMatchObject({
      labels: { theirs: '1', team: 'x', env: 'prod' },
      annotations: { note: 'n' },
      applied: { labels: ['env', 'team'], annotations: ['note'] },
    });
    const retained = { ...target, fieldManager: 'watchkeeper-retained', labels: { kept: 'k' } };
    expect((await applyMetadata(client, retained)).retained).toEqual({ labels: ['kept'], annotations: [] });

    const second = await applyMetadata(client, { ...target, labels: { team: 'y' } });
    expect(second.labels).toEqual({ theirs: '1', team: 'y', kept: 'k' });
    expect(second.annotations).toEqual({});
    const last = await applyMetadata(client, { ...target, labels: {} });
    expect(last).toMatchObject({ labels: { theirs: '1', kept: 'k' }, applied: { labels: [], annotations: [] } });
    expect(await read(namespace, 'a')).toEqual(last);
  });

  test('an apply that changes nothing leaves the resourceVersion alone', async () => {
    const namespace = await admin.createNamespace('kube-apply');
    await admin.create(configMap(namespace, 'a'));
    const target = { ...wanted, namespace, name: 'a', uid: (await read(namespace, 'a')).uid, labels: { team: 'x' } };
    const first = await applyMetadata(client, target);
    expect(await applyMetadata(client, target)).toEqual(first);
  });

  test('an object that is gone is a Conflict and is not created', async () => {
    const namespace = await admin.createNamespace('kube-apply');
    await admin.create(configMap(namespace, 'a'));
    const { uid } = await read(namespace, 'a');
    await admin.delete(`/api/v1/namespaces/${namespace}/configmaps/a`);
    const applying = applyMetadata(client, { ...wanted, namespace, name: 'a', uid, labels: { team: 'x' } });
    await expect(applying).rejects.toMatchObject({ code: 'Conflict', status: 409 });
    expect(await admin.find(`/api/v1/namespaces/${namespace}/configmaps/a`)).toBeUndefined();
  });

  test('another object of the same name is Invalid, with metadata.uid as the cause', async () => {
    const namespace = await admin.createNamespace('kube-apply');
    await admin.create(configMap(namespace, 'a'));
    const { uid } = await read(namespace, 'a');
    await admin.delete(`/api/v1/namespaces/${namespace}/configmaps/a`);
    await admin.create(configMap(namespace, 'a'));
    const applying = applyMetadata(client, { ...wanted, namespace, name: 'a', uid, labels: { team: 'x' } });
    await expect(applying).rejects.toMatchObject({ code: 'Invalid', status: 422 });
    await expect(applying).rejects.toHaveProperty('causes.0.field', 'metadata.uid');
    expect((await read(namespace, 'a')).labels).toEqual({});
  });

  test('a resourceVersion that is not the last is a Conflict', async () => {
    const namespace = await admin.createNamespace('kube-apply');
    await admin.create(configMap(namespace, 'a'));
    const { uid, resourceVersion } = await read(namespace, 'a');
    const target = { ...wanted, namespace, name: 'a', uid, resourceVersion };
    await applyMetadata(client, { ...target, labels: { team: 'x' } });
    await expect(applyMetadata(client, { ...target, labels: { team: 'y' } })).rejects.toMatchObject({
      code: 'Conflict',
    });
  });
});

/** An empty namespace for a ledger, and its stores, as replicas have them. */
async function ledgerHome() {
  const namespace = await admin.createNamespace('kube-ledger');
  const path = `/api/v1/namespaces/${namespace}/configmaps/watchkeeper-ledger`;
  const own = await connect(cluster.kubeconfig, namespace);
  return { path, own, storeOf: () => ledgerStore(own, namespace, signal) };
}

describe('the ledger', () => {
  test('is created by its first write, replaced by the next and read back', async () => {
    const { own, storeOf } = await ledgerHome();
    const store = storeOf();
    expect(await store.read()).toBeUndefined();
    await store.write({ kinds: 'x', 'policy.a': 'y' });
    expect(await storeOf().read()).toEqual({ kinds: 'x', 'policy.a': 'y' });
    await store.write({ kinds: 'x' });
    expect(await storeOf().read()).toEqual({ kinds: 'x' });
    await own.close();
  });

  test('is not undone by a write of an earlier leader that comes late', async () => {
    const { path, own, storeOf } = await ledgerHome();
    const [before, after] = [storeOf(), storeOf()];
    await before.write({ kinds: 'x' });
    await after.read();
    const { metadata } = await admin.get(path);
    await after.write({ kinds: 'x,y' });
    const late = { namespace: metadata.namespace ?? '', name: metadata.name, data: { kinds: 'x' }, labels: {} };
    const { resourceVersion } = metadata;
    const writing = applyConfigMap(own, { ...late, resourceVersion, fieldManager: 'watchkeeper-ledger', signal });
    await expect(writing).rejects.toMatchObject({ code: 'Conflict' });
    expect(await storeOf().read()).toEqual({ kinds: 'x,y' });
    await own.close();
  });

  test('is not written before what somebody else has made of it is known', async () => {
    const { path, own, storeOf } = await ledgerHome();
    const store = storeOf();
    await store.write({ kinds: 'x' });
    await admin.patch(path, { data: { kinds: 'w' } });
    expect([await store.write({ kinds: 'y' }), await storeOf().read()]).toEqual([{ kinds: 'w' }, { kinds: 'w' }]);
    expect([await store.write({ kinds: 'y' }), await storeOf().read()]).toEqual([undefined, { kinds: 'y' }]);
    await admin.delete(path);
    expect([await store.write({ kinds: 'z' }), await storeOf().read()]).toEqual([undefined, { kinds: 'z' }]);
    await own.close();
  });

  test('that cannot be written where it is to be is an error', async () => {
    const own = await connect(cluster.kubeconfig, 'no-such-namespace');
    const nowhere = ledgerStore(own, 'no-such-namespace', signal);
    await expect(nowhere.write({ kinds: 'x' })).rejects.toMatchObject({ code: 'NotFound' });
    await own.close();
  });
});

test('a review of our own rights says what is allowed', async () => {
  const namespace = await admin.createNamespace('kube-rights');
  await admin.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nobody', namespace } });
  const nobody = await connect(await cluster.kubeconfigFor({ namespace, name: 'nobody' }));
  const question = { verb: 'list', group: '', resource: 'configmaps', namespace };
  expect((await reviewSelfAccess(nobody, question, signal)).allowed).toBe(false);
  expect((await reviewSelfAccess(client, question, signal)).allowed).toBe(true);
  await nobody.close();
});

describe('discovery', () => {
  const group = 'kube-room.example.com';
  const name = `gadgets.${group}`;
  const crd: Manifest = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget' },
      versions: ['v1', 'v1beta1'].map((version) => ({
        name: version,
        served: true,
        storage: version === 'v1',
        schema: { openAPIV3Schema: { type: 'object' } },
      })),
    },
  };

  test('a second look costs two answers of 304 and gives the very same snapshot', async () => {
    const discovery = new DiscoveryClient(client);
    const first = await discovery.refresh(signal);
    expect(first.get('configmaps')).toMatchObject({
      versions: [{ version: 'v1', kind: 'ConfigMap', scope: 'Namespaced' }],
    });
    expect(first.get('deployments.apps')?.versions[0]?.verbs).toEqual(
      expect.arrayContaining(['list', 'patch', 'watch']),
    );
    expect([...first.keys()].filter((key) => key.includes('/'))).toEqual([]);
    // Other tests that run on this control plane may install something just now.
    await eventually(
      'two answers of 304',
      async () => {
        statuses.length = 0;
        const before = discovery.snapshot;
        return { same: (await discovery.refresh(signal)) === before, statuses: [...statuses] };
      },
      ({ same, statuses: seen }) => same && seen.join() === '304,304',
    );
  });

  test('a custom kind appears with its CRD, lists and applies as protobuf, and goes with it', async () => {
    const discovery = new DiscoveryClient(client);
    await discovery.refresh(signal);
    await admin.create(crd);
    await admin.waitForCrd(name);
    const served = await eventually(
      'the kind in discovery',
      async () => (await discovery.refresh(signal)).get(name),
      (resource) => resource !== undefined,
    );
    expect(served?.versions.map(({ version }) => version)).toEqual(['v1', 'v1beta1']);
    expect(served?.versions[0]).toMatchObject({ kind: 'Gadget', scope: 'Cluster' });

    await admin.create({ apiVersion: `${group}/v1`, kind: 'Gadget', metadata: { name: 'g', labels: { a: '1' } } });
    const gvr = { group, version: 'v1', resource: 'gadgets' };
    const gadgets = createListWatch(client, { gvr, representation: { kind: 'Metadata' } });
    const { items } = await gadgets.list({ signal });
    expect(items).toMatchObject([{ name: 'g', namespace: '', labels: { a: '1' }, generation: 1 }]);
    const uid = items[0]?.uid ?? '';
    const target = { gvr, kind: 'Gadget', namespace: '', name: 'g', uid, labels: { b: '2' }, annotations: {} };
    const applied = await applyMetadata(client, { ...target, fieldManager: 'watchkeeper', signal });
    expect(applied).toMatchObject({ labels: { a: '1', b: '2' }, applied: { labels: ['b'] } });

    await admin.delete(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
    await eventually(
      'the kind out of discovery',
      async () => (await discovery.refresh(signal)).get(name),
      (resource) => resource === undefined,
    );
  });
});
