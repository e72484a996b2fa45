import { eventually } from '../../test/cluster/eventually.ts';
import type { ProductProcess } from '../../test/support/product-process.ts';
import { bareApplies } from '../bare-applies.ts';
import { BareClient } from '../bare-client.ts';
import { numberText } from '../figures.ts';
import { fillConfigMaps } from '../load/config-maps.ts';
import { cpuSeconds } from '../process-figures.ts';
import type { BenchStage } from '../stage.ts';
import { median } from '../statistics.ts';

const OBJECTS = 10_000;
/** Of the bare applies, in flight: the most that the operator makes by default, and more, whichever serves the server best. */
const WIDTHS = [16, 64];
/** No cap that is felt. */
const LIFTED = '64';

/** P4: the operator's labels per second, from the policy on, and in turn with it those of bare applies to objects as new. */
export async function labelling(stage: BenchStage): Promise<void> {
  const { bench } = stage;
  const count = Math.min(OBJECTS, bench.options.objects);
  const operator = await stage.startOperator(['--write-concurrency', LIFTED]);
  const ours: number[] = [];
  const bare = new Map<number, number[]>(WIDTHS.map((width) => [width, []]));
  let cpu = 0;
  for (let round = 0; round < bench.options.repeat; round += 1) {
    const turns = [
      async () => {
        const before = cpuSeconds(operator.pid);
        ours.push(await labelled(stage, operator, round, count));
        cpu += cpuSeconds(operator.pid) - before;
        bench.say(`operator: ${ours.at(-1)?.toFixed(0)} labels/s`);
      },
      ...WIDTHS.map((width) => async () => {
        const rate = await bareRate(stage, count, width);
        bare.get(width)?.push(rate);
        bench.say(`bare applies, ${width} in flight: ${rate.toFixed(0)} labels/s`);
      }),
    ];
    const first = round % turns.length;
    for (const turn of [...turns.slice(first), ...turns.slice(0, first)]) await turn();
  }
  await operator.stop();
  const ceilings = [...bare].map(([width, rates]) => ({ width, rate: median(rates) }));
  const best = Math.max(...ceilings.map(({ rate }) => rate));
  const text = ceilings.map(({ width, rate }) => `${numberText(rate)}/s with ${width} in flight`).join(', ');
  bench.record({
    row: 'P4',
    what: `${count} existing objects: labels per second / the best of bare applies`,
    value: median(ours) / best,
    unit: '',
    target: { atLeast: 0.85 },
    detail: `${numberText(median(ours))}/s; bare ${text}`,
  });
  const each = (1e6 * cpu) / (count * bench.options.repeat);
  bench.record({ row: 'P4', what: 'CPU of the operator for each label', value: each, unit: 'µs' });
}

/** Labels per second, from the policy's creation to the last answer. */
async function labelled(stage: BenchStage, operator: ProductProcess, round: number, count: number): Promise<number> {
  const { cluster } = stage;
  const namespace = await filled(stage, count);
  const written = async () => operator.metric('watchkeeper_writes_total', 'result="Written"');
  const before = await written();
  const mark = await cluster.auditMark();
  const since = Date.now();
  await stage.applyPolicy(`label-${round}`, {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  // Both sides share the machine, so while they work they are asked as little as can be.
  await eventually('all writes', written, (writes) => writes >= before + count, {
    timeoutMs: 600_000,
    intervalMs: 1_000,
  });
  const writes = await eventually(
    'all labels in the audit log',
    async () => stage.writesSince(mark, namespace),
    ({ length }) => length >= count,
  );
  const last = writes.reduce((latest, { completedAt }) => Math.max(latest, completedAt), 0);
  // With its objects the policy has nothing left to take back.
  await emptied(stage, namespace);
  await stage.deletePolicy(`label-${round}`);
  return count / ((last - since) / 1_000);
}

async function bareRate(stage: BenchStage, count: number, width: number): Promise<number> {
  const namespace = await filled(stage, count);
  const { items } = await stage.admin.list(`/api/v1/namespaces/${namespace}/configmaps`);
  const seconds = await bareApplies(stage.operatorKubeconfig, items, ['team', 'blue'], width);
  await emptied(stage, namespace);
  return count / seconds;
}

async function filled(stage: BenchStage, count: number): Promise<string> {
  const namespace = await stage.admin.createNamespace('label');
  using client = await BareClient.open(stage.cluster.kubeconfig);
  await fillConfigMaps(client, { namespace, prefix: 'cm', count });
  return namespace;
}

/** There is no namespace controller that would do it, and the next turn is to find as many objects as this one. */
async function emptied({ admin }: BenchStage, namespace: string): Promise<void> {
  await admin.json('DELETE', `/api/v1/namespaces/${namespace}/configmaps`);
}
