import { setTimeout as delay } from 'node:timers/promises';
import { outwardConnections } from '../../test/support/open-connections.ts';
import { NO_BASELINE } from '../baseline.ts';
import type { Bench } from '../bench.ts';
import { DYNAMIC_INFORMER, METADATA_INFORMER, OURS, type Run, rounds } from '../contestants.ts';
import { numberText } from '../figures.ts';
import { BENCH_GROUPS, kindsUpTo, makeKinds } from '../load/kinds.ts';
import { cpuSeconds, MIB, residentBytes } from '../process-figures.ts';
import { type BenchStage, onStage } from '../stage.ts';
import { medianOf } from '../statistics.ts';

const CURVE = [10, 100];
/** Memory per watch is what so many take more than this few. */
const FEW = 10;
const QUIET_MS = 10_000;
/** So that each watch has its bookmark in it, which comes once a minute. */
const IDLE_MS = 60_000;

/** P7 and P9: many kinds without objects, watched by the informers alone, by client-go's, and by the whole operator. */
export async function kinds(bench: Bench): Promise<void> {
  await onStage(bench, async (stage) => {
    const { kinds: most } = bench.options;
    let made = 0;
    let few: readonly Run[] = [];
    for (const size of new Set([Math.min(FEW, most), ...bench.sizes(most, CURVE)])) {
      await makeKinds(stage, made, size);
      made = size;
      bench.say(`${size} kinds are served`);
      if (!bench.wants('P7')) continue;
      const watched = { kubeconfig: stage.operatorKubeconfig, kinds: kindsUpTo(size) };
      const runs = await rounds(bench, [OURS, METADATA_INFORMER, DYNAMIC_INFORMER], watched);
      points(bench, size, runs);
      if (size === Math.min(FEW, most)) few = runs.get(OURS.name) ?? [];
      if (size === most) record(bench, size, runs, few);
    }
    if (bench.wants('P7', 'P9')) await atRest(stage, most);
  });
}

function points(bench: Bench, at: number, runs: ReadonlyMap<string, readonly Run[]>): void {
  for (const [name, ofOne] of runs) {
    const point = (what: string, value: number, unit: string) =>
      bench.point({ curve: 'kinds', at, what: `${name}: ${what}`, value, unit });
    const seconds = medianOf(ofOne, (run) => run.seconds);
    const cpu = medianOf(ofOne, (run) => run.cpuSeconds);
    point('time to all synced', seconds, 's');
    point('CPU', cpu, 's');
    point('resident', medianOf(ofOne, (run) => run.residentBytes) / MIB, 'MiB');
    const connections = medianOf(ofOne, (run) => run.connections);
    point('connections', connections, '');
  }
}

function record(bench: Bench, size: number, runs: ReadonlyMap<string, readonly Run[]>, few: readonly Run[]): void {
  const ours = runs.get(OURS.name) ?? [];
  const connections = Math.max(...ours.map((run) => run.connections));
  const what = `${size} watched kinds`;
  bench.record({ row: 'P7', what: `${what}: connections`, value: connections, unit: '', target: { atMost: 12 } });
  for (const { name } of [METADATA_INFORMER, DYNAMIC_INFORMER]) {
    const theirs = runs.get(name) ?? [];
    const [mine, other] = [medianOf(ours, (run) => run.seconds), medianOf(theirs, (run) => run.seconds)];
    bench.record({
      row: 'P7',
      what: `${what}: time to all synced / ${name}'s`,
      value: theirs.length === 0 ? undefined : mine / other,
      unit: '',
      target: { atMost: 1 },
      detail: theirs.length === 0 ? NO_BASELINE : `${numberText(mine)} / ${numberText(other)} s`,
    });
  }
  const perWatch = (field: (run: Run) => number) =>
    (medianOf(ours, field) - medianOf(few, field)) / (size - FEW) / 1_024;
  const resident = perWatch((run) => run.residentBytes);
  const heap = `of that on the heap ${numberText(perWatch((run) => run.heapBytes))} KB`;
  bench.record({
    row: 'P7',
    what: `${what}: resident for each watch more`,
    value: size > FEW ? resident : undefined,
    unit: 'KB',
    target: { atMost: 30 },
    detail: heap,
  });
}

/** The whole operator, with one policy on all of them: until it watches, and when nothing happens. */
async function atRest(stage: BenchStage, size: number): Promise<void> {
  const { bench, cluster } = stage;
  const operator = await stage.startOperator();
  const since = performance.now();
  await stage.applyPolicy('all-kinds', {
    mode: 'Enforce',
    match: { resources: [{ group: BENCH_GROUPS, resource: '*' }] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  await stage.policy('all-kinds', ({ watching }) => watching['synced'] === size, 600_000);
  const seconds = (performance.now() - since) / 1_000;
  const what = `the operator, ${size} kinds`;
  bench.record({ row: 'P7', what: `${what}: policy applied, all said to be watched after`, value: seconds, unit: 's' });
  const connections = outwardConnections(operator.pid).length;
  const resident = `${numberText(residentBytes(operator.pid).now / MIB)} MiB resident`;
  const most = { atMost: 12 };
  bench.record({
    row: 'P7',
    what: `${what}: connections`,
    value: connections,
    unit: '',
    target: most,
    detail: resident,
  });
  await delay(QUIET_MS);
  const mark = await cluster.auditMark();
  const before = cpuSeconds(operator.pid);
  const server = stage.controlPlane.pids.map(cpuSeconds);
  await delay(IDLE_MS);
  // The kernel counts in hundredths of a second: what is beyond them is the arithmetic's.
  const used = Math.round(100 * (cpuSeconds(operator.pid) - before)) / 100;
  const cpu = (100 * used) / (IDLE_MS / 1_000);
  const servers = stage.controlPlane.pids.map((pid, i) => cpuSeconds(pid) - (server[i] ?? 0));
  const entries = await cluster.entriesSince(mark);
  const writes = entries.filter(
    ({ userAgent, resource }) => userAgent.startsWith('watchkeeper/') && resource !== 'leases',
  );
  const idle = `${what} at rest for ${IDLE_MS / 1_000} s`;
  bench.record({
    row: 'P9',
    what: `${idle}: writes besides Leases`,
    value: writes.length,
    unit: '',
    target: { atMost: 0 },
  });
  const detail = `the servers meanwhile ${numberText((100 * servers.reduce((sum, one) => sum + one, 0)) / (IDLE_MS / 1_000))} %`;
  bench.record({ row: 'P9', what: `${idle}: CPU`, value: cpu, unit: '% of a core', target: { atMost: 1 }, detail });
  await stage.deletePolicy('all-kinds');
  await operator.stop();
}
