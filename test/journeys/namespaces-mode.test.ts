import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { AUDITED_NAMESPACE, type AuditEntry, type AuditMark } from '../cluster/audit-log.ts';
import { eventually } from '../cluster/eventually.ts';
import { type Manifest, parseManifest } from '../cluster/kube-object.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage({ controllerManager: true });
const RBAC = 'rbac.authorization.k8s.io';
const TARGETS = join(import.meta.dirname, '..', '..', 'deploy', 'namespaced-targets.yaml');
const OWN = { kind: 'ServiceAccount', name: 'watchkeeper', namespace: AUDITED_NAMESPACE };

const setEnv = [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }];
const path = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

async function documents(): Promise<readonly Manifest[]> {
  return parseAllDocuments(await readFile(TARGETS, 'utf8')).map((document) => parseManifest(document.toJS()));
}

/** An operator's ServiceAccount in a namespace of its own, with the rights of the installation and none on targets. */
async function makeOperatorAccount(): Promise<string> {
  const { admin, cluster } = stage();
  const metadata = { name: AUDITED_NAMESPACE };
  const roles = await Promise.all(
    ['watchkeeper-ledger', 'watchkeeper-leader-election'].map(async (name) =>
      admin.get(`/apis/${RBAC}/v1/namespaces/watchkeeper/roles/${name}`),
    ),
  );
  for (const manifest of [
    { apiVersion: 'v1', kind: 'Namespace', metadata },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: OWN.name, namespace: OWN.namespace } },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'watchkeeper' },
      subjects: [OWN],
    },
    ...roles.flatMap((role) => {
      const { name } = role.metadata;
      const inOwn = { name, namespace: AUDITED_NAMESPACE };
      return [
        { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata: inOwn, rules: role['rules'] },
        {
          apiVersion: `${RBAC}/v1`,
          kind: 'RoleBinding',
          metadata: inOwn,
          roleRef: { apiGroup: RBAC, kind: 'Role', name },
          subjects: [OWN],
        },
      ];
    }),
  ]) {
    await admin.apply(manifest, { force: true });
  }
  return cluster.kubeconfigFor(OWN);
}

/** As `kubectl apply -n NAMESPACE -f deploy/namespaced-targets.yaml`, for that ServiceAccount. */
async function grantTargets(namespace: string): Promise<void> {
  for (const manifest of await documents()) {
    const subjects = manifest.kind === 'RoleBinding' ? { subjects: [OWN] } : {};
    await stage().admin.apply(
      { ...manifest, ...subjects, metadata: { ...manifest.metadata, namespace } },
      { force: true },
    );
  }
}

/** The API server reads roles a moment after they are there. */
async function mayPatch(namespace: string): Promise<void> {
  const spec = {
    user: `system:serviceaccount:${OWN.namespace}:${OWN.name}`,
    resourceAttributes: { verb: 'patch', resource: 'configmaps', namespace },
  };
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  await eventually(
    `the right to patch in ${namespace}`,
    async () =>
      stage().admin.json('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review, {
        'content-type': 'application/json',
      }) as Promise<{ readonly status?: { readonly allowed?: boolean } }>,
    ({ status }) => status?.allowed === true,
  );
}

async function ownRequests(mark: AuditMark): Promise<readonly AuditEntry[]> {
  const entries = await stage().cluster.entriesSince(mark);
  return entries.filter(({ user }) => user === `system:serviceaccount:${OWN.namespace}:${OWN.name}`);
}

/** What an operator asks for beside targets, its ledger and its Lease; Events about policies are in `default`. */
const NO_TARGETS = new Set([
  'apiservices',
  'customresourcedefinitions',
  'events',
  'namespaces',
  'selfsubjectaccessreviews',
  'watchpolicies',
]);

