import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../test/cluster/eventually.ts';
import type { ProductProcess } from '../../test/support/product-process.ts';
import { BareClient } from '../bare-client.ts';
import { fillConfigMaps } from '../load/config-maps.ts';
import { MIB, residentBytes } from '../process-figures.ts';
import type { BenchStage } from '../stage.ts';

/** Counts alone are put off for up to 30 s: what is to come has come after this. */
const REST_MS = 35_000;

/** P13: what a restart writes where all objects are as they should be. */
export async function restart(stage: BenchStage): Promise<void> {
  const { bench, admin, cluster } = stage;
  const count = bench.options.objects;
  const namespace = await admin.createNamespace('restart');
  using client = await BareClient.open(cluster.kubeconfig);
  await fillConfigMaps(client, { namespace, prefix: 'cm', count });
  const first = await stage.startOperator();
  await stage.applyPolicy('restart', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  await stage.policy('restart', ({ summary }) => summary['owned'] === count, 900_000);
  await first.stop();
  const mark = await cluster.auditMark();
  const since = performance.now();
  const second = await stage.startOperator();
  await evaluated(second, count);
  const seconds = (performance.now() - since) / 1_000;
  await delay(REST_MS);
  const patches = (await stage.writesSince(mark)).length;
  const statuses = (await stage.statusWritesSince(mark)).length;
  const what = `restart with ${count} objects as they should be`;
  const resident = `${(residentBytes(second.pid).now / MIB).toFixed(0)} MiB resident`;
  bench.record({ row: 'P13', what: `${what}: patches`, value: patches, unit: '', target: { atMost: 0 } });
  bench.record({ row: 'P13', what: `${what}: status writes`, value: statuses, unit: '', target: { atMost: 5 } });
  bench.record({ row: 'P13', what: `${what}: all evaluated after`, value: seconds, unit: 's', detail: resident });
  await second.stop();
}

async function evaluated(operator: ProductProcess, count: number): Promise<void> {
  await eventually(
    'evaluations',
    async () => operator.metric('watchkeeper_evaluations_total', 'kind="configmaps"'),
    (evaluations) => evaluations >= count,
    { timeoutMs: 300_000, intervalMs: 100 },
  );
}
