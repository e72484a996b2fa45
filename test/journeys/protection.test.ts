import { expect, test } from 'vitest';
import { keysAndOwners } from '../support/key-owners.ts';
import { quiet } from '../support/policy-story.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

/** Keys as other tools really have them, written down here: the table of the product is what is tried. */
const NEVER = [
  'kubernetes.io/metadata.name',
  'kubectl.kubernetes.io/restartedAt',
  'applyset.kubernetes.io/part-of',
  'control-plane.alpha.kubernetes.io/leader',
  'deployment.kubernetes.io/revision',
  'meta.helm.sh/release-name',
  'helm.sh/chart',
  'argocd.argoproj.io/instance',
  'kustomize.toolkit.fluxcd.io/name',
  'watchkeeper.dev/anything',
  'pod-template-hash',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'statefulset.kubernetes.io/pod-name',
  'batch.kubernetes.io/job-name',
];
const OWNERS = [
  'pod-security.kubernetes.io/enforce-version',
  'rbac.authorization.k8s.io/aggregate-to-admin',
  'node-restriction.kubernetes.io/x',
  'node-role.kubernetes.io/control-plane',
  'node.kubernetes.io/exclude-from-external-load-balancers',
  'topology.kubernetes.io/zone',
  'container.apparmor.security.beta.kubernetes.io/app',
  'istio-injection',
  'sidecar.istio.io/inject',
  'linkerd.io/inject',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
];
const tracking = [...NEVER, ...OWNERS];
const valuesOf = (value: string) => Object.fromEntries(tracking.map((key) => [key, value]));

test('G5: keys by which other tools keep track are not copied and not removed by any glob, nor set by name', async () => {
  const { admin } = stage();
  const { 'kubernetes.io/metadata.name': _, ...labels } = valuesOf('v1.30');
  const ns = await admin.createNamespace('tracking', { ...labels, 'acme.io/team': 'blue' });
  const note = { ...valuesOf('v1.30'), 'acme.io/note': 'x' };
  await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { annotations: note } });
  const own = configMap(ns, 'tracked', { ...labels, 'legacy/a': '1' });
  await admin.create({ ...own, metadata: { ...own.metadata, annotations: note } });
  await admin.create(configMap(ns, 'bare'));
  const before = keysAndOwners(await admin.get(`/api/v1/namespaces/${ns}/configmaps/tracked`));

  const operator = await stage().startOperator();
  const match = { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] };
  const copy = { name: 'all', copy: { from: 'Namespace', labels: ['**', '*'], annotations: ['**', '*/*'] } };
  await stage().applyPolicy('copying', { mode: 'Enforce', match: { ...match, names: ['bare'] }, rules: [copy] });
  const remove = { name: 'all', remove: { labels: ['**', '*/*'] } };
  await stage().applyPolicy('removing', { mode: 'Enforce', match: { ...match, names: ['tracked'] }, rules: [remove] });
  for (const [channel, keys] of [
    ['labels', tracking],
    ['annotations', NEVER],
  ] as const) {
    const rules = keys.map((key, i) => ({ name: `r${i}`, set: { [channel]: [{ key, value: 'ours' }] } }));
    await stage().applyPolicy(`setting-${channel}`, { mode: 'Enforce', match, rules });
    const refused = await stage().policy(`setting-${channel}`, (policy) => is(policy, 'Accepted') === 'False');
    expect(refused.conditions['Accepted']?.message).toContain(`must not be '${keys[0] ?? ''}'`);
  }
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/bare`, (now) => now['acme.io/team'] === 'blue');
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/tracked`, (now) => now['legacy/a'] === undefined);
  await quiet(stage(), operator);

  const bare = keysAndOwners(await admin.get(`/api/v1/namespaces/${ns}/configmaps/bare`));
  // Of annotations only those that are never written are kept from globs, and those that the owner of the cluster allows.
  expect(bare).toEqual({ 'acme.io/team': 'blue (watchkeeper)', '@acme.io/note': 'x (watchkeeper)' });
  const { 'legacy/a': __, ...kept } = before;
  expect(keysAndOwners(await admin.get(`/api/v1/namespaces/${ns}/configmaps/tracked`))).toEqual(kept);
});

test('G5: keys that no policy may write stay, although an object says that they are ours', async () => {
  const { admin, cluster } = stage();
  const ns = await admin.createNamespace('claimed');
  const guarded = { 'node-restriction.kubernetes.io/tenant': 'a', 'topology.kubernetes.io/zone': 'z' };
  const path = (name: string) => `/api/v1/namespaces/${ns}/configmaps/${name}`;
  const record = { applied: { labels: guarded, annotations: {} }, retained: {} };
  const noted = configMap(ns, 'noted', { ...guarded, old: '1' });
  const annotations = { 'watchkeeper.dev/own-keys': JSON.stringify(record) };
  await admin.create({ ...noted, metadata: { ...noted.metadata, annotations } });
  const { data: _, ...applied } = configMap(ns, 'applied', { ...guarded, old: '1' });
  await admin.apply(applied, { fieldManager: 'watchkeeper' });

  const operator = await stage().startOperator();
  const mark = await cluster.auditMark();
  const match = { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] };
  const set = { name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } };
  await stage().applyPolicy('claimed', { mode: 'Enforce', match, rules: [set] });
  const labelsOf = async (name: string) => (await admin.get(path(name))).metadata.labels;
  await expect.poll(async () => labelsOf('noted')).toEqual({ ...guarded, old: '1', team: 'blue' });
  // What policies may write goes with the last that wants it, as ever.
  await expect.poll(async () => labelsOf('applied')).toEqual({ ...guarded, team: 'blue' });
  await expect.poll(async () => (await admin.get(path('noted'))).metadata.annotations ?? {}).toEqual({});
  await quiet(stage(), operator);
  expect(await labelsOf('noted')).toEqual({ ...guarded, old: '1', team: 'blue' });
  const written = await stage().writesSince(mark, ns);
  expect(written.map(({ name, code }) => `${name} ${code}`).toSorted()).toEqual([
    'applied 200',
    'noted 200',
    'noted 200',
  ]);
  await operator.stop();
});