test('with Roles in two namespaces everything works there: no request is refused, and none for a target is cluster-wide', async () => {
  const { admin, cluster } = stage();
  const kubeconfig = await makeOperatorAccount();
  const [a, b, other] = await Promise.all(['ns-a', 'ns-b', 'ns-c'].map(async (name) => admin.createNamespace(name)));
  if (a === undefined || b === undefined || other === undefined) throw new Error('there are three');
  await admin.patch(`/api/v1/namespaces/${a}`, { metadata: { labels: { team: 'red' } } });
  for (const namespace of [a, b]) {
    await grantTargets(namespace);
    await mayPatch(namespace);
  }
  await admin.createMany([a, b, other].map((namespace) => configMap(namespace, 'early')));

  const mark = await cluster.auditMark();
  const args = ['--namespace', AUDITED_NAMESPACE, '--namespaces', `${b},${a}`];
  const operator = await stage().startOperator({ kubeconfig, args });
  await stage().applyPolicy('limited', {
    mode: 'Enforce',
    match: {
      resources: [
        { group: '', resource: 'configmaps', version: 'v1' },
        { group: '', resource: 'services', version: 'v1' },
      ],
    },
    rules: [
      ...setEnv,
      { name: 'team', set: { labels: [{ key: 'team', valueFrom: { namespaceLabel: 'team' }, fallback: 'none' }] } },
      { name: 'data', set: { labels: [{ key: 'data', valueFrom: { jsonPath: '$.data.a' } }] } },
    ],
  });
  await stage().labels(path(a, 'early'), ({ env, team, data }) => env === 'prod' && team === 'red' && data === 'b');
  await stage().labels(path(b, 'early'), ({ env, team, data }) => env === 'prod' && team === 'none' && data === 'b');
  await admin.createMany([a, b, other].map((namespace) => configMap(namespace, 'late')));
  for (const namespace of [a, b]) await stage().labels(path(namespace, 'late'), ({ env }) => env === 'prod');
  await admin.patch(`/api/v1/namespaces/${a}`, { metadata: { labels: { team: 'blue' } } });
  await stage().labels(path(a, 'late'), ({ team }) => team === 'blue');

  const ready = await stage().policy(
    'limited',
    (policy) => is(policy, 'Ready') === 'True' && policy.summary['owned'] !== 0,
  );
  expect(ready.watching).toMatchObject({ synced: 2 });
  // One row for the kind, however many namespaces it is watched in.
  expect(await operator.metric('watchkeeper_informer_state', 'kind="configmaps"')).toBe(1);
  expect(await operator.metric('watchkeeper_informer_state', 'kind="namespaces",state="Watching"')).toBe(1);
  for (const name of ['early', 'late']) expect((await admin.get(path(other, name))).metadata.labels).toEqual({});

  await admin.patch(path(a, 'late'), { data: { a: null } });
  await stage().labels(path(a, 'late'), ({ data }) => data === undefined);
  await eventually(
    'the Event of the removal',
    async () => (await admin.list('/apis/events.k8s.io/v1/namespaces/default/events')).items,
    (events) =>
      events.some(
        ({ reason, regarding }) => reason === 'KeysRemoved' && JSON.stringify(regarding).includes('"limited"'),
      ),
  );

  await stage().deletePolicy('limited');
  for (const namespace of [a, b]) await stage().labels(path(namespace, 'late'), ({ env }) => env === undefined);
  await operator.stop();

  // Watches are logged when they end.
  const all = await eventually(
    'the watches',
    async () => ownRequests(mark),
    (entries) => entries.filter(({ verb, resource }) => verb === 'watch' && resource === 'configmaps').length >= 2,
  );
  expect(all.filter(({ code }) => code === 403)).toEqual([]);
  const targets = all.filter(({ resource }) => resource !== '' && !NO_TARGETS.has(resource));
  expect(new Set(targets.map(({ namespace }) => namespace))).toEqual(new Set([a, b, AUDITED_NAMESPACE]));
  const lists = targets.filter(({ verb, resource }) => verb === 'list' && resource === 'configmaps');
  expect(new Set(lists.map(({ namespace }) => namespace))).toEqual(new Set([a, b]));
});

test('what is cluster-scoped is out of reach, and a right that is missing in one namespace holds up nothing else', async () => {
  const { admin } = stage();
  const kubeconfig = await makeOperatorAccount();
  const a = await admin.createNamespace('ns-a');
  const later = `${a}-later`;
  await grantTargets(a);
  await mayPatch(a);
  await admin.create(configMap(a, 'one'));
  const args = ['--namespace', AUDITED_NAMESPACE, '--namespaces', `${a},${later}`];
  await stage().startOperator({ kubeconfig, args });
  await stage().applyPolicy('beyond', {
    mode: 'Enforce',
    match: {
      resources: [
        { group: '', resource: 'namespaces' },
        { group: '', resource: 'configmaps' },
      ],
    },
    rules: setEnv,
  });
  await stage().labels(path(a, 'one'), ({ env }) => env === 'prod');
  const beyond = await stage().policy('beyond', (policy) => {
    return policy.conditions['Watching']?.message.includes('by a Role') === true;
  });
  expect(beyond.conditions['Watching']).toMatchObject({
    status: 'False',
    reason: 'Forbidden',
    message: expect.stringContaining(`by a Role in the namespace ${later}: apiGroups: [""], resources: ["configmaps"]`),
  });
  expect(beyond.raw['status']).toMatchObject({
    resources: expect.arrayContaining([
      expect.objectContaining({
        resource: 'namespaces',
        state: 'Failed',
        message: `namespaces is cluster-scoped, and the operator is limited to namespaces ${a} and ${later}`,
      }),
    ]),
  });
  expect((await admin.get(`/api/v1/namespaces/${a}`)).metadata.labels).not.toHaveProperty('env');

  // A policy about other namespaces alone says that it does nothing here.
  const match = { resources: [{ group: '', resource: 'configmaps' }], namespaces: ['somewhere-else'] };
  await stage().applyPolicy('elsewhere', { mode: 'Enforce', match, rules: setEnv });
  const elsewhere = await stage().policy('elsewhere', (policy) => policy.conditions['Watching']?.reason === 'Failed');
  expect(elsewhere.conditions['Ready']?.message).toContain(
    `none of the namespaces that the policy names is watched: the operator is limited to namespaces ${a} and ${later}`,
  );

  // The namespace comes, with the right; it goes, and comes again.
  for (const round of ['first', 'second']) {
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: later } }, { force: true });
    await grantTargets(later);
    await admin.apply(configMap(later, round), { force: true });
    await stage().labels(path(later, round), ({ env }) => env === 'prod');
    if (round === 'second') break;
    await admin.delete(`/api/v1/namespaces/${later}`);
    await admin.waitForGone(`/api/v1/namespaces/${later}`);
  }
  const healed = await stage().policy('beyond', (policy) => policy.conditions['Watching']?.reason === 'Failed');
  expect(healed.conditions['Watching']?.message).toContain('the operator is limited to');
});
