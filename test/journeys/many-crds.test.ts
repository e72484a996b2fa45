import { afterAll, describe, expect, test } from 'vitest';
import { recordRequests, useFaultProxy } from '../support/fault-proxy.ts';
import { CRDS, collectionOf, crdName, SmallCrds, type SmallKind } from '../support/small-crd.ts';
import { configMap, useStage } from '../support/stage.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
const GROUP = 'many-crds.test';
const COUNT = 300;
const NAMED = 20;
const kinds = Array.from(
  { length: COUNT },
  (_, i): SmallKind => ({ group: GROUP, plural: `things${i}`, kind: `Thing${i}`, description: 'x'.repeat(20_000) }),
);
/** Spread over the burst, so that some come early and some late. */
const named = kinds.filter((_, i) => i % (COUNT / NAMED) === 0);

const isProd = (labels: Readonly<Record<string, string>>) => labels['env'] === 'prod';

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

afterAll(async () => {
  await inParallel(kinds, 8, (kind) => stage().admin.delete(`${CRDS}/${crdName(kind)}`));
});

describe('several hundred CRDs at once', () => {
  test('a policy on some of them watches these as they come; discovery is no storm and memory stays', async () => {
    const { admin } = stage();
    const crds = new SmallCrds(stage());
    const ns = await admin.createNamespace('many-crds');
    await stage().grant(GROUP, ['*']);
    const seen = recordRequests(proxied().proxy);
    const operator = await stage().startOperator({ kubeconfig: proxied().kubeconfig });
    const resources = named.map(({ plural }) => ({ group: GROUP, resource: plural }));
    await stage().applyPolicy('many', {
      mode: 'Enforce',
      match: { resources: [...resources, { group: '', resource: 'configmaps' }], namespaces: [ns] },
      rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }],
    });
    await stage().policy('many', ({ conditions }) => conditions['Watching']?.reason === 'WaitingForResources');
    const memory = () => operator.metric('process_resident_memory_bytes');
    const before = await memory();
    seen.length = 0;
    const began = performance.now();
    await inParallel(kinds, 16, (kind) => crds.apply(kind));
    await inParallel(named, NAMED, (kind) => crds.established(kind));
    const established = performance.now();
    await stage().policy('many', ({ conditions }) => conditions['Watching']?.reason === 'Watching');
    const watched = performance.now();
    const requests = [...seen];
    expect((watched - established) / 1_000).toBeLessThan(10);
    // A list and a watch of each kind, and a few tries of those that the server was not ready for.
    const ours = requests.map(({ path }) => path).filter((path) => path.startsWith(`/apis/${GROUP}/`));
    expect(new Set(ours)).toEqual(new Set(named.map((kind) => collectionOf(kind))));
    expect(ours.length).toBeLessThan(NAMED * 6);
    const discovery = requests.filter(({ path }) => path === '/apis').length;
    expect(discovery).toBeLessThan(20 + (12 * (watched - began)) / 1_000);
    expect((await memory()) - before).toBeLessThan(64 * 2 ** 20);

    await inParallel(named, 4, async (kind) => {
      await stage().labels(await crds.put(kind, 'one', ns), isProd);
    });
    await admin.create(configMap(ns, 'beside'));
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/beside`, isProd);
  });
});
