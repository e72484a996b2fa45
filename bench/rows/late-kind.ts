import { join } from 'node:path';
import { eventually } from '../../test/cluster/eventually.ts';
import { conditionOf } from '../../test/cluster/kube-object.ts';
import { database, FIXTURE_CRDS } from '../../test/support/custom-kinds.ts';
import { CRDS } from '../../test/support/small-crd.ts';
import type { BenchStage } from '../stage.ts';

const CRD = 'databases.postgresql.cnpg.io';

/** P6: a kind whose CRD comes after the policy. Objects by apply: a POST is held back for 2 s by kube-apiserver itself. */
export async function lateKind(stage: BenchStage): Promise<void> {
  const { bench, admin } = stage;
  const namespace = await admin.createNamespace('late');
  await stage.grant('postgresql.cnpg.io', ['databases']);
  const operator = await stage.startOperator();
  await stage.applyPolicy('late', {
    mode: 'Enforce',
    match: { resources: [{ group: 'postgresql.cnpg.io', resource: 'databases' }], namespaces: [namespace] },
    rules: [{ name: 'env', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  await stage.policy('late', (view) => view.conditions['Watching']?.reason === 'WaitingForResources');
  await admin.applyFile(join(FIXTURE_CRDS, 'postgresql.cnpg.io_databases.yaml'));
  await admin.waitFor(`${CRDS}/${CRD}`, isEstablished, { intervalMs: 2 });
  const since = performance.now();
  const object = database(namespace, 'orders');
  await eventually(
    'the first object',
    async () => admin.apply(object),
    () => true,
    { intervalMs: 2 },
  );
  const created = performance.now();
  const path = `/apis/postgresql.cnpg.io/v1/namespaces/${namespace}/databases/orders`;
  await admin.waitFor(path, ({ metadata }) => metadata.labels['team'] === 'blue', { intervalMs: 2 });
  bench.record({
    row: 'P6',
    what: 'CRD established: its first object labelled after',
    value: performance.now() - since,
    unit: 'ms',
    target: { atMost: 1_000 },
    detail: `the server took the object after ${(created - since).toFixed(0)} ms`,
  });
  await stage.deletePolicy('late');
  await operator.stop();
}

function isEstablished(crd: unknown): boolean {
  return conditionOf(crd, 'Established')?.['status'] === 'True';
}
