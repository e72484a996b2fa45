import { expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import type { PolicySpec } from '../support/installation.ts';
import { collectionOf, crdName, SmallCrds, type SmallKind, smallObject } from '../support/small-crd.ts';
import { is, type PolicyView, useStage } from '../support/stage.ts';

const stage = useStage();

const V1 = { name: 'v1' };
const BETA = { name: 'v1beta1' };
const kindOf = (group: string, versions: SmallKind['versions'] = [V1, BETA]): SmallKind => ({
  group,
  plural: 'boats',
  kind: 'Boat',
  versions,
});

/** Sets the label `field` to what the field is, and says in which version it was read. */
function reads(field: string, { group, plural }: SmallKind, version: string, namespace: string): PolicySpec {
  return {
    mode: 'Enforce',
    match: { resources: [{ group, resource: plural, version }], namespaces: [namespace] },
    rules: [
      {
        name: 'copy',
        set: {
          labels: [{ key: field, valueFrom: { jsonPath: `$.spec.${field}` } }],
          annotations: [{ key: `${field}-read-in`, valueFrom: { jsonPath: '$.apiVersion' } }],
        },
      },
    ],
  };
}

const boat = (kind: SmallKind, namespace: string, name: string, spec: object) => ({
  ...smallObject(kind, name, namespace),
  spec,
});

const resourcesOf = ({ raw }: PolicyView) => (raw['status'] as { readonly resources?: readonly object[] }).resources;

async function putKind(kind: SmallKind): Promise<SmallCrds> {
  const crds = new SmallCrds(stage());
  await stage().grant(kind.group, [kind.plural]);
  await crds.apply(kind);
  await crds.established(kind);
  return crds;
}

test('two policies that read one kind in two versions: each object is written once for both, and then rests', async () => {
  const { admin, cluster } = stage();
  const kind = kindOf('fleet.versions.test');
  const crds = await putKind(kind);
  const ns = await admin.createNamespace('versions');
  await crds.put(kind, 'first', ns);
  await stage().startOperator();
  const path = (name: string) => `${collectionOf(kind, ns)}/${name}`;
  const written = async () => (await stage().writesSince(mark, ns)).map(({ name, code }) => `${name} ${code}`);
  await stage().applyPolicy('sizes', reads('size', kind, 'v1', ns));
  await stage().applyPolicy('colours', reads('color', kind, 'v1beta1', ns));
  await stage().policy('sizes', (policy) => policy.summary['owned'] === 1);
  const colours = await stage().policy('colours', (policy) => is(policy, 'Ready') === 'True');
  expect(resourcesOf(colours)).toEqual([expect.objectContaining({ version: 'v1beta1', state: 'Watching' })]);
  expect(resourcesOf(await stage().policy('sizes', () => true))).toEqual([expect.objectContaining({ version: 'v1' })]);

  const mark = await cluster.auditMark();
  const names = Array.from({ length: 20 }, (_, i) => `boat-${i}`);
  await Promise.all(
    names.map(async (name) => admin.apply(boat(kind, ns, name, { size: '1', color: 'red' }), { force: true })),
  );
  await stage().waitForCount(collectionOf(kind, ns), 'size=1,color=red', 20);
  const { metadata } = await admin.get(path('boat-0'));
  expect(metadata.annotations).toMatchObject({
    'size-read-in': `${kind.group}/v1`,
    'color-read-in': `${kind.group}/v1beta1`,
  });
  await expect.poll(async () => (await written()).toSorted()).toEqual(names.map((name) => `${name} 200`).toSorted());

  // Both fields at once, then the one that is read in the version beside the main one, then one that nobody reads.
  await admin.apply(boat(kind, ns, 'boat-0', { size: '2', color: 'blue' }), { force: true });
  await stage().labels(path('boat-0'), (labels) => labels['size'] === '2' && labels['color'] === 'blue');
  await admin.apply(boat(kind, ns, 'boat-0', { size: '2', color: 'green' }), { force: true });
  await stage().labels(path('boat-0'), (labels) => labels['color'] === 'green');
  await admin.apply(boat(kind, ns, 'boat-0', { size: '2', color: 'green', sails: 3 }), { force: true });
  await admin.patch(path('boat-1'), { metadata: { labels: { color: 'black' } } });
  await stage().labels(path('boat-1'), (labels) => labels['color'] === 'red');
  await expect.poll(async () => (await written()).slice(20)).toEqual(['boat-0 200', 'boat-0 200', 'boat-1 200']);

  await stage().deletePolicy('colours');
  await stage().waitForCount(collectionOf(kind, ns), '!color,size', 21);
  await crds.remove(kind);
});

test('a version that is not served any more concerns only the policy that reads it, whose keys stay; it heals', async () => {
  const { admin, cluster } = stage();
  const kind = kindOf('harbour.versions.test');
  const crds = await putKind(kind);
  const ns = await admin.createNamespace('versions');
  const path = (name: string) => `${collectionOf(kind, ns)}/${name}`;
  await eventually(
    'the first boat',
    async () => admin.apply(boat(kind, ns, 'a', { size: '1', color: 'red' }), { force: true }),
    () => true,
  );
  await stage().startOperator();
  await stage().applyPolicy('sizes', reads('size', kind, 'v1', ns));
  await stage().applyPolicy('colours', reads('color', kind, 'v1beta1', ns));
  await stage().labels(path('a'), (labels) => labels['size'] === '1' && labels['color'] === 'red');

  await crds.apply({ ...kind, versions: [V1, { ...BETA, served: false }] });
  const gone = await stage().policy('colours', (policy) => {
    return policy.conditions['Watching']?.reason === 'WaitingForResources';
  });
  expect(gone.conditions['Watching']?.message).toContain(
    `the API server serves ${crdName(kind)} in v1, not in v1beta1`,
  );
  expect(resourcesOf(gone)).toEqual([expect.objectContaining({ state: 'NotServed' })]);
  const mark = await cluster.auditMark();
  await admin.apply(boat(kind, ns, 'a', { size: '2', color: 'blue' }), { force: true });
  const labels = await stage().labels(path('a'), (found) => found['size'] === '2');
  expect(labels['color']).toBe('red');
  const sizes = await stage().policy('sizes', (policy) => is(policy, 'Ready') === 'True');
  expect(sizes.conditions['Watching']?.reason).toBe('Watching');
  await expect.poll(async () => (await stage().writesSince(mark, ns)).length).toBe(1);

  await crds.apply(kind);
  expect(await stage().labels(path('a'), (found) => found['color'] === 'blue')).toMatchObject({ size: '2' });
  await stage().policy('colours', (policy) => policy.conditions['Watching']?.reason === 'Watching');
  await expect.poll(async () => (await stage().writesSince(mark, ns)).length).toBe(2);

  await crds.remove(kind);
});
