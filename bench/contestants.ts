import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { outwardConnections } from '../test/support/open-connections.ts';
import { type Bench, NODE_FLAGS } from './bench.ts';
import { cpuSeconds, residentBytes } from './process-figures.ts';

/** Who lists and watches: the product's informers, with metadata alone or with some fields of the objects; client-go's. */
export type Contestant =
  | {
      readonly name: string;
      readonly client: 'watchkeeper';
      readonly fields: readonly string[];
      /** By WatchLists and not by lists. */
      readonly watchList?: boolean;
    }
  | { readonly name: string; readonly client: 'metadatainformer' | 'dynamicinformer' };

export const OURS: Contestant = { name: 'watchkeeper', client: 'watchkeeper', fields: [] };
export const BY_WATCH_LISTS: Contestant = {
  name: 'watchkeeper by WatchLists',
  client: 'watchkeeper',
  fields: [],
  watchList: true,
};
export const METADATA_INFORMER: Contestant = { name: 'metadatainformer', client: 'metadatainformer' };
export const DYNAMIC_INFORMER: Contestant = { name: 'dynamicinformer', client: 'dynamicinformer' };

export function projected(...fields: readonly string[]): Contestant {
  return { name: `watchkeeper with ${fields.join(', ')}`, client: 'watchkeeper', fields };
}

export interface Watched {
  readonly kubeconfig: string;
  readonly kinds: readonly { readonly group: string; readonly version: string; readonly resource: string }[];
  /** How long it is left alone after it is settled, in milliseconds, for `idleCpu`. */
  readonly idleMs?: number;
}

/** One run of a contestant, from its start as a process. */
export interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly objects: number;
  /** After a full collection: still reachable, beyond what it was before the first request. */
  readonly heapBytes: number;
  /** After a full collection. */
  readonly residentBytes: number;
  readonly peakBytes: number;
  readonly connections: number;
  /** CPU seconds per second, once all is quiet. */
  readonly idleCpu: number;
}

const Line = z.discriminatedUnion('event', [
  z.object({ event: z.literal('Synced'), seconds: z.number(), cpuSeconds: z.number(), objects: z.number() }),
  z.object({ event: z.literal('Settled'), heapBytes: z.number() }),
]);

const SETTLE_MS = 1_500;

/** Resolves to undefined where there is no Go baseline to run. */
export async function runContestant(bench: Bench, contestant: Contestant, watched: Watched): Promise<Run | undefined> {
  const { kubeconfig, kinds, idleMs = 0 } = watched;
  const file = join(bench.folder, 'work.json');
  const command = await commandOf(bench, contestant);
  if (command === undefined) return undefined;
  const { client } = contestant;
  const [fields, watchList] =
    client === 'watchkeeper' ? [contestant.fields, contestant.watchList === true] : [[], false];
  const work = { kubeconfig, kinds, client, fields, watchList, settleMs: SETTLE_MS };
  await writeFile(file, JSON.stringify(work));
  const child = spawn(command[0], [...command.slice(1), file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const pid = child.pid ?? 0;
  bench.watchdog.watch(pid);
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const synced = Line.parse(JSON.parse(String((await lines.next()).value)));
    const settled = Line.parse(JSON.parse(String((await lines.next()).value)));
    if (synced.event !== 'Synced' || settled.event !== 'Settled')
      throw new Error(`${contestant.name} told it otherwise`);
    const { now, peak } = residentBytes(pid);
    const before = cpuSeconds(pid);
    await delay(idleMs);
    return {
      seconds: synced.seconds,
      cpuSeconds: synced.cpuSeconds,
      objects: synced.objects,
      heapBytes: settled.heapBytes,
      residentBytes: now,
      peakBytes: peak,
      connections: outwardConnections(pid).length,
      idleCpu: idleMs === 0 ? Number.NaN : (cpuSeconds(pid) - before) / (idleMs / 1_000),
    };
  } finally {
    await ended(child);
    bench.watchdog.forget(pid);
  }
}

/** Runs of each contestant by its name, so many rounds; each round begins with another one. Without those that cannot run. */
export async function rounds(
  bench: Bench,
  contestants: readonly Contestant[],
  watched: Watched,
): Promise<ReadonlyMap<string, readonly Run[]>> {
  const runs = new Map<string, Run[]>();
  for (let round = 0; round < bench.options.repeat; round += 1) {
    const first = round % contestants.length;
    for (const contestant of [...contestants.slice(first), ...contestants.slice(0, first)]) {
      const run = await runContestant(bench, contestant, watched);
      if (run === undefined) continue;
      runs.set(contestant.name, [...(runs.get(contestant.name) ?? []), run]);
      const { seconds, cpuSeconds: cpu, objects, residentBytes: resident } = run;
      const figures = `${seconds.toFixed(2)} s, CPU ${cpu.toFixed(2)} s, ${(resident / 2 ** 20).toFixed(0)} MiB`;
      bench.say(`${contestant.name}: ${objects} objects of ${watched.kinds.length} kinds synced in ${figures}`);
    }
  }
  return runs;
}

async function commandOf(bench: Bench, { client }: Contestant): Promise<readonly [string, ...string[]] | undefined> {
  if (client === 'watchkeeper') {
    return [process.execPath, ...NODE_FLAGS, '--expose-gc', await bench.child('watch-kinds')];
  }
  const baseline = await bench.baseline();
  return baseline === undefined ? undefined : [baseline];
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(timer);
}
