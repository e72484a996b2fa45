import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at } from '../cluster/kube-object.ts';
import { PROMISE, useAllRights } from '../support/all-rights.ts';
import { type GuardedObject, guardedObjects, WIDGETS, widgetsCrd } from '../support/guarded-objects.ts';
import { CRDS, collectionOf, crdName, smallCrd } from '../support/small-crd.ts';
import { useStage } from '../support/stage.ts';

/** What the API server lets the operator's service account do to objects of others where RBAC lets it do everything. */
const stage = useStage();
const { operator, said } = useAllRights(stage);

const KINDS = guardedObjects('').map(({ what }) => what);

let ns: string;
beforeAll(async () => {
  const { admin } = stage();
  ns = await admin.createNamespace('guard');
  await admin.apply(widgetsCrd(), { force: true });
  await admin.waitForCrd(crdName(WIDGETS));
  for (const { object } of guardedObjects(ns)) await admin.apply(object);
});

afterAll(async () => {
  const { admin } = stage();
  const outside = guardedObjects(ns).filter(({ object }) => object.metadata.namespace === undefined);
  for (const { path } of outside) await admin.delete(path);
  await admin.delete(`${CRDS}/${crdName(WIDGETS)}`);
});

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const AS_US = '?fieldManager=watchkeeper&force=true';

const metadata = (value: string) => ({ labels: { guard: value }, annotations: { 'guard.test/a': value } });
const pod = () => `/api/v1/namespaces/${ns}/pods/one`;
const deployment = () => `/apis/apps/v1/namespaces/${ns}/deployments/one`;

function guarded(what: string): GuardedObject {
  const found = guardedObjects(ns).find((one) => one.what === what);
  if (found === undefined) throw new Error(`there is no ${what}`);
  return found;
}

describe.each(KINDS)('of a %s', (what) => {
  test('labels and annotations may be written, whichever way', async () => {
    const { path, object } = guarded(what);
    const { name, namespace = '' } = object.metadata;
    const written = async () => (await stage().admin.get(path)).metadata.labels['guard'];
    await operator().patch(path, { metadata: metadata('merged') });
    expect(await written()).toBe('merged');
    await operator().patch(path, [{ op: 'replace', path: '/metadata/labels/guard', value: 'patched' }], 'json');
    expect(await written()).toBe('patched');
    const identity = namespace === '' ? { name } : { name, namespace };
    const applied = { apiVersion: object.apiVersion, kind: object.kind, metadata: { ...identity, ...metadata('set') } };
    expect(await said('PATCH', `${path}${AS_US}`, applied, APPLY)).toMatchObject({ status: 200 });
    expect(await written()).toBe('set');
    const found = await operator().get(path);
    const labels = { ...found.metadata.labels, guard: 'put' };
    await operator().replace(path, { ...found, metadata: { ...found.metadata, labels } });
    expect(await written()).toBe('put');
    await operator().patch(path, { metadata: { labels: { guard: null }, annotations: { 'guard.test/a': null } } });
    expect(await written()).toBeUndefined();
  });

  test('G4: nothing else is written, whichever way', async () => {
    const { path, object, change, field } = guarded(what);
    const before = await stage().admin.get(path);
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'x', uid: before.metadata.uid };
    const cases: readonly (readonly [patch: object, field: string])[] = [
      [change, field],
      [{ ...change, metadata: { labels: { guard: 'beside' }, ...Object(at(change, 'metadata')) } }, field],
      [{ metadata: { finalizers: ['guard.test/x'] } }, 'metadata.finalizers'],
      [{ metadata: { ownerReferences: [owner] } }, 'metadata.ownerReferences'],
    ];
    for (const [patch, changed] of cases) {
      // An empty list that comes in place of none counts as a change too: that is for `rules` of a Role, which an apply
      // sets whole.
      const refusal = {
        status: 422,
        message: expect.stringMatching(`must not change (rules, )?${changed}: ${PROMISE}`),
      };
      expect(await said('PATCH', path, patch, MERGE), changed).toEqual(refusal);
      const both = { ...object.metadata, ...Object(at(patch, 'metadata')) };
      expect(await said('PATCH', `${path}${AS_US}`, { ...object, ...patch, metadata: both }, APPLY), changed).toEqual(
        refusal,
      );
      const put = { ...before, ...patch, metadata: { ...before.metadata, ...Object(at(patch, 'metadata')) } };
      expect((await said('PUT', path, put)).status, changed).toBe(422);
    }
    expect((await stage().admin.get(path)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test('G4: none is deleted', async () => {
    const { path } = guarded(what);
    const refusal = {
      status: 422,
      message: expect.stringContaining(`must not delete or connect to an object: ${PROMISE}`),
    };
    expect(await said('DELETE', path)).toEqual(refusal);
    expect((await stage().admin.get(path)).metadata.deletionTimestamp).toBeUndefined();
  });

  test('G7: none is created', async () => {
    const { path, object } = guarded(what);
    const collection = path.slice(0, path.lastIndexOf('/'));
    // A CustomResourceDefinition has the name that its spec says.
    const copy =
      what === 'CustomResourceDefinition'
        ? smallCrd({ group: WIDGETS.group, plural: 'gadgets', kind: 'Gadget' })
        : { ...object, metadata: { ...object.metadata, name: `two-${ns}` } };
    const refusal = { status: 422, message: expect.stringContaining(`must not create an object: ${PROMISE}`) };
    expect(await said('POST', collection, copy)).toEqual(refusal);
    expect(await said('PATCH', `${collection}/${copy.metadata.name ?? ''}${AS_US}`, copy, APPLY)).toEqual(refusal);
    expect(await stage().admin.find(`${collection}/${copy.metadata.name ?? ''}`)).toBeUndefined();
  });
});

test('G4: a field is not taken away as a whole', async () => {
  const path = `/api/v1/namespaces/${ns}/configmaps/full`;
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'x', uid: 'no-such-uid' };
  const full = { namespace: ns, name: 'full', ownerReferences: [owner] };
  await stage().admin.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: full, data: { a: 'b' } });
  for (const [patch, field] of [
    [{ data: null }, 'data'],
    [{ metadata: { ownerReferences: null } }, 'metadata.ownerReferences'],
  ] as const) {
    const refusal = { status: 422, message: expect.stringContaining(`must not change ${field}: `) };
    expect(await said('PATCH', path, patch, MERGE)).toEqual(refusal);
  }
});

