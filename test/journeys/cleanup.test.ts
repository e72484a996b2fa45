import { beforeEach, describe, expect, test } from 'vitest';
import { keysAndOwners } from '../support/key-owners.ts';
import { type CommandEnd, runProduct } from '../support/run-product.ts';
import { configMap, useStage } from '../support/stage.ts';

const stage = useStage();
let ns = '';

const set = (key: string, value: string) => ({ name: key, set: { labels: [{ key, value }] } });
const cm = (name: string) => `/api/v1/namespaces/${ns}/configmaps/${name}`;

async function cleanup(...args: readonly string[]): Promise<CommandEnd> {
  return runProduct(['cleanup', '--kubeconfig', stage().cluster.kubeconfig, ...args]);
}

/** The words of a row of the table. */
function row({ stdout }: CommandEnd, kind: string): readonly string[] | undefined {
  return stdout
    .split('\n')
    .map((line) => line.split(/\s{2,}/))
    .find(([name]) => name === kind);
}

async function keys(path: string): Promise<Record<string, string>> {
  return keysAndOwners(await stage().admin.get(path));
}

/** Objects with keys of both our managers, the policies that set them gone with their operator. */
beforeEach(async () => {
  const { admin } = stage();
  ns = await admin.createNamespace('cleanup');
  await admin.create(configMap(ns, 'a', { mine: 'yes' }));
  await admin.create(configMap(ns, 'b'));
  await admin.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: ns, name: 's' },
    spec: { ports: [{ port: 80 }] },
  });
  const operator = await stage().startOperator();
  const match = {
    resources: [
      { group: '', resource: 'configmaps' },
      { group: '', resource: 'services' },
    ],
    namespaces: [ns],
  };
  await stage().applyPolicy('goes', { mode: 'Enforce', match, rules: [set('team', 'blue')] });
  await stage().applyPolicy('stays', {
    mode: 'Enforce',
    removalPolicy: 'Retain',
    match: { ...match, names: ['a'] },
    rules: [{ name: 'kept', set: { annotations: [{ key: 'kept', value: 'on' }] } }],
  });
  await stage().policy('goes', (policy) => policy.summary['owned'] === 3);
  await stage().policy('stays', (policy) => policy.summary['owned'] === 1);
  await operator.kill();
});

describe('watchkeeper cleanup, with no operator', () => {
  test('refuses while policies are enforced, and says what to do', async () => {
    const end = await cleanup();
    expect(end).toMatchObject({ code: 2, stdout: '' });
    expect(end.stderr).toContain("2 policies are enforced, such as 'goes' and 'stays'");
    expect(end.stderr).toContain('Delete the policies first');
    expect(await keys(cm('b'))).toEqual({ team: 'blue (watchkeeper)' });
  });

  test('a dry run counts, lists and changes nothing, also while policies are enforced', async () => {
    const mark = await stage().cluster.auditMark();
    const end = await cleanup('--dry-run', '--kinds', 'configmaps,services');
    expect(end.code).toBe(0);
    expect(end.stdout).toMatch(/would remove \d+ keys on \d+ objects\. Nothing was changed\./);
    expect(row(end, 'configmaps')?.at(-1)).toBe('would be cleaned');
    expect(await stage().writesSince(mark, ns)).toEqual([]);
  });

  test('takes what is ours from every kind, once, and leaves what is of others and what is to stay', async () => {
    const { cluster } = stage();
    await stage().clear();
    const mark = await cluster.auditMark();
    const end = await cleanup();
    expect(end, end.stdout).toMatchObject({ code: 0, stderr: '' });
    expect(end.stdout).toMatch(
      /keys? (is|are) to stay \(removalPolicy Retain, or renamed\) and (was|were) left; --retained removes/,
    );
    expect(await keys(cm('a'))).toEqual({ mine: 'yes (test-admin)', '@kept': 'on (watchkeeper-retained)' });
    expect(await keys(cm('b'))).toEqual({});
    expect(await keys(`/api/v1/namespaces/${ns}/services/s`)).toEqual({});
    await expect.poll(async () => (await stage().writesSince(mark, ns)).length).toBe(3);

    const again = await cleanup('--kinds', 'configmaps', 'services');
    expect(again.stdout).toContain('there is nothing to remove');
    expect(await stage().writesSince(mark, ns)).toHaveLength(3);
  });

  test('with --retained nothing of ours is left, and --kinds leaves other kinds alone', async () => {
    await stage().clear();
    const end = await cleanup('--retained', '--kinds', 'configmaps');
    expect(end.code).toBe(0);
    expect(await keys(cm('a'))).toEqual({ mine: 'yes (test-admin)' });
    expect(await keys(`/api/v1/namespaces/${ns}/services/s`)).toEqual({ team: 'blue (watchkeeper)' });
  });

  test('an unknown kind ends it before anything is done', async () => {
    const end = await cleanup('--force', '--kinds', 'deployments');
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("'deployments' is not served by this cluster; did you mean 'deployments.apps'?");
  });

  test('a missing right is named, other kinds are cleaned, and the exit code says that something is left', async () => {
    const { admin, cluster } = stage();
    await stage().clear();
    const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: `cleaner-${ns}` } };
    await admin.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: ns, name: 'cleaner' } });
    await admin.create({
      ...rbac,
      kind: 'ClusterRole',
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'patch'] }],
    });
    await admin.create({
      ...rbac,
      kind: 'ClusterRoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `cleaner-${ns}` },
      subjects: [{ kind: 'ServiceAccount', name: 'cleaner', namespace: ns }],
    });
    const kubeconfig = await cluster.kubeconfigFor({ namespace: ns, name: 'cleaner' });
    const end = await runProduct(['cleanup', '--kubeconfig', kubeconfig, '--force', '--kinds', 'configmaps,services']);
    expect(end.code).toBe(1);
    expect(row(end, 'configmaps')?.at(-1)).toBe('cleaned');
    expect(row(end, 'services')?.at(-1)).toContain('cannot list resource "services"');
    expect(end.stdout).toContain('1 kind was not finished');
  });
});
