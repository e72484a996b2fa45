import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAdmin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';
import { PROMISE, useAllRights } from '../support/all-rights.ts';
import { POLICIES } from '../support/installation.ts';
import { CRDS, collectionOf, crdName, type SmallKind, smallCrd } from '../support/small-crd.ts';
import { configMap, useStage } from '../support/stage.ts';

/** What the guard leaves to the operator's service account, and to others. */
const stage = useStage();
const { operator, said } = useAllRights(stage);

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const HOME = 'watchkeeper';
const ledger = `/api/v1/namespaces/${HOME}/configmaps/watchkeeper-ledger`;
const leases = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
const events = (namespace: string) => `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;

const lease = (namespace: string, name = 'watchkeeper') => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace, name },
  spec: { holderIdentity: 'a' },
});
const event = (namespace: string, reportingController = 'watchkeeper.dev/watchkeeper') => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { namespace, name: 'one.watchkeeper-1' },
  eventTime: '2030-01-01T00:00:00.000000Z',
  reportingController,
  reportingInstance: 'a',
  type: 'Normal',
  reason: 'Tested',
  action: 'Test',
  note: 'as it was',
  regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'one' },
});

let ns: string;
beforeAll(async () => {
  ns = await stage().admin.createNamespace('guard-own');
});

const notItsToCreate = { status: 422, message: expect.stringContaining(`must not create an object: ${PROMISE}`) };
const notItsToChange = (field: string) => ({
  status: 422,
  message: expect.stringContaining(`must not change ${field}: ${PROMISE}`),
});

describe('the operator', () => {
  test('may write the status of policies, and nothing else of them', async () => {
    await stage().applyPolicy('guarded', {
      match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
      rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }],
    });
    const path = `${POLICIES}/guarded`;
    await operator().patch(`${path}/status`, { status: { observedGeneration: 1 } });
    expect(await stage().admin.get(path)).toMatchObject({ status: { observedGeneration: 1 } });
    expect(await said('PATCH', path, { spec: { mode: 'Enforce' } }, MERGE)).toEqual(notItsToChange('spec'));
    expect(await said('DELETE', path)).toMatchObject({ status: 422 });
  });

  test("may make and write its ledger's data, and nothing else of it", async () => {
    await operator().apply({ ...configMap(HOME, 'watchkeeper-ledger') }, { fieldManager: 'watchkeeper-ledger' });
    await operator().patch(ledger, { data: { a: 'c' }, metadata: { labels: { a: 'b' } } });
    expect(await said('PATCH', ledger, { binaryData: { b: 'Yg==' } }, MERGE)).toEqual(notItsToChange('binaryData'));
    expect(await said('PATCH', ledger, { metadata: { finalizers: ['a.test/b'] } }, MERGE)).toEqual(
      notItsToChange('metadata.finalizers'),
    );
    expect(await said('POST', `/api/v1/namespaces/${HOME}/configmaps`, configMap(HOME, 'another'))).toEqual(
      notItsToCreate,
    );
    const elsewhere = configMap(ns, 'watchkeeper-ledger');
    expect(await said('POST', `/api/v1/namespaces/${ns}/configmaps`, elsewhere)).toEqual(notItsToCreate);
    await stage().admin.create(elsewhere);
    const path = `/api/v1/namespaces/${ns}/configmaps/watchkeeper-ledger`;
    expect(await said('PATCH', path, { data: { a: 'c' } }, MERGE)).toEqual(notItsToChange('data'));
  });

  test('may make, renew and release its Lease, and no other', async () => {
    const path = `${leases(HOME)}/watchkeeper`;
    if ((await stage().admin.find(path)) !== undefined) await stage().admin.delete(path);
    await operator().create(lease(HOME));
    const found = await operator().get(path);
    await operator().replace(path, { ...found, spec: { holderIdentity: 'b', leaseTransitions: 1 } });
    await operator().patch(path, { spec: { holderIdentity: '' } });
    expect(await said('PATCH', path, { metadata: { finalizers: ['a.test/b'] } }, MERGE)).toEqual(
      notItsToChange('metadata.finalizers'),
    );
    expect(await said('POST', leases(HOME), lease(HOME, 'another'))).toEqual(notItsToCreate);
    expect(await said('POST', leases(ns), lease(ns))).toEqual(notItsToCreate);
    await stage().admin.create(lease(ns));
    expect(await said('PATCH', `${leases(ns)}/watchkeeper`, { spec: { holderIdentity: 'b' } }, MERGE)).toEqual(
      notItsToChange('spec'),
    );
    await stage().admin.delete(path);
  });

  test('may make Events in its own name anywhere and repeat them, and nothing else of them', async () => {
    await operator().create(event(ns));
    const path = `${events(ns)}/one.watchkeeper-1`;
    const series = { count: 2, lastObservedTime: '2030-01-01T00:00:00.000000Z' };
    await operator().patch(path, { series });
    // Kubernetes itself lets nobody change more of an Event.
    expect(await said('PATCH', path, { note: 'as it was not' }, MERGE)).toMatchObject({ status: 422 });
    const others = { ...event(ns, 'example.com/another'), metadata: { namespace: ns, name: 'another' } };
    expect(await said('POST', events(ns), others)).toEqual(notItsToCreate);
    await stage().admin.create(others);
    expect(await said('PATCH', `${events(ns)}/another`, { series }, MERGE)).toEqual(notItsToChange('series'));
    // To take one over by its name is a change of it.
    const named = { ...event(ns), metadata: others.metadata };
    const taken = await said('PATCH', `${events(ns)}/another?fieldManager=a&force=true`, named, APPLY);
    expect(taken).toMatchObject({ status: 422 });
  });
});

test('nobody else is held to anything: neither an administrator nor a service account of the same name', async () => {
  const other = await stage().admin.createNamespace('guard-others');
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: other, name: 'watchkeeper' } };
  await stage().admin.create(account);
  await stage().admin.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { namespace: other, name: 'edit' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'watchkeeper', namespace: other }],
  });
  const twin = await createAdmin(await stage().cluster.kubeconfigFor({ namespace: other, name: 'watchkeeper' }));
  const configMaps = `/api/v1/namespaces/${other}/configmaps`;
  await expect.poll(async () => (await twin.request('GET', configMaps)).status).toBe(200);
  for (const who of [stage().admin, twin]) {
    await who.create(configMap(other, 'theirs'));
    await who.patch(`${configMaps}/theirs`, { data: { a: 'c' }, metadata: { finalizers: ['a.test/b'] } });
    await who.patch(`${configMaps}/theirs`, { metadata: { finalizers: [] } });
    await who.delete(`${configMaps}/theirs`);
  }
  twin.close();
});

/** With this schema in place of one that takes anything. */
const withSchema = (properties: object) => ({
  spec: {
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', ...properties } },
      },
    ],
  },
});

describe('a label is let through', () => {
  const gears: SmallKind = { group: 'guard-own.test', plural: 'gears', kind: 'Gear' };
  const crdPath = `${CRDS}/${crdName(gears)}`;
  beforeAll(async () => {
    await stage().admin.create(smallCrd(gears));
    await stage().admin.waitForCrd(crdName(gears));
  });
  afterAll(async () => stage().admin.delete(crdPath));

  const gear = (name: string) => `${collectionOf(gears, ns)}/${name}`;
  const create = async (name: string, more: object) =>
    stage().admin.apply({
      apiVersion: `${gears.group}/v1`,
      kind: gears.kind,
      metadata: { namespace: ns, name },
      ...more,
    });

  test('where the object was stored under another schema, and the server drops and defaults fields as it reads it', async () => {
    await create('old', { spec: { dropped: { a: 1 }, kept: 'a' } });
    const kept = { type: 'string' };
    const added = { type: 'string', default: 'new' };
    const spec = { type: 'object', properties: { kept, added } };
    await stage().admin.patch(crdPath, withSchema({ properties: { spec } }));
    await stage().admin.waitFor(
      gear('old'),
      (object) => JSON.stringify(object['spec']) === '{"added":"new","kept":"a"}',
    );
    await operator().patch(gear('old'), { metadata: { labels: { a: 'b' } } });
    const metadata = { namespace: ns, name: 'old', labels: { a: 'c' } };
    await operator().apply(
      { apiVersion: `${gears.group}/v1`, kind: gears.kind, metadata },
      { fieldManager: 'watchkeeper', force: true },
    );
    expect((await stage().admin.get(gear('old'))).metadata.labels).toEqual({ a: 'c' });
  });

  test('where the object is as large and as deep as the server takes it', async () => {
    await stage().admin.patch(crdPath, withSchema({ 'x-kubernetes-preserve-unknown-fields': true }));
    const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key-${i}`, 'x'.repeat(80)]));
    let deep: unknown = 'bottom';
    for (let i = 0; i < 200; i++) deep = i % 2 === 0 ? [deep] : { deeper: deep };
    const top = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`top${i}`, i]));
    // Until the server goes by the new schema an apply is refused, for fields that the one before does not have.
    const applied = async () => create('deep', { spec: { deep } }).then(() => '', String);
    await eventually('the new schema', applied, (refusal) => refusal === '');
    await create('many', top);
    await stage().admin.create({ ...configMap(ns, 'wide'), data: wide });
    const configMaps = `/api/v1/namespaces/${ns}/configmaps/wide`;
    for (const path of [gear('deep'), gear('many'), configMaps]) {
      const labels = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`label-${i}`, 'x'.repeat(60)]));
      expect(await said('PATCH', path, { metadata: { labels } }, MERGE), path).toMatchObject({ status: 200 });
    }
    expect(await said('PATCH', gear('many'), { top9999: 'x' }, MERGE)).toEqual(notItsToChange('top9999'));
    expect(await said('PATCH', configMaps, { data: { 'key-9999': 'y' } }, MERGE)).toEqual(notItsToChange('data'));
  });
});
