import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../test/cluster/eventually.ts';
import { BareClient, type BareRequest } from '../bare-client.ts';
import { numberText } from '../figures.ts';
import { configMapPath } from '../load/config-maps.ts';
import type { BenchStage } from '../stage.ts';
import { quantile } from '../statistics.ts';

const PER_SECOND = 100;
const OBJECTS = 2_000;
/** The first of them, while code is being compiled and the first width is looked for. */
const WARM = 300;
const TICK_MS = 10;

/** P5: objects that come steadily, by the audit log: from the answer to who made each until its label is stored and answered. */
export async function creations(stage: BenchStage): Promise<void> {
  const { bench, cluster, admin } = stage;
  const namespace = await admin.createNamespace('come');
  using client = await BareClient.open(cluster.kubeconfig);
  const operator = await stage.startOperator();
  await stage.applyPolicy('come', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  await stage.policy('come', ({ conditions }) => conditions['Ready']?.status === 'True');
  const mark = await cluster.auditMark();
  await makeSteadily(client, namespace);
  const labelled = await eventually(
    'all labels',
    async () => stage.writesSince(mark, namespace),
    ({ length }) => length >= OBJECTS,
    { timeoutMs: 120_000, intervalMs: 500 },
  );
  const made = new Map(
    (await cluster.entriesSince(mark))
      .filter((entry) => entry.namespace === namespace && entry.fieldManager === 'bench')
      .map(({ name, completedAt }) => [name, completedAt]),
  );
  const late = labelled.filter(({ name }) => Number(name.split('-')[1]) >= WARM);
  const waits = late.map(({ name, completedAt }) => completedAt - (made.get(name) ?? Number.NaN));
  const patches = late.map(({ receivedAt, completedAt }) => completedAt - receivedAt);
  const [wait, patch] = [quantile(waits, 0.99), quantile(patches, 0.99)];
  bench.record({
    row: 'P5',
    what: `${PER_SECOND} new objects/s: labelled after, p99, less the server's own for the write`,
    value: wait - patch,
    unit: 'ms',
    target: { atMost: 25 },
    detail: `${numberText(wait)} - ${numberText(patch)} ms; median ${numberText(quantile(waits, 0.5))}, ${numberText(quantile(patches, 0.5))} of it the server's`,
  });
  await admin.json('DELETE', `/api/v1/namespaces/${namespace}/configmaps`);
  await stage.deletePolicy('come');
  await operator.stop();
}

async function makeSteadily(client: BareClient, namespace: string): Promise<void> {
  const began = performance.now();
  const sent: Promise<number>[] = [];
  while (sent.length < OBJECTS) {
    const due = Math.min(OBJECTS, Math.floor(((performance.now() - began) * PER_SECOND) / 1_000) + 1);
    while (sent.length < due) sent.push(client.send(creation(namespace, `new-${sent.length}`)));
    await delay(TICK_MS);
  }
  const refused = (await Promise.all(sent)).filter((status) => status !== 201);
  if (refused.length > 0)
    throw new Error(`${refused.length} objects were not made: the first answer was ${refused[0]}`);
}

/** By an apply, so that the audit log has its name. */
function creation(namespace: string, name: string): BareRequest {
  return {
    method: 'PATCH',
    path: `${configMapPath(namespace, name)}?fieldManager=bench`,
    contentType: 'application/apply-patch+yaml',
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { key: 'x' } }),
  };
}
