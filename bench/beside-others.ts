import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { ControlPlane } from '../test/cluster/control-plane.ts';
import type { Watchdog } from '../test/cluster/watchdog.ts';
import type { Installation } from '../test/support/installation.ts';
import type { ProductProcess } from '../test/support/product-process.ts';
import { bareApplies } from './bare-applies.ts';

const KINDS = ['GET', 'LIST', 'PATCH'] as const;
const Times = z.record(z.enum(KINDS), z.array(z.number()));
type Times = z.infer<typeof Times>;

/** Who labels the objects of a window: the operator, or bare applies, so many of them in flight. */
export type Labeller = { readonly kind: 'Operator' } | { readonly kind: 'Bare'; readonly width: number };

export interface BesideOthersOptions {
  readonly cluster: ControlPlane;
  readonly stage: Installation;
  readonly operator: ProductProcess;
  readonly watchdog: Watchdog;
  /** In turn. */
  readonly labellers: readonly Labeller[];
  /** Of each labeller. */
  readonly windows: number;
  /** Objects that are labelled in a window. */
  readonly perWindow: number;
  /** Told of each window. */
  readonly say: (line: string) => void;
}

/** What one labeller did, and how the other client fared beside it. */
export interface Neighbourhood {
  readonly labeller: string;
  readonly rate: number;
  /** 99th percentile over all windows, beside the labeller and in the rests before its windows, in milliseconds. */
  readonly p99: Readonly<Record<string, { readonly during: number; readonly before: number }>>;
  /** Of the 99th percentiles of all windows: that beside the labeller over that of the rest before it, the median. */
  readonly ratioOfWindows: number;
  /** CPU seconds per second, in windows and in rests. */
  readonly cpu: Readonly<Record<string, { readonly during: number; readonly before: number }>>;
  readonly load: string;
}

interface Window {
  readonly times: Times;
  readonly cpu: readonly number[];
  readonly seconds: number;
}

/**
 * The API server's answers to another client, in turns while nothing is labelled and while many objects are. Both kinds of windows lie side
 * by side, so that what else happens on the machine meets both.
 */
export async function besideOthers(options: BesideOthersOptions): Promise<readonly Neighbourhood[]> {
  const { cluster, stage, operator, watchdog, labellers, windows, perWindow, say } = options;
  const { admin } = stage;
  const beside = await admin.createNamespace('beside');
  await admin.createMany(configMaps(beside, 'neighbour', 100));
  await stage.applyPolicy('first-enforce', {
    mode: 'Enforce',
    match: {
      resources: [{ group: '', resource: 'configmaps' }],
      namespaceSelector: { matchLabels: { 'bench.example/label': 'now' } },
    },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  const namespaces: string[] = [];
  for (let i = 0; i < windows * labellers.length; i += 1) {
    const ns = await admin.createNamespace('many');
    namespaces.push(ns);
    await admin.createMany(configMaps(ns, 'cm', perWindow));
  }
  // It may use the operator's right to patch ConfigMaps as well as another account.
  const neighbour = new Neighbour(stage.operatorKubeconfig, beside);
  watchdog.watch(neighbour.pid);
  const pids = [...cluster.pids, operator.pid, neighbour.pid];
  const window = async (work: () => Promise<unknown>): Promise<Window> => {
    await neighbour.measured();
    const cpu = pids.map(cpuSeconds);
    const since = performance.now();
    await work();
    const seconds = (performance.now() - since) / 1_000;
    const after = pids.map(cpuSeconds);
    return { times: await neighbour.measured(), cpu: after.map((now, i) => now - (cpu[i] ?? 0)), seconds };
  };
  const written = async () => operator.metric('watchkeeper_writes_total', 'result="Written"');
  const label = async (labeller: Labeller, ns: string): Promise<void> => {
    if (labeller.kind === 'Bare') {
      const { items } = await admin.list(`/api/v1/namespaces/${ns}/configmaps`);
      await bareApplies(stage.operatorKubeconfig, items, ['team', 'blue'], labeller.width);
      return;
    }
    const target = (await written()) + perWindow;
    await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { labels: { 'bench.example/label': 'now' } } });
    while ((await written()) < target) await delay(100);
  };
  const pairs: { before: Window; during: Window; by: Labeller }[] = [];
  let restMs = 3_000;
  await delay(restMs);
  for (const [i, ns] of namespaces.entries()) {
    const by = labellers[i % labellers.length] ?? { kind: 'Operator' };
    const before = await window(async () => delay(restMs));
    const during = await window(async () => label(by, ns));
    restMs = Math.min(5_000, Math.max(2_000, during.seconds * 1_000));
    pairs.push({ before, during, by });
    const figures = [p99(before), p99(during)].map((ms) => `${ms.toFixed(1)} ms`).join(' -> ');
    say(`${nameOf(by)}: ${(perWindow / during.seconds).toFixed(0)} labels/s, p99 of the other client ${figures}`);
    await delay(500);
  }
  neighbour.end();
  watchdog.forget(neighbour.pid);
  return labellers.map((labeller) =>
    summary(
      labeller,
      pairs.filter(({ by }) => by === labeller),
      perWindow,
    ),
  );
}

function summary(
  labeller: Labeller,
  pairs: readonly { before: Window; during: Window }[],
  perWindow: number,
): Neighbourhood {
  const all = (of: 'before' | 'during', kinds: readonly (typeof KINDS)[number][]) =>
    quantile(
      pairs.flatMap((pair) => kinds.flatMap((kind) => pair[of].times[kind])),
      0.99,
    );
  const both = (kinds: readonly (typeof KINDS)[number][]) => ({
    during: all('during', kinds),
    before: all('before', kinds),
  });
  const ratios = pairs.map(({ before, during }) => p99(during) / p99(before));
  const seconds = (of: 'before' | 'during') => pairs.reduce((sum, pair) => sum + pair[of].seconds, 0);
  const share = (of: 'before' | 'during', i: number) =>
    pairs.reduce((sum, pair) => sum + (pair[of].cpu[i] ?? 0), 0) / seconds(of);
  return {
    labeller: nameOf(labeller),
    rate: (perWindow * pairs.length) / seconds('during'),
    p99: { ...Object.fromEntries(KINDS.map((kind) => [kind, both([kind])])), all: both(KINDS) },
    ratioOfWindows: quantile(ratios, 0.5),
    cpu: Object.fromEntries(
      ['etcd', 'kube-apiserver', 'operator', 'other client'].map((name, i) => [
        name,
        { during: share('during', i), before: share('before', i) },
      ]),
    ),
    load: loadavg()
      .map((n) => n.toFixed(1))
      .join(' '),
  };
}

function nameOf(labeller: Labeller): string {
  return labeller.kind === 'Operator' ? 'operator' : `bare applies, ${labeller.width} in flight`;
}

function p99({ times }: Window): number {
  return quantile(
    KINDS.flatMap((kind) => times[kind]),
    0.99,
  );
}

function configMaps(namespace: string, prefix: string, number: number) {
  return Array.from({ length: number }, (_, i) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: `${prefix}-${i}` },
    data: { key: 'x'.repeat(200) },
  }));
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
}

/** User and system time of a process, in seconds; the kernel counts in hundredths. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The process of `neighbour.ts`. */
class Neighbour {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(kubeconfig: string, namespace: string) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'neighbour.ts'), kubeconfig, namespace], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How long its requests took since it was last asked, in milliseconds. */
  async measured(): Promise<Times> {
    this.#child.stdin?.write('\n');
    return Times.parse(JSON.parse(String((await this.#lines.next()).value)));
  }

  end(): void {
    this.#child.stdin?.end();
  }
}
