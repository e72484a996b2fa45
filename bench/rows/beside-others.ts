import { setTimeout as delay } from 'node:timers/promises';
import type { ProductProcess } from '../../test/support/product-process.ts';
import { bareApplies } from '../bare-applies.ts';
import { BareClient } from '../bare-client.ts';
import { numberText } from '../figures.ts';
import { fillConfigMaps } from '../load/config-maps.ts';
import { Neighbour, type Times } from '../neighbour.ts';
import { cpuSeconds } from '../process-figures.ts';
import type { BenchStage } from '../stage.ts';
import { median, quantile } from '../statistics.ts';

const WINDOWS = 8;
const NEIGHBOURS = 100;
/** Of the bare applies, in flight: what the operator writes with by default at most. */
const WIDTH = 16;
const LABEL = 'bench.example/label';

/** Who labels the objects of a window. */
type Labeller = 'operator' | 'bare applies';
const LABELLERS: readonly Labeller[] = ['operator', 'bare applies'];

interface Window {
  readonly times: Times;
  /** By process. */
  readonly cpu: readonly number[];
  readonly seconds: number;
}

interface Pair {
  readonly by: Labeller;
  /** The rest before it. */
  readonly before: Window;
  readonly during: Window;
}

/**
 * P14: the API server's answers to another client, in turns while nothing is labelled and while many objects are. Both
 * kinds of windows lie side by side, so that what else happens on the machine meets both; and so do those of bare
 * applies instead of the operator, which show what the server takes ill from anybody.
 */
export async function besideOthers(stage: BenchStage): Promise<void> {
  const { bench, admin, cluster } = stage;
  const perWindow = Math.max(100, Math.round(bench.options.objects / WINDOWS));
  using client = await BareClient.open(cluster.kubeconfig);
  const beside = await admin.createNamespace('beside');
  await fillConfigMaps(client, { namespace: beside, prefix: 'neighbour', count: NEIGHBOURS });
  const width = bench.options.writeConcurrency;
  const operator = await stage.startOperator(width === undefined ? [] : ['--write-concurrency', width]);
  await stage.applyPolicy('beside', {
    mode: 'Enforce',
    match: {
      resources: [{ group: '', resource: 'configmaps' }],
      namespaceSelector: { matchLabels: { [LABEL]: 'now' } },
    },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  const namespaces: string[] = [];
  for (let i = 0; i < WINDOWS * LABELLERS.length; i += 1) {
    const namespace = await admin.createNamespace('many');
    namespaces.push(namespace);
    await fillConfigMaps(client, { namespace, prefix: 'cm', count: perWindow });
  }
  // It may use the operator's right to patch ConfigMaps as well as another account.
  const neighbour = new Neighbour(bench, stage.operatorKubeconfig, beside);
  const pids = [...stage.controlPlane.pids, operator.pid, neighbour.pid];
  const window = async (work: () => Promise<unknown>): Promise<Window> => {
    await neighbour.measured();
    const cpu = pids.map(cpuSeconds);
    const since = performance.now();
    await work();
    const seconds = (performance.now() - since) / 1_000;
    const after = pids.map(cpuSeconds);
    return { times: await neighbour.measured(), cpu: after.map((now, i) => now - (cpu[i] ?? 0)), seconds };
  };
  const pairs: Pair[] = [];
  let restMs = 3_000;
  await delay(restMs);
  for (const [i, namespace] of namespaces.entries()) {
    const by = LABELLERS[i % LABELLERS.length] ?? 'operator';
    const before = await window(async () => delay(restMs));
    const during = await window(async () => label(stage, operator, by, namespace, perWindow));
    restMs = Math.min(5_000, Math.max(2_000, during.seconds * 1_000));
    pairs.push({ before, during, by });
    const figures = [p99(before), p99(during)].map((ms) => `${ms.toFixed(1)} ms`).join(' -> ');
    bench.say(`${by}: ${(perWindow / during.seconds).toFixed(0)} labels/s, p99 of the other client ${figures}`);
    await delay(500);
  }
  neighbour.end();
  for (const labeller of LABELLERS) record(stage, labeller, pairs, perWindow);
  for (const namespace of namespaces) await admin.json('DELETE', `/api/v1/namespaces/${namespace}/configmaps`);
  await stage.deletePolicy('beside');
  await operator.stop();
}

async function label(
  stage: BenchStage,
  operator: ProductProcess,
  by: Labeller,
  namespace: string,
  perWindow: number,
): Promise<void> {
  const { admin } = stage;
  if (by === 'bare applies') {
    const { items } = await admin.list(`/api/v1/namespaces/${namespace}/configmaps`);
    await bareApplies(stage.operatorKubeconfig, items, ['team', 'blue'], WIDTH);
    return;
  }
  const written = async () => operator.metric('watchkeeper_writes_total', 'result="Written"');
  const target = (await written()) + perWindow;
  await admin.patch(`/api/v1/namespaces/${namespace}`, { metadata: { labels: { [LABEL]: 'now' } } });
  while ((await written()) < target) await delay(100);
}

function record({ bench }: BenchStage, labeller: Labeller, all: readonly Pair[], perWindow: number): void {
  const pairs = all.filter(({ by }) => by === labeller);
  const seconds = (of: 'before' | 'during') => pairs.reduce((sum, pair) => sum + pair[of].seconds, 0);
  const rate = (perWindow * pairs.length) / seconds('during');
  const whole = (of: 'before' | 'during') =>
    quantile(
      pairs.flatMap((pair) => timesOf(pair[of])),
      0.99,
    );
  const shares = ['etcd', 'kube-apiserver', 'operator', 'other client'].map((name, i) => {
    const share = pairs.reduce((sum, pair) => sum + (pair.during.cpu[i] ?? 0), 0) / seconds('during');
    return `${name} ${share.toFixed(2)}`;
  });
  const figures = `over all windows ${numberText(whole('before'))} -> ${numberText(whole('during'))} ms`;
  bench.record({
    row: 'P14',
    what: `p99 of another client while the ${labeller} labelled / before, median of ${pairs.length} windows`,
    value: median(pairs.map(({ before, during }) => p99(during) / p99(before))),
    unit: '',
    ...(labeller === 'operator' ? { target: { atMost: 1.5 } } : {}),
    detail: `${numberText(rate)} labels/s; ${figures}; cores: ${shares.join(', ')}`,
  });
}

function p99(window: Window): number {
  return quantile(timesOf(window), 0.99);
}

function timesOf({ times }: Window): readonly number[] {
  return Object.values(times).flat();
}
