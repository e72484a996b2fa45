import { expect, test } from 'vitest';
import { configMap, useStage } from '../support/stage.ts';

const stage = useStage();
const MANY = 2_000;

const enforcing = (namespace: string) => ({
  mode: 'Enforce' as const,
  match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
  rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
});

test('in the middle of a first enforce of thousands, a label that somebody changes is back long before the last of them has its own', async () => {
  const { admin, cluster } = stage();
  const [few, many] = [await admin.createNamespace('few'), await admin.createNamespace('many')];
  const drifting = `/api/v1/namespaces/${few}/configmaps/drifting`;
  await admin.create(configMap(few, 'drifting'));
  await admin.createMany(
    Array.from({ length: MANY }, (_, i) => configMap(many, `cm-${i}`)),
    64,
  );
  await stage().startOperator();
  await stage().applyPolicy('few', enforcing(few));
  await stage().labels(drifting, ({ team }) => team === 'blue');
  const collection = `/api/v1/namespaces/${many}/configmaps`;
  const mark = await cluster.auditMark();
  await stage().applyPolicy('many', enforcing(many));
  // In this namespace: elsewhere it may be clearing up after another test.
  await expect.poll(async () => stage().countLabelled(collection, 'team=blue'), { interval: 5 }).toBeGreaterThan(50);
  await admin.patch(drifting, { metadata: { labels: { team: 'red' } } });
  await stage().labels(drifting, ({ team }) => team === 'blue');
  await stage().waitForCount(collection, 'team=blue', MANY);
  const writes = (await Promise.all([few, many].map(async (ns) => stage().writesSince(mark, ns)))).flat();
  writes.sort((a, b) => a.receivedAt - b.receivedAt);
  const back = writes.findIndex(({ namespace }) => namespace === few);
  // In the order in which they were asked for it would be the last one.
  expect(back).toBeGreaterThan(0);
  expect(back).toBeLessThan(MANY * 0.75);
  await admin.delete(collection);
});
