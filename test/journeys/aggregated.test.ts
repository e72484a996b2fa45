import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AggregatedApi } from '../support/aggregated-api.ts';
import { configMap, useStage } from '../support/stage.ts';

const stage = useStage();
let api: AggregatedApi;

beforeAll(async () => {
  api = await AggregatedApi.start(stage().admin, { group: 'gadgets.aggregated.test' });
  await stage().grant(api.group, ['gadgets']);
});

afterAll(() => api.stop());

const setEnv = [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }];

describe('a kind of an aggregated API server', () => {
  test('is labelled like any other, and given up when nothing wants the label any more', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('gadgets');
    api.store.create(ns, 'early', { size: 1 });
    await stage().startOperator();
    await stage().applyPolicy('gadgets', {
      mode: 'Enforce',
      match: {
        resources: [
          { group: api.group, resource: 'gadgets' },
          { group: '', resource: 'configmaps' },
        ],
        namespaces: [ns],
      },
      rules: setEnv,
    });
    await stage().labels(`${api.collection(ns)}/early`, (labels) => labels['env'] === 'prod');
    api.store.create(ns, 'late', { size: 2 });
    await stage().labels(`${api.collection(ns)}/late`, (labels) => labels['env'] === 'prod');
    await admin.create(configMap(ns, 'beside'));
    await stage().policy('gadgets', (policy) => policy.summary['owned'] === 3);
    await stage().deletePolicy('gadgets');
    await stage().labels(`${api.collection(ns)}/early`, (labels) => !('env' in labels));
    expect(api.store.get(ns, 'early')?.metadata.managedFields).toEqual([]);
  });
});
