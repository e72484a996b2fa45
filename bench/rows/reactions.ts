import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../test/cluster/eventually.ts';
import type { KubeObject } from '../../test/cluster/kube-object.ts';
import { BareClient } from '../bare-client.ts';
import { numberText } from '../figures.ts';
import { configMapPath, fillConfigMaps } from '../load/config-maps.ts';
import { MIB, residentBytes } from '../process-figures.ts';
import type { BenchStage } from '../stage.ts';
import { quantile } from '../statistics.ts';

const OBJECTS = 5_000;
const SAMPLES = 100;
/**
 * metacontroller v4.17.2 with its limit on requests raised to 1,000 per second, once, on a machine of 2 cores with
 * kube-apiserver 1.36: seconds for 5,000 objects; milliseconds, the best of several runs.
 */
const METACONTROLLER = { labelled: 13.97, driftMedian: 33, driftMax: 104, newMedian: 69 };

/** P15: ConfigMaps get a label of their Namespace: those that are there, those that lose it, those that come. */
export async function reactions(stage: BenchStage): Promise<void> {
  const { bench, cluster, admin } = stage;
  const count = Math.min(OBJECTS, bench.options.objects);
  const namespace = await admin.createNamespace('react', { team: 'blue' });
  using client = await BareClient.open(cluster.kubeconfig);
  await fillConfigMaps(client, { namespace, prefix: 'cm', count });
  const operator = await stage.startOperator();
  const mark = await cluster.auditMark();
  const since = Date.now();
  await stage.applyPolicy('react', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', valueFrom: { namespaceLabel: 'team' } }] } }],
  });
  const writes = await eventually(
    'all labels',
    async () => stage.writesSince(mark, namespace),
    ({ length }) => length >= count,
    { timeoutMs: 300_000, intervalMs: 500 },
  );
  const seconds = (writes.reduce((last, { completedAt }) => Math.max(last, completedAt), 0) - since) / 1_000;
  const record = (what: string, value: number, theirs: number, unit: string) =>
    bench.record({
      row: 'P15',
      what: `${what} / metacontroller's`,
      value: value / theirs,
      unit: '',
      target: { atMost: 0.5 },
      detail: `${numberText(value)} / ${numberText(theirs)} ${unit}`,
    });
  record(`${count} existing objects labelled`, seconds, (METACONTROLLER.labelled * count) / OBJECTS, 's');
  const resident = residentBytes(operator.pid).now / MIB;
  bench.record({ row: 'P15', what: `resident, with ${count} objects labelled`, value: resident, unit: 'MiB' });
  const drift = await each(stage, async (i) => {
    const path = configMapPath(namespace, `cm-${i}`);
    await admin.patch(path, { metadata: { labels: { team: null } } });
    return path;
  });
  record('label removed: back after, median', quantile(drift, 0.5), METACONTROLLER.driftMedian, 'ms');
  record('label removed: back after, at most', Math.max(...drift), METACONTROLLER.driftMax, 'ms');
  const fresh = await each(stage, async (i) => {
    await admin.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: `new-${i}` } });
    return configMapPath(namespace, `new-${i}`);
  });
  record('new object: labelled after, median', quantile(fresh, 0.5), METACONTROLLER.newMedian, 'ms');
  await admin.json('DELETE', `/api/v1/namespaces/${namespace}/configmaps`);
  await stage.deletePolicy('react');
  await operator.stop();
}

/** One change after another; milliseconds from the answer to each until its object has the label. */
async function each({ admin }: BenchStage, change: (i: number) => Promise<string>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i += 1) {
    const path = await change(i);
    const since = performance.now();
    await admin.waitFor(path, isLabelled, { intervalMs: 1, timeoutMs: 30_000 });
    times.push(performance.now() - since);
    await delay(5);
  }
  return times;
}

function isLabelled({ metadata }: KubeObject): boolean {
  return metadata.labels['team'] === 'blue';
}
