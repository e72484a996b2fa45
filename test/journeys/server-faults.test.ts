import { describe, expect, test } from 'vitest';
import { useOwnStage } from '../support/own-stage.ts';
import { idle } from '../support/policy-story.ts';
import { configMap, is } from '../support/stage.ts';

/** Killed and compacted here. */
const own = useOwnStage();

const path = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

function setTeam(namespace: string, value = 'blue') {
  return {
    mode: 'Enforce' as const,
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value }] } }],
  };
}

describe('a server that fails', () => {
  test('N1: etcd compacted while nobody watched: what changed and what went is found again', async () => {
    const [stage, cluster] = [own.stage(), own.cluster()];
    const { admin } = stage;
    const ns = await admin.createNamespace('compacted');
    await admin.createMany(Array.from({ length: 10 }, (_, i) => configMap(ns, `cm-${i}`)));
    await stage.applyPolicy('team', setTeam(ns));
    const operator = await stage.startOperator();
    await stage.policy('team', (policy) => policy.summary['owned'] === 10);

    await cluster.killApiServer();
    await cluster.startApiServer();
    await admin.waitForList(`/api/v1/namespaces/${ns}/configmaps`, () => true);
    await admin.delete(path(ns, 'cm-0'));
    await admin.patch(path(ns, 'cm-1'), { metadata: { labels: { team: 'red' } } });
    await cluster.compactEtcd();
    await stage.labels(path(ns, 'cm-1'), (labels) => labels['team'] === 'blue');
    // The label is there before the operator has heard so.
    await idle(operator);
    // What is due is written at the end, also counts that would have waited.
    expect(await operator.stop()).toBe(0);
    const after = await stage.policy('team', (policy) => policy.summary['matched'] === 9);
    expect(after.summary).toMatchObject({ compliant: 9, owned: 9 });
    expect(is(after, 'Ready')).toBe('True');
  });

  test('N4: an API server that is killed under load and comes back: every object has its label, and was changed once', async () => {
    const [stage, cluster] = [own.stage(), own.cluster()];
    const { admin } = stage;
    const ns = await admin.createNamespace('killed');
    await admin.createMany(Array.from({ length: 600 }, (_, i) => configMap(ns, `cm-${i}`)));
    const operator = await stage.startOperator();
    await stage.applyPolicy('team', setTeam(ns));
    const collection = `/api/v1/namespaces/${ns}/configmaps`;
    await expect.poll(async () => stage.countLabelled(collection, 'team=blue'), { interval: 5 }).toBeGreaterThan(50);
    await cluster.killApiServer();
    // Each is at 1 when it is made.
    const stored = async () =>
      [...(await cluster.changes())].filter(([key]) => key.startsWith(`/registry/configmaps/${ns}/cm-`));
    expect((await stored()).filter(([, count]) => count > 1).length).toBeLessThan(600);
    await cluster.startApiServer();
    await stage.waitForCount(collection, 'team=blue', 600);
    await idle(operator);
    expect(await operator.stop()).toBe(0);
    await stage.policy('team', (policy) => policy.summary['owned'] === 600);
    // A write whose answer was lost is made again, and changes nothing.
    const changes = await stored();
    expect(changes).toHaveLength(600);
    expect(changes.filter(([, count]) => count !== 2)).toEqual([]);
  });
});
