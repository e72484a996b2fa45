import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, type Manifest } from '../cluster/kube-object.ts';
import { POLICIES } from '../support/installation.ts';
import { quiet } from '../support/policy-story.ts';
import { installCrd, kindOf, removeCrd, type SimpleCrd } from '../support/simple-crd.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

/** What policies report, by whichever of the groups. */
const REPORTS: readonly SimpleCrd[] = [
  { group: 'wgpolicyk8s.io', plural: 'policyreports' },
  { group: 'wgpolicyk8s.io', plural: 'clusterpolicyreports', scope: 'Cluster' },
  { group: 'openreports.io', plural: 'reports' },
  { group: 'openreports.io', plural: 'clusterreports', scope: 'Cluster' },
];
const OTHERS = [
  ['', 'events'],
  ['events.k8s.io', 'events'],
  ['coordination.k8s.io', 'leases'],
  ['', 'endpoints'],
  ['discovery.k8s.io', 'endpointslices'],
  ['watchkeeper.dev', 'watchpolicies'],
] as const;
const NAMED = [...REPORTS.map(({ group, plural }) => [group, plural] as const), ...OTHERS];

/** Globs by which somebody could mean them. */
const GLOBS = [
  ['*', '*'],
  ['wgpolicyk8s*', '*'],
  ['*policyk8s.io', '*reports'],
  ['*', 'clusterpolicyreport*'],
  ['open*', 'rep*'],
  ['openreports.*', '*'],
  ['watchkeeper.*', '*'],
  ['*.dev', 'watch*'],
  ['*', 'event*'],
  ['*.k8s.io', 'lease*'],
  ['', 'endpoint*'],
  ['discovery*', '*slices'],
] as const;

let revoke: (() => Promise<void>)[] = [];
beforeAll(async () => {
  for (const crd of REPORTS) await installCrd(stage().admin, crd);
  // With the right to write each of them: what keeps it from that is itself.
  for (const [group, resource] of NAMED) revoke.push(await stage().grant(group, [resource]));
});
afterAll(async () => {
  for (const step of revoke) await step();
  revoke = [];
  for (const crd of REPORTS) await removeCrd(stage().admin, crd);
});

function targets(ns: string): readonly Manifest[] {
  const reports = REPORTS.map(({ group, plural, scope }) => ({
    apiVersion: `${group}/v1`,
    kind: kindOf(plural),
    metadata: { name: ns, ...(scope === 'Cluster' ? {} : { namespace: ns }) },
  }));
  const metadata = { name: ns, namespace: ns };
  const regarding = { apiVersion: 'v1', kind: 'ConfigMap', ...metadata };
  const event = { reason: 'Test', type: 'Normal', action: 'Test', regarding, eventTime: '2026-01-01T00:00:00.000000Z' };
  return [
    ...reports,
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: {} },
    { apiVersion: 'v1', kind: 'Endpoints', metadata },
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType: 'IPv4', endpoints: [] },
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata,
      ...event,
      reportingController: 'test/x',
      reportingInstance: 'x',
    },
  ];
}

const rules = [{ name: 'mark', set: { labels: [{ key: 'marked', value: 'yes' }] } }];

const match = (resources: readonly object[]) => ({ mode: 'Enforce' as const, match: { resources }, rules });

test('G18: reports, policies and what is ours are not written through policies, by name or by glob', async () => {
  const { admin, cluster } = stage();
  const ns = await admin.createNamespace('reports');
  const made = [];
  for (const manifest of targets(ns)) {
    const { metadata } = await admin.create(manifest);
    made.push([await admin.pathOf(manifest), metadata.resourceVersion] as const);
  }
  const own = await admin.apply(configMap('watchkeeper', 'of-ours'), { force: true });
  const mark = await cluster.auditMark();
  const operator = await stage().startOperator();

  // By name: each is refused, the whole policy with it.
  const good = { group: '', resource: 'configmaps' };
  for (const [i, [group, resource]] of NAMED.entries()) {
    for (const [j, version] of [undefined, 'v1'].entries()) {
      const entry = { group, resource, ...(version === undefined ? {} : { version }) };
      await stage().applyPolicy(`named-${i}-${j}`, match([good, entry]));
    }
  }
  for (const [i] of NAMED.entries()) {
    for (const j of [0, 1]) {
      const { conditions } = await stage().policy(`named-${i}-${j}`, (policy) => is(policy, 'Accepted') !== 'Unset');
      expect(conditions['Accepted']).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
      expect(conditions['Accepted']?.message).toContain('spec.match.resources[1].resource: must not be');
    }
  }
  // By another spelling: the server does not take it, or it is the name of nothing.
  for (const [group, resource] of [
    ['wgpolicyk8s.io', 'policyreports/status'],
    ['wgpolicyk8s.io', 'PolicyReports'],
    ['WGPOLICYK8S.IO', 'policyreports'],
    ['wgpolicyk8s.io/v1', 'policyreports'],
    ['', 'policyreports.wgpolicyk8s.io'],
    ['wgpolicyk8s.io', 'policyreport'],
    ['wgpolicyk8s.io.', 'policyreports'],
    [' wgpolicyk8s.io', 'policyreports'],
    ['watchkeeper.dev', 'wp'],
    ['watchkeeper.dev', 'watchpolicies/status'],
  ] as const) {
    const manifest = { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', metadata: { name: 'spelt' } };
    const body = { ...manifest, spec: match([{ group, resource }]) };
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    const { status } = await admin.request(
      'PATCH',
      `${POLICIES}/spelt?fieldManager=test-admin&force=true`,
      body,
      headers,
    );
    if (status >= 300) continue;
    const view = await stage().policy(
      'spelt',
      (policy) => is(policy, 'Accepted') !== 'Unset' && is(policy, 'Watching') !== 'Unset',
    );
    expect(
      [view.conditions['Accepted']?.status, at(view.raw, 'status', 'resources', 0, 'state')],
      `${group}/${resource}`,
    ).not.toEqual(['True', 'Watching']);
  }
  // By globs: they leave these out.
  await stage().clear();
  const resources = GLOBS.map(([group, resource]) => ({ group, resource }));
  await stage().applyPolicy('globs', { ...match(resources), match: { resources, namespaces: [ns, 'watch*'] } });
  await stage().applyPolicy('clustered', match(resources.map((each) => ({ ...each, scope: 'Cluster' }))));
  await admin.create(configMap(ns, 'sentinel'));
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/sentinel`, (labels) => labels['marked'] === 'yes');
  await quiet(stage(), operator);

  for (const [path, version] of made) expect((await admin.get(path)).metadata.resourceVersion, path).toBe(version);
  const now = await admin.get('/api/v1/namespaces/watchkeeper/configmaps/of-ours');
  expect(now.metadata.resourceVersion).toBe(own.metadata.resourceVersion);
  const labelled = (await admin.list(POLICIES)).items.filter(({ metadata }) => 'marked' in metadata.labels);
  expect(labelled).toEqual([]);
  // It was not even tried.
  const tried = (await cluster.entriesSince(mark)).filter(
    ({ userAgent, group, resource, subresource, verb, namespace }) =>
      userAgent.startsWith('watchkeeper/') &&
      verb === 'patch' &&
      subresource === '' &&
      NAMED.some(([g, r]) => g === group && r === resource) &&
      resource !== 'events' &&
      // Its own Lease.
      !(resource === 'leases' && namespace === 'watchkeeper'),
  );
  expect(tried).toEqual([]);
  await admin.delete('/api/v1/namespaces/watchkeeper/configmaps/of-ours');
});
