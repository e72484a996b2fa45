import { BareClient } from '../bare-client.ts';
import { NO_BASELINE } from '../baseline.ts';
import type { Bench } from '../bench.ts';
import {
  BY_WATCH_LISTS,
  DYNAMIC_INFORMER,
  METADATA_INFORMER,
  OURS,
  projected,
  type Run,
  rounds,
  runContestant,
  type Watched,
} from '../contestants.ts';
import { numberText, type RowId } from '../figures.ts';
import { fillPods } from '../load/pods.ts';
import { MIB } from '../process-figures.ts';
import { type BenchStage, onStage } from '../stage.ts';
import { medianOf } from '../statistics.ts';
import { longestTurns } from './event-loop.ts';

const SPEC = projected('spec');
const CURVE = [1_000, 10_000];
const NAMESPACES = 50;
type Runs = ReadonlyMap<string, readonly Run[]>;
const seconds = (run: Run) => run.seconds;
const cpu = (run: Run) => run.cpuSeconds;
const resident = (run: Run) => run.residentBytes / MIB;
const heap = (run: Run) => run.heapBytes / Math.max(1, run.objects);

/** P1, P2, P3 and P10: the same Pods listed by the product's informers, by client-go's, and by the product. */
export async function firstSync(bench: Bench): Promise<void> {
  await onStage(bench, async (stage) => {
    await stage.grant('', ['pods']);
    const pods = { kubeconfig: stage.operatorKubeconfig, kinds: [{ group: '', version: 'v1', resource: 'pods' }] };
    const alone = await runContestant(bench, OURS, pods);
    using client = await BareClient.open(stage.cluster.kubeconfig);
    const namespaces: string[] = [];
    for (let i = 0; i < NAMESPACES; i += 1) namespaces.push(await stage.admin.createNamespace('pods'));
    let filled = 0;
    for (const size of bench.sizes(bench.options.objects, CURVE)) {
      await fillPods(client, namespaces, filled, size);
      filled = size;
      bench.say(`${size} Pods; one is ${await sizeText(stage, namespaces[0] ?? '')}`);
      if (!bench.wants('P1', 'P2', 'P3')) continue;
      const runs = await compare(bench, pods);
      points(bench, size, runs);
      if (size === bench.options.objects) record(bench, size, runs, alone);
    }
    if (bench.wants('P10')) await longestTurns(stage, filled);
  });
}

async function compare(bench: Bench, pods: Watched): Promise<Runs> {
  const contestants = [OURS];
  if (bench.wants('P1', 'P2')) contestants.push(METADATA_INFORMER, DYNAMIC_INFORMER, BY_WATCH_LISTS);
  if (bench.wants('P3')) contestants.push(SPEC);
  return rounds(bench, contestants, pods);
}

function points(bench: Bench, at: number, runs: Runs): void {
  for (const [name, ofOne] of runs) {
    const point = (what: string, value: number, unit: string) =>
      bench.point({ curve: 'objects', at, what: `${name}: ${what}`, value, unit });
    point('time to synced', medianOf(ofOne, seconds), 's');
    point('CPU', medianOf(ofOne, cpu), 's');
    point('resident', medianOf(ofOne, resident), 'MiB');
    point('heap of an object', medianOf(ofOne, heap), 'B');
  }
}

function record(bench: Bench, size: number, runs: Runs, alone: Run | undefined): void {
  const ours = runs.get(OURS.name) ?? [];
  const ratio = (row: RowId, what: string, other: string, field: (run: Run) => number, most: number, unit: string) => {
    const others = runs.get(other) ?? [];
    const [mine, theirs] = [medianOf(ours, field), medianOf(others, field)];
    const detail = others.length === 0 ? NO_BASELINE : `${numberText(mine)} / ${numberText(theirs)} ${unit}`;
    const value = others.length === 0 ? undefined : mine / theirs;
    bench.record({ row, what: `${what} / ${other}'s`, value, unit: '', target: { atMost: most }, detail });
  };
  ratio('P1', `${size} Pods: CPU`, METADATA_INFORMER.name, cpu, 0.7, 's');
  ratio('P1', `${size} Pods: time`, METADATA_INFORMER.name, seconds, 1, 's');
  ratio('P1', `${size} Pods: CPU`, DYNAMIC_INFORMER.name, cpu, 0.1, 's');
  ratio('P1', `${size} Pods: time`, DYNAMIC_INFORMER.name, seconds, 0.3, 's');
  const gathered = runs.get(BY_WATCH_LISTS.name) ?? [];
  for (const [what, field] of gathered.length === 0
    ? []
    : ([
        ['CPU', cpu],
        ['time', seconds],
      ] as const)) {
    const value = medianOf(gathered, field);
    bench.record({ row: 'P1', what: `${size} Pods by WatchLists: ${what}`, value, unit: 's' });
  }
  ratio('P2', `${size} Pods: resident`, METADATA_INFORMER.name, resident, 0.4, 'MiB');
  ratio('P2', `${size} Pods: resident`, DYNAMIC_INFORMER.name, resident, 0.04, 'MiB');
  if (alone !== undefined) {
    const fixed = alone.residentBytes / MIB;
    const slope = (MIB * (medianOf(ours, resident) - fixed)) / size;
    const detail = `${numberText(fixed)} MiB without any; ${numberText(medianOf(ours, (run) => run.peakBytes / MIB))} MiB at most`;
    bench.record({ row: 'P2', what: 'resident for each Pod more', value: slope, unit: 'B', detail });
  }
  const heapOf = (name: string) => medianOf(runs.get(name) ?? [], heap);
  bench.record({ row: 'P3', what: 'metadata alone', value: heapOf(OURS.name), unit: 'B', target: { atMost: 600 } });
  bench.record({ row: 'P3', what: 'with `spec`', value: heapOf(SPEC.name), unit: 'B', target: { atMost: 1_536 } });
  for (const { name } of [METADATA_INFORMER, DYNAMIC_INFORMER]) {
    if (runs.has(name)) bench.record({ row: 'P3', what: `${name}, for comparison`, value: heapOf(name), unit: 'B' });
  }
}

async function sizeText({ admin }: BenchStage, namespace: string): Promise<string> {
  const { items } = await admin.list(`/api/v1/namespaces/${namespace}/pods`);
  const [pod] = items;
  if (pod === undefined) return 'not there';
  const bytes = JSON.stringify(pod).length;
  const { managedFields, ...metadata } = pod.metadata;
  const without = JSON.stringify({ ...pod, metadata }).length;
  const spec = JSON.stringify(pod['spec']).length;
  return `${without} bytes of JSON, its spec ${spec}, ${bytes} bytes with ${managedFields.length} managedFields`;
}
