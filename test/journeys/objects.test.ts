import { describe, expect, test } from 'vitest';
import type { AuditMark } from '../cluster/audit-log.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

/** Names of the objects that the operator wrote, in order. The log tells of a write a moment after its label can be seen. */
async function writtenSince(mark: AuditMark, namespace: string): Promise<readonly string[]> {
  return (await stage().writesSince(mark, namespace)).map(({ name }) => name);
}

function path(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps/${name}`;
}

function policyOn(namespace: string, rules: readonly object[], match: object = {}) {
  return {
    mode: 'Enforce' as const,
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace], ...match },
    rules,
  };
}

const setTeam = [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }];
const defaultTeam = [{ name: 'team', default: { labels: [{ key: 'team', value: 'blue' }] } }];
const fromNamespace = [
  {
    name: 'cost',
    set: { labels: [{ key: 'cost-center', valueFrom: { namespaceLabel: 'cost-center' }, fallback: 'unknown' }] },
  },
];

describe('objects under an enforced policy', () => {
  test('a new object is labelled, and what somebody changes or removes by hand comes back', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('drift');
    await stage().startOperator();
    await stage().applyPolicy('drift', policyOn(ns, setTeam));
    await stage().policy('drift', (policy) => is(policy, 'Ready') === 'True');
    const mark = await cluster.auditMark();

    await admin.create(configMap(ns, 'new'));
    await stage().labels(path(ns, 'new'), (labels) => labels['team'] === 'blue');
    await admin.patch(path(ns, 'new'), { metadata: { labels: { team: 'red' } } });
    await stage().labels(path(ns, 'new'), (labels) => labels['team'] === 'blue');
    await admin.patch(path(ns, 'new'), { metadata: { labels: { team: null } } });
    await stage().labels(path(ns, 'new'), (labels) => labels['team'] === 'blue');
    // A change of something else is nobody's drift.
    await admin.patch(path(ns, 'new'), { metadata: { labels: { other: 'x' } }, data: { a: 'c' } });

    await admin.create(configMap(ns, 'sentinel'));
    await stage().labels(path(ns, 'sentinel'), (labels) => labels['team'] === 'blue');
    await expect.poll(async () => writtenSince(mark, ns)).toEqual(['new', 'new', 'new', 'sentinel']);
  });

  test('objects follow the label of their Namespace, and the fallback when it goes', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('relabelled', { 'cost-center': 'cc-1' });
    const other = await admin.createNamespace('other', { 'cost-center': 'cc-9' });
    await admin.createMany(Array.from({ length: 20 }, (_, i) => configMap(ns, `cm-${i}`)));
    await admin.create(configMap(other, 'elsewhere'));
    await stage().startOperator();
    await stage().applyPolicy('cost', {
      ...policyOn(ns, fromNamespace),
      match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns, other] },
    });
    const collection = `/api/v1/namespaces/${ns}/configmaps`;
    await stage().waitForCount(collection, 'cost-center=cc-1', 20);
    await stage().labels(path(other, 'elsewhere'), (labels) => labels['cost-center'] === 'cc-9');

    const mark = await cluster.auditMark();
    await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { labels: { 'cost-center': 'cc-2' } } });
    await stage().waitForCount(collection, 'cost-center=cc-2', 20);
    await expect.poll(async () => writtenSince(mark, ns)).toHaveLength(20);
    await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { labels: { 'cost-center': null } } });
    await stage().waitForCount(collection, 'cost-center=unknown', 20);
    await expect.poll(async () => writtenSince(mark, ns)).toHaveLength(40);
  });

  test('objects come and go as their Namespace starts and stops to be selected', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('selected');
    await admin.create(configMap(ns, 'one'));
    await stage().startOperator();
    await stage().applyPolicy('prod', {
      mode: 'Enforce',
      match: {
        resources: [{ group: '', resource: 'configmaps' }],
        namespaceSelector: { matchLabels: { [`env-${ns}`]: 'prod' } },
      },
      exclude: [{ names: ['skip-*'] }, { objectSelector: { matchLabels: { 'acme.io/skip': 'true' } } }],
      rules: setTeam,
    });
    await stage().policy('prod', (policy) => is(policy, 'Compliant') === 'True');
    await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { labels: { [`env-${ns}`]: 'prod' } } });
    await stage().labels(path(ns, 'one'), (labels) => labels['team'] === 'blue');

    await admin.create(configMap(ns, 'skip-me'));
    await admin.create(configMap(ns, 'two', { 'acme.io/skip': 'true' }));
    await admin.create(configMap(ns, 'three'));
    await stage().labels(path(ns, 'three'), (labels) => labels['team'] === 'blue');
    expect((await admin.get(path(ns, 'skip-me'))).metadata.labels).toEqual({});
    expect((await admin.get(path(ns, 'two'))).metadata.labels).toEqual({ 'acme.io/skip': 'true' });

    await admin.patch(path(ns, 'one'), { metadata: { labels: { 'acme.io/skip': 'true' } } });
    await stage().labels(path(ns, 'one'), (labels) => labels['team'] === undefined);
    await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { labels: { [`env-${ns}`]: 'dev' } } });
    await stage().labels(path(ns, 'three'), (labels) => labels['team'] === undefined);
  });

  test('a value that is read from the spec follows it, beside a policy that reads metadata only', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('spec');
    const service = (name: string, type: string) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: ns, name },
      spec: { type, ports: [{ port: 80 }] },
    });
    const at = (name: string) => `/api/v1/namespaces/${ns}/services/${name}`;
    await admin.create(service('web', 'NodePort'));
    await stage().startOperator();
    const mark = await cluster.auditMark();
    const services = { group: '', resource: 'services' };
    await stage().applyPolicy('team', { ...policyOn(ns, setTeam), match: { resources: [services], namespaces: [ns] } });
    await stage().labels(at('web'), (labels) => labels['team'] === 'blue');
    // Now more than metadata is read of the same kind: it is watched anew, and nothing is written twice for that.
    await stage().applyPolicy('exposure', {
      mode: 'Enforce',
      match: { resources: [{ ...services, version: 'v1' }], namespaces: [ns] },
      rules: [
        { name: 'type', set: { labels: [{ key: 'exposure', valueFrom: { jsonPath: '$.spec.type' } }] } },
        {
          name: 'port',
          set: { annotations: [{ key: 'acme.io/port', valueFrom: { jsonPath: '$.spec.ports[0].port' } }] },
        },
        { name: 'ports', set: { labels: [{ key: 'ports', valueFrom: { jsonPath: '$.spec.ports' } }] } },
      ],
    });
    await stage().labels(at('web'), (labels) => labels['exposure'] === 'NodePort');
    expect((await admin.get(at('web'))).metadata.annotations).toEqual({ 'acme.io/port': '80' });
    const listed = await stage().policy('exposure', (policy) => policy.violationsTotal === 1);
    expect(listed.violations).toMatchObject([{ name: 'web', rule: 'ports', result: 'Error' }]);
    expect(listed.violations[0]?.message).toContain('the value is a list');
    expect(is(listed, 'Ready')).toBe('True');

    await admin.patch(at('web'), { spec: { type: 'ClusterIP', ports: [{ port: 80, nodePort: null }] } });
    await stage().labels(at('web'), (labels) => labels['exposure'] === 'ClusterIP');
    await admin.create(service('api', 'ClusterIP'));
    await stage().labels(at('api'), (labels) => labels['exposure'] === 'ClusterIP' && labels['team'] === 'blue');

    await stage().deletePolicy('exposure');
    await stage().labels(at('api'), (labels) => labels['exposure'] === undefined);
    await stage().labels(at('web'), (labels) => labels['exposure'] === undefined && labels['team'] === 'blue');
    const written = async () => (await writtenSince(mark, ns)).toSorted();
    await expect.poll(written).toEqual(['api', 'api', 'web', 'web', 'web', 'web']);
  });

  test("a user's own equal key survives the policy, and a default never displaces a value", async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('equal');
    const collection = `/api/v1/namespaces/${ns}/configmaps`;
    await admin.apply(configMap(ns, 'equal', { team: 'blue' }), { fieldManager: 'somebody' });
    await admin.apply(configMap(ns, 'another', { team: 'red' }), { fieldManager: 'somebody' });
    await admin.create(configMap(ns, 'none'));
    await stage().startOperator();

    await stage().applyPolicy('team', policyOn(ns, defaultTeam));
    await stage().labels(path(ns, 'none'), (labels) => labels['team'] === 'blue');
    expect((await admin.get(path(ns, 'another'))).metadata.labels).toEqual({ team: 'red' });
    // What a default wrote is a value like any other as soon as somebody changes it.
    await admin.patch(path(ns, 'none'), { metadata: { labels: { team: 'green' } } });
    await admin.create(configMap(ns, 'sentinel'));
    await stage().labels(path(ns, 'sentinel'), (labels) => labels['team'] === 'blue');
    expect((await admin.get(path(ns, 'none'))).metadata.labels).toEqual({ team: 'green' });

    await stage().applyPolicy('team', policyOn(ns, setTeam));
    await stage().waitForCount(collection, 'team=blue', 4);
    await stage().deletePolicy('team');
    await stage().labels(path(ns, 'sentinel'), (labels) => labels['team'] === undefined);
    await stage().labels(path(ns, 'none'), (labels) => labels['team'] === undefined);
    // Both apply the same value: ours goes, theirs stays.
    expect((await admin.get(path(ns, 'equal'))).metadata.labels).toEqual({ team: 'blue' });
  });

  test('a policy with an interval has its objects evaluated again while nothing changes, and nothing is written for that', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('timer');
    await admin.create(configMap(ns, 'a'));
    const operator = await stage().startOperator();
    await stage().applyPolicy('timer', { ...policyOn(ns, setTeam), reevaluateSeconds: 10 });
    await stage().policy('timer', (policy) => is(policy, 'Ready') === 'True' && policy.summary['owned'] === 1);
    const evaluations = async () => operator.metric('watchkeeper_evaluations_total', 'kind="configmaps"');
    // The ledger is a ConfigMap too, and no object of ours is ever evaluated.
    const others = (await operator.metric('watchkeeper_informer_objects', 'kind="configmaps"')) - 1;
    const all = (await evaluations()) + others;
    const mark = await cluster.auditMark();
    await expect.poll(evaluations, { interval: 500 }).toBeGreaterThanOrEqual(all);
    expect(await writtenSince(mark, ns)).toEqual([]);
  });

  test('a policy on what has no team label, which sets it, settles at once', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('settles');
    await admin.create(configMap(ns, 'bare'));
    await admin.create(configMap(ns, 'has-one', { team: 'red' }));
    await stage().startOperator();
    const mark = await cluster.auditMark();
    const objectSelector = { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] };
    await stage().applyPolicy('bare', policyOn(ns, setTeam, { objectSelector }));
    await stage().labels(path(ns, 'bare'), (labels) => labels['team'] === 'blue');
    const settled = await stage().policy('bare', (policy) => is(policy, 'Compliant') === 'True');
    expect(settled.summary['matched']).toBe(1);
    await admin.create(configMap(ns, 'sentinel'));
    await stage().labels(path(ns, 'sentinel'), (labels) => labels['team'] === 'blue');
    await expect.poll(async () => writtenSince(mark, ns)).toEqual(['bare', 'sentinel']);
    // The user decides: then it does not match any more, and what is there is the user's.
    await admin.patch(path(ns, 'bare'), { metadata: { labels: { team: 'green' } } });
    await admin.create(configMap(ns, 'sentinel-2'));
    await stage().labels(path(ns, 'sentinel-2'), (labels) => labels['team'] === 'blue');
    expect((await admin.get(path(ns, 'bare'))).metadata.labels).toEqual({ team: 'green' });
  });

  test('a violation is listed with its rule and goes when it is fixed', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('require');
    await admin.create(configMap(ns, 'wrong', { team: 'Blue!'.slice(0, 4) }));
    await admin.create(configMap(ns, 'missing'));
    await admin.create(configMap(ns, 'right', { team: 'blue' }));
    await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy(
      'require',
      policyOn(ns, [
        { name: 'team', severity: 'high', require: { labels: [{ key: 'team', pattern: '^[a-z]+$' }] } },
        { name: 'env', message: 'say where it runs', require: { labels: [{ key: 'team', values: ['blue', 'Blue'] }] } },
      ]),
    );
    const broken = await stage().policy('require', (policy) => is(policy, 'Compliant') === 'False');
    expect(broken.violations.map(({ name, rule, message }) => ({ name, rule, message }))).toEqual([
      { name: 'missing', rule: 'team', message: "label 'team' is missing" },
      { name: 'wrong', rule: 'team', message: "label 'team' is 'Blue'; it must match ^[a-z]+$" },
      { name: 'missing', rule: 'env', message: 'say where it runs' },
    ]);
    expect(broken.summary).toMatchObject({ matched: 3, compliant: 1, violating: 2 });
    await admin.patch(path(ns, 'missing'), { metadata: { labels: { team: 'blue' } } });
    await admin.patch(path(ns, 'wrong'), { metadata: { labels: { team: 'blue' } } });
    const fixed = await stage().policy('require', (policy) => is(policy, 'Compliant') === 'True');
    expect(fixed.violations).toEqual([]);
    expect(fixed.summary).toMatchObject({ matched: 3, compliant: 3, violating: 0 });
    expect(await stage().writesSince(mark, ns)).toEqual([]);
  });
});
