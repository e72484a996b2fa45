import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { VERSION } from '../../src/base/version.ts';
import { at } from '../cluster/kube-object.ts';
import { configMap, is, type PolicySpec, useStage } from '../support/stage.ts';

const stage = useStage();
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'attribution-'));
});
afterEach(() => rm(folder, { recursive: true }));

const Key = z.object({ in: z.string(), key: z.string(), policy: z.string(), generation: z.number(), rule: z.string() });
const Line = z.looseObject({
  event: z.string(),
  resource: z.string().default(''),
  manager: z.string().default(''),
  namespace: z.string().default(''),
  name: z.string().default(''),
  to: z.string().optional(),
  set: z.array(Key).default([]),
  removed: z.array(z.looseObject({ key: z.string() })).default([]),
});

function policyOn(ns: string, value: string): PolicySpec {
  return {
    mode: 'Enforce',
    match: {
      resources: [
        { group: '', resource: 'configmaps' },
        { group: '', resource: 'services' },
      ],
      namespaces: [ns],
    },
    rules: [
      { name: 'team', set: { labels: [{ key: 'team', value }] } },
      { name: 'owner', rename: { labels: [{ from: 'owner', to: 'acme.io/owner' }] } },
    ],
  };
}

const MANAGERS = ['watchkeeper', 'watchkeeper-retained', 'watchkeeper-ledger'];

test('G16: every write can be traced to this version, its account, its manager, and the policy, generation and rule behind each key', async () => {
  const { admin, cluster } = stage();
  await stage().sweep();
  const ns = await admin.createNamespace('traced');
  await admin.create(configMap(ns, 'a', { owner: 'ann' }));
  await admin.create(configMap(ns, 'b', { team: 'red' }));
  const spec = { ports: [{ port: 80 }] };
  await admin.create({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: ns, name: 's' }, spec });
  const file = join(folder, 'audit.log');
  const mark = await cluster.auditMark();
  const operator = await stage().startOperator({ args: ['--audit-log', file] });
  for (const value of ['blue', 'green']) {
    await stage().applyPolicy('traced', policyOn(ns, value));
    for (const [kind, name] of [
      ['configmaps', 'a'],
      ['configmaps', 'b'],
      ['services', 's'],
    ] as const) {
      await stage().labels(`/api/v1/namespaces/${ns}/${kind}/${name}`, ({ team }) => team === value);
    }
    await stage().policy('traced', (policy) => is(policy, 'Compliant') === 'True');
  }
  // Events say it to whoever looks at the policy.
  const told = async () =>
    (await admin.list('/apis/events.k8s.io/v1/namespaces/default/events')).items
      .filter(
        (event) => at(event, 'regarding', 'kind') === 'WatchPolicy' && at(event, 'regarding', 'name') === 'traced',
      )
      .map(
        (event) =>
          `${String(at(event, 'reportingController'))} ${String(at(event, 'reason'))}: ${String(at(event, 'note'))}`,
      );
  const by = 'watchkeeper.dev/watchkeeper';
  for (const words of [`${by} PolicyAccepted: generation 2`, `${by} ObjectsWritten: labelled`]) {
    await expect.poll(async () => (await told()).some((one) => one.startsWith(words))).toBe(true);
  }
  await stage().deletePolicy('traced');
  await stage().waitForCount(`/api/v1/namespaces/${ns}/configmaps`, 'team', 0);
  await stage().waitForCount(`/api/v1/namespaces/${ns}/services`, 'team', 0);
  expect(await operator.stop()).toBe(0);

  const entries = (await cluster.entriesSince(mark)).filter(
    ({ user }) => user === 'system:serviceaccount:watchkeeper:watchkeeper',
  );
  const ofObjects = entries.filter(
    ({ namespace, resource }) => namespace === ns && ['configmaps', 'services'].includes(resource),
  );
  // Two for the renamed one, and then one for each value, and one at the end.
  expect(ofObjects.length).toBeGreaterThanOrEqual(3 * 3 + 1);
  for (const { userAgent } of entries) {
    expect(userAgent).toMatch(new RegExp(`^watchkeeper/${VERSION.replaceAll('.', '\\.')} \\(`));
  }
  const patches = entries.filter(({ verb, resource }) => verb === 'patch' && !['events', 'leases'].includes(resource));
  expect(patches.filter(({ fieldManager }) => !MANAGERS.includes(fieldManager))).toEqual([]);
  // Nobody else does anything in its name.
  const strangers = (await cluster.entriesSince(mark)).filter(
    ({ user, userAgent, fieldManager }) =>
      (userAgent.startsWith('watchkeeper/') || MANAGERS.includes(fieldManager)) &&
      user !== 'system:serviceaccount:watchkeeper:watchkeeper',
  );
  expect(strangers).toEqual([]);

  const lines = (await readFile(file, 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line) => Line.parse(JSON.parse(line)))
    .filter(({ event, namespace }) => event === 'write' && namespace === ns);
  const written = lines.map(({ resource, name }) => `${resource}/${name}`).toSorted();
  expect(written).toEqual(ofObjects.map(({ resource, name }) => `${resource}/${name}`).toSorted());
  for (const { set, manager } of lines) {
    expect(MANAGERS).toContain(manager);
    for (const key of set) {
      expect(key).toMatchObject({ policy: 'traced' });
      expect([1, 2]).toContain(key.generation);
      expect(key.rule).toBe(key.key === 'team' ? 'team' : 'owner');
    }
  }
  const generations = lines
    .filter(({ name }) => name === 's')
    .map(({ set }) => set.map(({ generation }) => generation));
  expect(generations).toEqual([[1], [2], []]);
});
