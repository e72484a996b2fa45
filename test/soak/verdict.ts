import { trendOf } from '../support/trend.ts';
import type { Holdings } from './holdings.ts';
import type { QuietPoint, ReplicaAtRest } from './quiet-point.ts';
import type { SoakResult } from './soak.ts';

export interface Verdict {
  readonly rows: readonly (readonly [what: string, figure: string])[];
  readonly wrong: readonly string[];
}

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
/** Until then code is being compiled and tables fill: nothing is said of growth. */
const WARM_MS = 1_200_000;
/**
 * Objects may grow by so much in an hour, in bytes: noise from one rest to the next is a tenth of it. Beside each byte of code
 * that is compiled V8 keeps about as much on the heap (feedback, shapes, scopes), so what came with code is taken off.
 */
const HEAP_PER_HOUR = 2 * MIB;
/** A line through fewer rests, or over less time, says nothing. */
const FEWEST_POINTS = 5;
const SHORTEST_MS = 600_000;
/** Whatever the time: between the first and the last rest of one process. */
const HEAP_STEP = 12 * MIB;
const BUFFERS_STEP = 4 * MIB;
const RESIDENT_STEP = 32 * MIB;
/** In so much time something can be said of growth, unless hardly any process lived on. */
const LONG_MS = 3_300_000;
/** There is only so much to compile. */
const MOST_CODE = 16 * MIB;

export function judge({ seed, quietPoints, samples, changes, faults, writes }: SoakResult): Verdict {
  const rows: [string, string][] = [['seed', String(seed)]];
  const wrong = quietPoints.flatMap(({ wrong: lines, atMs }) => lines.map((line) => `${minutes(atMs)}: ${line}`));
  const last = quietPoints.at(-1);
  rows.push(['time', minutes(last?.atMs ?? 0)], ['rests', String(quietPoints.length)]);
  rows.push(['changes', sum(changes)], ['faults', sum(faults)], ['writes of objects', String(writes)]);
  rows.push([
    'slowest to settle',
    `${(Math.max(...quietPoints.map((point) => point.settledAfterMs)) / 1_000).toFixed(1)} s`,
  ]);
  const seen = new Set<boolean>();
  for (const { name, life } of last?.replicas ?? []) {
    const resident = samples.filter((sample) => sample.replica === name && sample.life === life);
    for (const leads of [true, false]) {
      const points = pointsOf(quietPoints, { name, life, leads });
      const [first] = points;
      const end = points.at(-1);
      if (first === undefined || end === undefined) continue;
      const [was, is] = [first.holdings, end.holdings];
      const who = `replica ${name}, while it ${leads ? 'leads' : 'waits'}`;
      const most = Math.max(...resident.map(({ residentBytes }) => residentBytes));
      rows.push([
        `${who}: objects in its heap, first and last`,
        `${mib(was.heap.objects)} and ${mib(is.heap.objects)}`,
      ]);
      rows.push([`${who}: compiled code, first and last`, `${mib(was.heap.code)} and ${mib(is.heap.code)}`]);
      rows.push([
        `${who}: resident, first and last; most ever`,
        `${mib(was.residentBytes)} and ${mib(is.residentBytes)}; ${mib(most)}`,
      ]);
      rows.push([`${who}: sockets / timers / watches, first and last`, `${held(was)} and ${held(is)}`]);
      rows.push([`${who}: buffers, first and last`, `${mib(was.heap.buffers)} and ${mib(is.heap.buffers)}`]);
      const grew = (what: string, before: number, after: number, step: number) => {
        if (after - before > step) wrong.push(`${who}: ${what} grew from ${mib(before)} to ${mib(after)}`);
      };
      grew('the heap', was.heap.objects, is.heap.objects, HEAP_STEP);
      grew('what buffers hold', was.heap.buffers, is.heap.buffers, BUFFERS_STEP);
      grew('resident memory', was.residentBytes, is.residentBytes, RESIDENT_STEP);
      if (is.heap.code > MOST_CODE) wrong.push(`${who}: there are ${mib(is.heap.code)} of compiled code`);
      const late = points.filter(({ atMs }) => atMs >= WARM_MS);
      const span = (late.at(-1)?.atMs ?? 0) - (late[0]?.atMs ?? 0);
      if (late.length < FEWEST_POINTS || span < SHORTEST_MS) continue;
      seen.add(leads);
      const beyondCode = late.map(
        ({ atMs, holdings: { heap } }) => [atMs / HOUR_MS, heap.objects - heap.code] as const,
      );
      const { slope } = trendOf(beyondCode);
      rows.push([
        `${who}: growth of the heap beyond what goes with code, over ${minutes(span)}`,
        `${mib(slope)}/h (at most ${mib(HEAP_PER_HOUR)}/h)`,
      ]);
      if (slope > HEAP_PER_HOUR)
        wrong.push(`${who}: the heap grows by ${mib(slope)} an hour, beyond what goes with code`);
    }
  }
  if ((last?.atMs ?? 0) >= LONG_MS) {
    for (const leads of [true, false].filter((one) => !seen.has(one)))
      wrong.push(`too few rests to say how the heap of a replica that ${leads ? 'leads' : 'waits'} grows`);
  }
  return { rows, wrong };
}

function pointsOf(quietPoints: readonly QuietPoint[], { name, life, leads }: Omit<ReplicaAtRest, 'holdings'>) {
  return quietPoints.flatMap(({ atMs, replicas }) => {
    const replica = replicas.find((one) => one.name === name && one.life === life && one.leads === leads);
    return replica === undefined ? [] : [{ atMs, holdings: replica.holdings }];
  });
}

function held({ sockets, watches, resources }: Holdings): string {
  return `${sockets} / ${resources.get('Timeout') ?? 0} / ${watches}`;
}

function sum(counts: ReadonlyMap<string, number>): string {
  const all = [...counts.values()].reduce((total, count) => total + count, 0);
  return `${all} (${[...counts].map(([what, count]) => `${what} ${count}`).join(', ')})`;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(2)} MiB`;
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} min`;
}
