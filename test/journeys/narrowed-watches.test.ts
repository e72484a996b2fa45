import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { AUDITED_NAMESPACE, type AuditMark } from '../cluster/audit-log.ts';
import { eventually } from '../cluster/eventually.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const RBAC = 'rbac.authorization.k8s.io';
const OWN = { kind: 'ServiceAccount', name: 'watchkeeper', namespace: AUDITED_NAMESPACE };
const BINDING = {
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name: 'test-narrowed-watches' },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [OWN],
};
let kubeconfig = '';
let folder = '';

/** An operator whose reads are logged too, with all rights. */
beforeAll(async () => {
  const { admin, cluster } = stage();
  await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: AUDITED_NAMESPACE } });
  const metadata = { name: OWN.name, namespace: OWN.namespace };
  await admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  await admin.apply(BINDING);
  kubeconfig = await cluster.kubeconfigFor(OWN);
});
afterAll(async () => stage().admin.delete(`/apis/${RBAC}/v1/clusterrolebindings/${BINDING.metadata.name}`));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narrowed-'));
});
afterEach(() => rm(folder, { recursive: true }));

const Line = z.looseObject({ event: z.string(), change: z.string().optional(), name: z.string() });

/** What the operator has said of results: how, and of which object. */
async function told(): Promise<readonly string[]> {
  const text = await readFile(join(folder, 'audit.log'), 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Line.parse(JSON.parse(line)))
    .filter(({ event }) => event === 'verdict')
    .map(({ change, name }) => `${change} ${name}`);
}

/** By what ConfigMaps were watched since then: namespace and label selector, in the order in which the watches ended. */
async function watches(mark: AuditMark): Promise<readonly string[]> {
  const entries = await stage().cluster.entriesSince(mark);
  return entries
    .filter(({ user }) => user === `system:serviceaccount:${OWN.namespace}:${OWN.name}`)
    .filter(({ verb, resource, code }) => verb === 'watch' && resource === 'configmaps' && code === 200)
    .map(({ namespace, requestURI }) => {
      const selector = new URL(requestURI, 'https://any').searchParams.get('labelSelector');
      return `${namespace || 'all'}: ${selector ?? 'everything'}`;
    });
}

const at = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;
const configMaps = { resources: [{ group: '', resource: 'configmaps' }] };
const requireTeam = [{ name: 'team', require: { labels: [{ key: 'team' }] } }];

async function startOperator() {
  const args = ['--namespace', AUDITED_NAMESPACE, '--audit-log', join(folder, 'audit.log')];
  return stage().startOperator({ kubeconfig, args });
}

describe('row 43: of a kind only what policies can match is asked for', () => {
  test('by labels; what leaves them counts no more, and while a policy writes the kind all of it is watched', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('narrowed');
    // Nobody else's.
    const match = { ...configMaps, objectSelector: { matchLabels: { for: ns } } };
    const named = (name: string, i: number) => configMap(ns, `${name}-${i}`, name === 'in' ? { for: ns } : {});
    await admin.createMany(Array.from({ length: 200 }, (_, i) => named(i < 20 ? 'in' : 'out', i)));
    const mark = await cluster.auditMark();
    const operator = await startOperator();
    const held = async () => operator.metric('watchkeeper_informer_objects', 'kind="configmaps"');
    await stage().applyPolicy('narrow', { match, rules: requireTeam });
    await stage().policy('narrow', ({ summary }) => summary['violating'] === 20);
    expect(await held()).toBe(20);

    await admin.patch(at(ns, 'in-0'), { metadata: { labels: { for: 'nobody' } } });
    await admin.delete(at(ns, 'in-1'));
    await stage().policy('narrow', ({ summary }) => summary['matched'] === 18);
    await expect.poll(told).toEqual(expect.arrayContaining(['Ended in-0', 'Gone in-1']));
    await admin.patch(at(ns, 'in-0'), { metadata: { labels: { for: ns } } });
    const { violations } = await stage().policy('narrow', ({ summary }) => summary['matched'] === 19);
    expect(violations.map(({ name }) => name)).toContain('in-0');

    await stage().applyPolicy('writes', {
      mode: 'Enforce',
      match,
      rules: [{ name: 'seen', set: { labels: [{ key: 'seen', value: ns }] } }],
    });
    const collection = `/api/v1/namespaces/${ns}/configmaps`;
    await stage().waitForCount(collection, `seen=${ns}`, 19);
    await stage().policy('writes', (policy) => is(policy, 'Ready') === 'True');
    expect(await held()).toBeGreaterThanOrEqual(199);
    await admin.patch(at(ns, 'in-2'), { metadata: { labels: { for: 'nobody' } } });
    await stage().labels(at(ns, 'in-2'), ({ seen }) => seen === undefined);

    await stage().deletePolicy('writes');
    await stage().waitForCount(collection, `seen=${ns}`, 0);
    await expect.poll(held, { timeout: 15_000 }).toBe(18);
    await stage().policy('narrow', ({ summary }) => summary['matched'] === 18);
    await operator.stop();
    // All was listed anew before the kind was let go, and then watched, for a moment or not at all.
    const inTurn = async () => (await watches(mark)).filter((one, i, all) => one !== all[i - 1]);
    await eventually('the watches', inTurn, ({ length }) => length >= 3);
    expect(await inTurn()).toEqual([`all: for in (${ns})`, 'all: everything', `all: for in (${ns})`]);
    // Nothing was said of it for the watches' sake.
    const twice = (await told()).filter((one) => one.endsWith(' in-5'));
    expect(twice).toEqual(['Appeared in-5']);
  });

  test('by namespace; one more is watched beside those that are', async () => {
    const { admin, cluster } = stage();
    const [a, b, c] = await Promise.all(['na', 'nb', 'nc'].map(async (name) => admin.createNamespace(name)));
    if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
    for (const ns of [a, b, c]) await admin.create(configMap(ns, 'one'));
    const mark = await cluster.auditMark();
    const operator = await startOperator();
    const within = async (...namespaces: string[]) =>
      stage().applyPolicy('narrow', { match: { ...configMaps, namespaces }, rules: requireTeam });
    const found = async (count: number) =>
      stage().policy('narrow', (policy) => policy.summary['violating'] === count && is(policy, 'Ready') === 'True');
    await within(a, b);
    await found(2);
    await within(a, b, c);
    await found(3);
    await within(c);
    await found(1);
    expect(await operator.metric('watchkeeper_informer_objects', 'kind="configmaps"')).toBe(1);
    await operator.stop();
    await eventually(
      'the watches',
      async () => watches(mark),
      (ended) => ended.length >= 3,
    );
    const all = [a, b, c].map((namespace) => `${namespace}: everything`);
    expect((await watches(mark)).toSorted()).toEqual(all.toSorted());
  });
});
