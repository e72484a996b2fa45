import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import type { Admin } from '../cluster/api.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../cluster/eventually.ts';
import type { KubeObject } from '../cluster/kube-object.ts';
import { certificate, database, scaledObject, serviceMonitor } from '../support/custom-kinds.ts';
import { stopOperators } from '../support/operator-process.ts';
import { realCrds } from '../support/real-crds.ts';
import { configMap, Stage } from '../support/stage.ts';

/** What no policy may be about. */
const REPORTS = new Set(['openreports.io', 'wgpolicyk8s.io']);
const MIB = 1_048_576;

let cluster: ControlPlane;
let stage: Stage;

// Not the shared one: so many schemas make an API server large for good.
beforeAll(async () => {
  cluster = await startControlPlane();
  stage = await Stage.install(cluster);
});

afterEach(stopOperators);

afterAll(async () => {
  stage.admin.close();
  await cluster.stop();
});

/** The API server needs its time for so many schemas, on a busy machine a lot; often asked, it needs more. */
const SLOWLY = { intervalMs: 250 };

const groupsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      versions: z.array(z.object({ resources: z.array(z.object({ resource: z.string() })).optional() })),
    }),
  ),
});

/** `plural.group` of all that discovery shows, built-in kinds of the core group left out. */
async function servedNames(admin: Admin): Promise<ReadonlySet<string>> {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const { items } = groupsSchema.parse(await admin.json('GET', '/apis', undefined, { accept }));
  return new Set(
    items.flatMap(({ metadata, versions }) =>
      versions.flatMap(({ resources = [] }) => resources.map(({ resource }) => `${resource}.${metadata.name}`)),
    ),
  );
}

const statusSchema = z.looseObject({
  watching: z.looseObject({ synced: z.number() }),
  resources: z.array(z.unknown()),
});
const statusOf = (policy: KubeObject) => statusSchema.parse(policy['status']);

const seconds = (from: number, to: number) => ((to - from) / 1_000).toFixed(1);

/** Names of all kinds by the metric, and whether any of them is not being watched. */
async function kindsOf(operator: { page(path: string): Promise<{ readonly body: string }> }) {
  const { body } = await operator.page('/metrics');
  const lines = body.matchAll(/^watchkeeper_informer_state\{kind="(?<kind>[^"]+)",state="(?<state>\w+)"\} 1$/gmu);
  return new Map([...lines].map(({ groups }) => [groups?.['kind'] ?? '', groups?.['state'] ?? '']));
}

test('96 CRDs installed at once under a policy about everything: each kind is one watch, and its objects are labelled', async () => {
  const { admin } = stage;
  const crds = realCrds();
  expect(crds).toHaveLength(96);
  const custom = crds.filter(({ group }) => !REPORTS.has(group)).map(({ name }) => name);
  await stage.grant('*', ['*']);
  const ns = await admin.createNamespace('real');
  await admin.create(configMap(ns, 'built-in'));
  const operator = await stage.startOperator();
  await stage.applyPolicy('everything', {
    mode: 'Enforce',
    match: { resources: [{ group: '*', resource: '*' }], namespaces: [ns] },
    rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }],
  });
  await stage.labels(`/api/v1/namespaces/${ns}/configmaps/built-in`, (labels) => labels['env'] === 'prod');
  await stage.policy('everything', (view) => view.conditions['Watching']?.reason === 'Watching');
  const builtIn = await kindsOf(operator);
  const residentBefore = await operator.metric('process_resident_memory_bytes');

  const began = performance.now();
  await Promise.all(crds.map(async ({ manifest }) => admin.apply(manifest)));
  const applied = performance.now();
  const served = eventually(
    'every kind to be served',
    async () => servedNames(admin),
    (names) => crds.every(({ name }) => names.has(name)),
    SLOWLY,
  ).then(() => performance.now());
  const kinds = await eventually(
    'every kind to be watched',
    async () => kindsOf(operator),
    (found) => custom.every((name) => found.get(name) === 'Watching'),
    SLOWLY,
  );
  const watched = performance.now();
  expect(watched - (await served)).toBeLessThan(5_000);

  expect([...kinds.keys()].filter((name) => !builtIn.has(name)).toSorted()).toEqual(custom.toSorted());
  expect([...kinds.values()].filter((state) => state !== 'Watching')).toEqual([]);
  const objects = [
    [`/apis/cert-manager.io/v1/namespaces/${ns}/certificates/web`, certificate(ns, 'web')],
    [`/apis/keda.sh/v1alpha1/namespaces/${ns}/scaledobjects/web`, scaledObject(ns, 'web')],
    [`/apis/monitoring.coreos.com/v1/namespaces/${ns}/servicemonitors/web`, serviceMonitor(ns, 'web')],
    [`/apis/postgresql.cnpg.io/v1/namespaces/${ns}/databases/web`, database(ns, 'web')],
  ] as const;
  for (const [path, object] of objects) {
    await admin.apply(object);
    await stage.labels(path, (labels) => labels['env'] === 'prod');
  }
  const view = await stage.policy(
    'everything',
    ({ raw, summary }) => statusOf(raw).watching.synced === kinds.size && summary['owned'] === objects.length + 2,
  );
  expect(view.conditions['Watching']).toMatchObject({ status: 'True', reason: 'Watching' });
  expect(view.conditions['Watching']?.message).toContain('(reports of policies are not ruled by policies)');
  expect(statusOf(view.raw).resources).toHaveLength(50);
  // Besides the kinds: policies, CRDs and APIServices, which a glob does not bring in.
  await expect.poll(async () => operator.metric('watchkeeper_streams', 'pool="watch"')).toBe(kinds.size + 3);
  const resident = await operator.metric('process_resident_memory_bytes');
  process.stdout.write(
    `${kinds.size} kinds: CRDs applied in ${seconds(began, applied)} s, served after ${seconds(began, await served)} s, all watched after ${seconds(began, watched)} s; ` +
      `resident ${Math.round(residentBefore / MIB)} MiB before, ${Math.round(resident / MIB)} MiB after\n`,
  );
  expect(resident - residentBefore).toBeLessThan(100 * MIB);
});
