import { BareClient } from '../bare-client.ts';
import { configMapPath, fillConfigMaps } from '../load/config-maps.ts';
import type { BenchStage } from '../stage.ts';

const OBJECTS = 5_000;
const FIXED = 100;

/** P16: objects of which half break a rule: until the status is exact, and exact again after some are fixed. */
export async function violations(stage: BenchStage): Promise<void> {
  const { bench, admin, cluster } = stage;
  const count = Math.min(OBJECTS, bench.options.objects);
  const namespace = await admin.createNamespace('violations');
  using client = await BareClient.open(cluster.kubeconfig);
  await fillConfigMaps(client, {
    namespace,
    prefix: 'cm',
    count,
    labelsOf: (i): Readonly<Record<string, string>> => (i % 2 === 0 ? { owner: 'me' } : {}),
  });
  const operator = await stage.startOperator();
  const mark = await cluster.auditMark();
  let since = performance.now();
  await stage.applyPolicy('owner', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
    rules: [{ name: 'owner', require: { labels: [{ key: 'owner' }] } }],
  });
  await stage.policy('owner', (view) => view.violationsTotal === count / 2);
  const exact = (performance.now() - since) / 1_000;
  const writes = (await stage.statusWritesSince(mark)).length + (await stage.writesSince(mark)).length;
  const what = `${count} objects, ${count / 2} violating`;
  bench.record({ row: 'P16', what: `${what}: exact in status`, value: exact, unit: 's', target: { atMost: 1.5 } });
  bench.record({ row: 'P16', what: `${what}: writes`, value: writes, unit: '', target: { atMost: 3 } });
  since = performance.now();
  await Promise.all(
    Array.from({ length: FIXED }, async (_, i) =>
      admin.patch(configMapPath(namespace, `cm-${2 * i + 1}`), { metadata: { labels: { owner: 'me' } } }),
    ),
  );
  const patched = performance.now();
  await stage.policy('owner', (view) => view.violationsTotal === count / 2 - FIXED);
  const right = performance.now();
  bench.record({
    row: 'P16',
    what: `${FIXED} of them fixed: right again`,
    value: (right - since) / 1_000,
    unit: 's',
    target: { atMost: 1.2 },
    detail: `${((right - patched) / 1_000).toFixed(2)} s after the last patch`,
  });
  await admin.json('DELETE', `/api/v1/namespaces/${namespace}/configmaps`);
  await stage.deletePolicy('owner');
  await operator.stop();
}
