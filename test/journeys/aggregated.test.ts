import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AggregatedApi } from '../support/aggregated-api.ts';
import { recordRequests, useFaultProxy } from '../support/fault-proxy.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
let api: AggregatedApi;

beforeAll(async () => {
  api = await AggregatedApi.start(stage().admin, { group: 'gadgets.aggregated.test' });
  await stage().grant(api.group, ['gadgets']);
});

afterEach(() => api.heal());
afterAll(() => api.stop());

const isProd = (labels: Readonly<Record<string, string>>) => labels['env'] === 'prod';

/** Gadgets and ConfigMaps of the namespace get a label. */
async function label(ns: string): Promise<void> {
  await stage().applyPolicy('gadgets', {
    mode: 'Enforce',
    match: {
      resources: [
        { group: api.group, resource: 'gadgets' },
        { group: '', resource: 'configmaps' },
      ],
      namespaces: [ns],
    },
    rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }],
  });
}

async function othersGoOn(ns: string, name: string): Promise<void> {
  await stage().admin.create(configMap(ns, name));
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/${name}`, isProd);
}

/** With so many kinds that are synced, where that is told. */
const watching = (reason: string, synced?: number) =>
  stage().policy(
    'gadgets',
    (view) =>
      view.conditions['Watching']?.reason === reason && (synced === undefined || view.watching['synced'] === synced),
  );

describe('a kind of an aggregated API server', () => {
  test('is labelled like any other, and given up when nothing wants the label any more', async () => {
    const ns = await stage().admin.createNamespace('gadgets');
    api.store.create(ns, 'early', { size: 1 });
    await stage().startOperator();
    await label(ns);
    await stage().labels(`${api.collection(ns)}/early`, isProd);
    api.store.create(ns, 'late', { size: 2 });
    await stage().labels(`${api.collection(ns)}/late`, isProd);
    await othersGoOn(ns, 'beside');
    await stage().policy('gadgets', (policy) => policy.summary['owned'] === 3);
    await stage().deletePolicy('gadgets');
    await stage().labels(`${api.collection(ns)}/early`, (labels) => !('env' in labels));
    expect(api.store.get(ns, 'early')?.metadata.managedFields).toEqual([]);
  });

  test('that goes down is Failed and names its APIService, others go on, its keys are kept; it heals by itself', async () => {
    const ns = await stage().admin.createNamespace('gadgets-down');
    api.store.create(ns, 'early', { size: 1 });
    await stage().startOperator({ kubeconfig: proxied().kubeconfig });
    await label(ns);
    await stage().labels(`${api.collection(ns)}/early`, isProd);
    await watching('Watching');

    const seen = recordRequests(proxied().proxy);
    api.break('Disconnect');
    await api.noticed(false);
    const failed = await watching('Failed');
    expect(failed.conditions['Watching']).toMatchObject({
      status: 'False',
      message: expect.stringContaining(`see the condition Available of APIService ${api.name}, which serves it`),
    });
    expect([is(failed, 'Ready'), is(failed, 'Accepted'), failed.summary['owned']]).toEqual(['False', 'True', 1]);
    await othersGoOn(ns, 'beside');
    // By now the next try is due in more than five seconds.
    const tries = () => seen.filter(({ path }) => path.startsWith(`/apis/${api.group}/`)).length;
    await expect.poll(tries).toBeGreaterThanOrEqual(5);
    // Tries grow rarer, and discovery is asked because of what happened, not because of what lasts.
    expect(tries()).toBeLessThan(10);
    expect(seen.filter(({ path }) => path === '/apis').length).toBeLessThan(40);

    api.store.create(ns, 'meanwhile', { size: 1 });
    api.heal();
    await api.noticed(true);
    // Long before its next try would be due.
    await stage().labels(`${api.collection(ns)}/meanwhile`, isProd);
    await watching('Watching');
  });

  test('that is down when the operator starts is Failed and not unknown; what is served otherwise is labelled at once', async () => {
    const ns = await stage().admin.createNamespace('gadgets-start');
    api.store.create(ns, 'early', { size: 1 });
    api.break('Answer503');
    await api.noticed(false);
    await stage().startOperator();
    await label(ns);
    await othersGoOn(ns, 'beside');
    const failed = await watching('Failed', 1);
    expect(failed.conditions['Watching']?.message).toContain(
      `the API server cannot reach the aggregated API server of group ${api.group}; see the conditions of its APIService`,
    );
    expect(failed.watching).toMatchObject({ failed: 1, notServed: 0 });
    api.heal();
    await api.noticed(true);
    await stage().labels(`${api.collection(ns)}/early`, isProd);
    await watching('Watching');
  });

  test('that is taken away is not served, and registered again it is watched anew', async () => {
    const ns = await stage().admin.createNamespace('gadgets-gone');
    api.store.create(ns, 'early', { size: 1 });
    const operator = await stage().startOperator();
    await label(ns);
    await stage().labels(`${api.collection(ns)}/early`, isProd);
    await api.unregister();
    await watching('WaitingForResources');
    await othersGoOn(ns, 'beside');
    api.store.create(ns, 'meanwhile', { size: 1 });
    await api.register();
    await api.available();
    await stage().labels(`${api.collection(ns)}/meanwhile`, isProd);
    await watching('Watching');
    expect(
      operator.lines.filter(({ msg, kind }) => msg === 'the kind is synced' && kind === `gadgets.${api.group}`),
    ).toHaveLength(2);
  });
});
