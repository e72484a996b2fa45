import { describe, expect, test } from 'vitest';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const COUNT = 5_000;

function setTeam(namespace: string) {
  return {
    mode: 'Enforce' as const,
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  };
}

describe('many objects', () => {
  test('5,000 objects are labelled by 5,000 writes; SIGTERM in the middle loses nothing; a restart writes nothing', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('many');
    const collection = `/api/v1/namespaces/${ns}/configmaps`;
    await admin.createMany(
      Array.from({ length: COUNT }, (_, i) => configMap(ns, `cm-${i}`)),
      64,
    );
    const first = await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy('team', setTeam(ns));
    await expect
      .poll(async () => stage().countLabelled(collection, 'team=blue'), { interval: 10 })
      .toBeGreaterThan(500);
    const asked = performance.now();
    expect(await first.stop()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(10_000);
    const before = (await stage().writesSince(mark, ns)).length;
    expect(before).toBeLessThan(COUNT);

    const second = await stage().startOperator();
    await stage().waitForCount(collection, 'team=blue', COUNT);
    // Also what it takes back of the tests before.
    await expect.poll(async () => second.metric('watchkeeper_write_queue_depth')).toBe(0);
    // Counts wait until they rest or half a minute has passed; at the end what is due is written.
    expect(await second.stop()).toBe(0);
    const policy = await stage().policy('team', ({ summary }) => summary['owned'] === COUNT);
    expect(policy.summary).toMatchObject({ matched: COUNT, compliant: COUNT, violating: 0, errors: 0 });
    expect(is(policy, 'Ready')).toBe('True');
    const writes = await stage().writesSince(mark, ns);
    expect(writes.filter(({ code }) => code === 200)).toHaveLength(COUNT);
    expect(new Set(writes.map(({ name }) => name)).size).toBe(COUNT);

    const restarted = await cluster.auditMark();
    const third = await stage().startOperator();
    await expect
      .poll(async () => third.metric('watchkeeper_evaluations_total', 'kind="configmaps"'))
      .toBeGreaterThanOrEqual(COUNT);
    await admin.create(configMap(ns, 'sentinel'));
    await stage().labels(`${collection}/sentinel`, (labels) => labels['team'] === 'blue');
    const written = async () => (await stage().writesSince(restarted, ns)).map(({ name }) => name);
    await expect.poll(written).toEqual(['sentinel']);
    expect((await stage().statusWritesSince(restarted)).length).toBeLessThanOrEqual(1);
    // Other tests need not list them.
    await admin.delete(collection);
  });
});
