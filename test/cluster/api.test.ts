import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, createAdmin } from './api.ts';
import type { ClusterHandle } from './cluster-handle.ts';
import { at, type Manifest } from './kube-object.ts';
import { sharedControlPlane } from './shared.ts';

const GROUP = 'admin-client.example.com';
const CRD_NAME = `widgets.${GROUP}`;

const FILE = `
apiVersion: v1
kind: ConfigMap
metadata: { name: from-file, namespace: NAMESPACE }
data: { a: b }
---
# only a comment
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${CRD_NAME} }
spec:
  group: ${GROUP}
  names: { kind: Widget, listKind: WidgetList, plural: widgets, singular: widget }
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;

describe('the admin client of tests', () => {
  let cluster: ClusterHandle;
  let admin: Admin;
  let namespace: string;
  let folder: string;

  beforeAll(async () => {
    cluster = await sharedControlPlane();
    admin = await createAdmin(cluster);
    namespace = await admin.createNamespace('admin-client', { purpose: 'test' });
    folder = await mkdtemp(join(tmpdir(), 'admin-client-'));
  });

  afterAll(async () => {
    await admin?.delete(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD_NAME}`);
    admin?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('applies a file, waits for its CRD and applies an object of the new kind', async () => {
    const widget: Manifest = { apiVersion: `${GROUP}/v1`, kind: 'Widget', metadata: { name: 'w' }, spec: { size: 3 } };
    await expect(admin.create(widget)).rejects.toThrow('404');

    const file = join(folder, 'two.yaml');
    await writeFile(file, FILE.replace('NAMESPACE', namespace));
    const applied = await admin.applyFile(file);
    expect(applied.map(({ kind }) => kind)).toEqual(['ConfigMap', 'CustomResourceDefinition']);
    expect(applied[0]?.metadata.managedFields).toMatchObject([{ manager: 'test-admin', operation: 'Apply' }]);

    await admin.waitForCrd(CRD_NAME);
    // Within two seconds of a CRD a server answers a POST late, on purpose, but not an apply.
    expect(at(await admin.apply(widget), 'spec', 'size')).toBe(3);
    expect(await admin.pathOf(widget)).toBe(`/apis/${GROUP}/v1/widgets/w`);
  });

  test('shows the last object when it waited in vain', async () => {
    const waiting = admin.waitFor(`/api/v1/namespaces/${namespace}`, () => false, { timeoutMs: 100 });
    await expect(waiting).rejects.toThrow(/within 100 ms[^]*\n {4}purpose: test\n/);
    const missing = admin.waitFor(`/api/v1/namespaces/${namespace}/configmaps/none`, () => true, { timeoutMs: 100 });
    await expect(missing).rejects.toThrow(/404 .*"none" not found/);
  });

  test('sees changes and the end of an object', async () => {
    const manifest: Manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'changing', namespace } };
    const path = await admin.pathOf(await admin.create(manifest));
    const changed = admin.waitFor(path, ({ metadata }) => metadata.labels['team'] === 'a');
    await admin.patch(path, { metadata: { labels: { team: 'a' } } });
    expect((await changed).metadata.labels).toEqual({ team: 'a' });
    await admin.delete(path);
    await admin.waitForGone(path);
    expect(await admin.find(path)).toBeUndefined();
  });

  test('creates thousands of objects and lists all pages', async () => {
    const count = 2_500;
    const names = Array.from({ length: count }, (_, index) => `many-${index}`);
    const mark = await cluster.auditMark();
    await admin.createMany(
      names.map((name) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace, labels: { many: 'yes' } },
      })),
    );
    const { items } = await admin.list(`/api/v1/namespaces/${namespace}/secrets?labelSelector=many%3Dyes`);
    expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(names.toSorted());
    expect(items[0]).toMatchObject({ apiVersion: 'v1', kind: 'Secret' });
    const creations = (await cluster.entriesSince(mark)).filter(({ resource }) => resource === 'secrets');
    expect(creations.length).toBe(count);
  });
});