test('G4: a whole collection is not deleted', async () => {
  const { message } = await said('DELETE', `/api/v1/namespaces/${ns}/secrets`);
  expect(message).toContain(`must not delete or connect to an object: ${PROMISE}`);
  expect((await stage().admin.list(`/api/v1/namespaces/${ns}/secrets`)).items).toHaveLength(1);
});

describe('G4: a subresource', () => {
  const status = { status: { phase: 'Failed', replicas: 5, a: 1 } };
  const token = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };

  test.each<[what: string, path: () => string, patch: object]>([
    ['status of a Pod', () => `${pod()}/status`, status],
    [
      'ephemeralcontainers of a Pod',
      () => `${pod()}/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: 'b', image: 'b' }] } },
    ],
    [
      'resize of a Pod',
      () => `${pod()}/resize`,
      { spec: { containers: [{ name: 'a', image: 'a', resources: { requests: { cpu: '2' } } }] } },
    ],
    ['status of a Deployment', () => `${deployment()}/status`, status],
    ['scale of a Deployment', () => `${deployment()}/scale`, { spec: { replicas: 5 } }],
    ['status of a custom object', () => `${collectionOf(WIDGETS, ns)}/one/status`, status],
    ['status of a Node', () => `/api/v1/nodes/guarded-${ns}/status`, { status: { phase: 'Running' } }],
    ['status of a Namespace', () => `/api/v1/namespaces/guarded-${ns}/status`, { metadata: { labels: { a: 'b' } } }],
  ])('%s is not patched, be it for a label', async (_what, path, patch) => {
    const refusal = {
      status: 422,
      message: expect.stringMatching(`must not write the subresource [a-z]+: ${PROMISE}`),
    };
    expect(await said('PATCH', path(), patch, MERGE)).toEqual(refusal);
    expect(await said('PATCH', path(), { metadata: { labels: { guard: 'x' } } }, MERGE)).toEqual(refusal);
  });

  test.each<[what: string, path: () => string, body: object]>([
    ['token of a ServiceAccount', () => `/api/v1/namespaces/${ns}/serviceaccounts/one/token`, token],
    ['its own token', () => '/api/v1/namespaces/watchkeeper/serviceaccounts/watchkeeper/token', token],
    [
      'eviction of a Pod',
      () => `${pod()}/eviction`,
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'one' } },
    ],
    [
      'binding of a Pod',
      () => `${pod()}/binding`,
      { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'one' }, target: { kind: 'Node', name: 'x' } },
    ],
  ])('%s is not created', async (_what, path, body) => {
    expect((await said('POST', path(), body)).message).toContain(`must not create an object: ${PROMISE}`);
  });

  test.each<[what: string, method: string, path: () => string]>([
    ['exec', 'POST', () => `${pod()}/exec?command=ls`],
    ['exec by GET', 'GET', () => `${pod()}/exec?command=ls`],
    ['attach', 'POST', () => `${pod()}/attach`],
    ['portforward', 'POST', () => `${pod()}/portforward`],
    ['proxy of a Pod', 'GET', () => `${pod()}/proxy/`],
    ['proxy of a Service', 'GET', () => `/api/v1/namespaces/${ns}/services/one/proxy/`],
    ['proxy of a Node', 'GET', () => `/api/v1/nodes/guarded-${ns}/proxy/`],
  ])('%s is not connected to', async (_what, method, path) => {
    expect((await said(method, path())).message).toContain(`must not delete or connect to an object: ${PROMISE}`);
  });

  test('finalize of a Namespace is not put', async () => {
    const path = `/api/v1/namespaces/guarded-${ns}`;
    const namespace = await operator().get(path);
    expect((await said('PUT', `${path}/finalize`, { ...namespace, spec: { finalizers: [] } })).message).toContain(
      PROMISE,
    );
  });
});
