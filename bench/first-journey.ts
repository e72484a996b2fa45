/**
 * The first journey, measured against bare parallel applies on the same server in the same run:
 *
 *   npm run bench [-- --objects 5000]
 *
 * Figures depend on the machine; ratios are what counts. Results also go to bench/results/ as JSON.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildProduct } from '../scripts/build.ts';
import { ensureBinaries } from '../test/cluster/build-binaries.ts';
import { startControlPlane } from '../test/cluster/control-plane.ts';
import { eventually } from '../test/cluster/eventually.ts';
import { conditionOf } from '../test/cluster/kube-object.ts';
import { Watchdog } from '../test/cluster/watchdog.ts';
import { database, FIXTURE_CRDS } from '../test/support/custom-kinds.ts';
import { finalStage } from '../test/support/dockerfile.ts';
import { Installation, install } from '../test/support/installation.ts';
import { ProductProcess } from '../test/support/product-process.ts';
import { bareApplies } from './bare-applies.ts';
import { besideOthers, cpuSeconds } from './beside-others.ts';

const WIDTH = 16;
const SAMPLES = 100;
const root = dirname(import.meta.dirname);
const { values } = parseArgs({ options: { objects: { type: 'string', default: '5000' } } });
const count = Number(values.objects);
/** As in the image: `/nodejs/bin/node FLAGS /app/watchkeeper.js`. */
const nodeFlags = finalStage(readFileSync(join(root, 'Dockerfile'), 'utf8')).entrypoint.slice(1, -1);
const rows: { what: string; figure: string }[] = [];

function row(what: string, figure: string): void {
  rows.push({ what, figure });
  console.log(`${what.padEnd(72)} ${figure}`);
}

const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-bench-'));
// Ends the operator and removes the folder however this process ends.
const watchdog = new Watchdog(folder);
const { bundle, bytes } = await buildProduct(join(root, 'src', 'main.ts'), join(folder, 'dist'));
const binaries = await ensureBinaries();
await using cluster = await startControlPlane({ binaries });
const parts = await install(cluster);
const stage = new Installation(parts);
const { admin } = stage;

row('bundle', `${(bytes / 1024).toFixed(0)} KiB`);
const before = await bareRate('bare-before');
const ours = await fill('ours');

const started = performance.now();
const operator = new ProductProcess({
  bundle,
  kubeconfig: parts.operatorKubeconfig,
  args: ['--log-level', 'info'],
  nodeFlags,
});
watchdog.watch(operator.pid);
await operator.ready();
row('start to ready', `${(performance.now() - started).toFixed(0)} ms`);
row('resident memory at rest', mib(operator.pid));

const beforePolicy = await cluster.auditMark();
const cpuBefore = cpuSeconds(operator.pid);
const applied = Date.now();
await stage.applyPolicy('team', policy(ours, [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }]));
// From the server's own log: to ask the operator while it works would cost it time.
const labelled = async () => stage.writesSince(beforePolicy, ours);
const done = await eventually('labels', labelled, ({ length }) => length >= count, {
  timeoutMs: 300_000,
  intervalMs: 500,
});
const rate = count / ((Math.max(...done.map(({ completedAt }) => completedAt)) - applied) / 1_000);
row(
  `policy applied to ${count} existing objects labelled`,
  `${(count / rate).toFixed(2)} s, ${rate.toFixed(0)} labels/s`,
);
row('CPU of the operator for it', `${(cpuSeconds(operator.pid) - cpuBefore).toFixed(2)} s`);
row(`resident memory with ${count} objects, all labelled`, mib(operator.pid));

row(
  `label removed on ${SAMPLES}: back after, p50 / max`,
  await each(async (i) => {
    await admin.patch(path(ours, `cm-${i}`), { metadata: { labels: { team: null } } });
    return path(ours, `cm-${i}`);
  }),
);
row(
  `${SAMPLES} new objects: labelled after, p50 / max`,
  await each(async (i) => {
    await admin.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: ours, name: `new-${i}` } });
    return path(ours, `new-${i}`);
  }),
);

await half('violations', count);
await lateKind();
await others();
await operator.stop();
watchdog.forget(operator.pid);
const after = await bareRate('bare-after');
row(`bare applies, ${WIDTH} in flight, before and after`, `${before.toFixed(0)} and ${after.toFixed(0)} labels/s`);
row('ratio to bare applies', (rate / ((before + after) / 2)).toFixed(2));
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
writeFileSync(
  join(results, `first-journey-${new Date().toISOString().replaceAll(':', '')}.json`),
  JSON.stringify(rows, undefined, 2),
);
admin.close();
await watchdog.release();

/** The ceiling of the server: labels per second by applies that nobody plans. What they label is gone afterwards. */
async function bareRate(prefix: string): Promise<number> {
  const ns = await fill(prefix);
  const collection = `/api/v1/namespaces/${ns}/configmaps`;
  const { items } = await admin.list(collection);
  const seconds = await bareApplies(parts.operatorKubeconfig, items, ['team', 'blue'], WIDTH);
  await admin.json('DELETE', collection);
  return items.length / seconds;
}

/** `count` objects, of which half break a rule: until the status is exact, and exact again after some are fixed. */
async function half(prefix: string, objects: number): Promise<void> {
  const ns = await admin.createNamespace(prefix);
  await admin.createMany(
    Array.from({ length: objects }, (_, i) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: ns, name: `cm-${i}`, labels: i % 2 === 0 ? { owner: 'me' } : {} },
    })),
    64,
  );
  const mark = await cluster.auditMark();
  let since = performance.now();
  await stage.applyPolicy('owner', policy(ns, [{ name: 'owner', require: { labels: [{ key: 'owner' }] } }]));
  await stage.policy('owner', (view) => view.violationsTotal === objects / 2, 60_000);
  const exact = performance.now() - since;
  const writes = (await stage.statusWritesSince(mark)).length + (await stage.writesSince(mark)).length;
  row(
    `${objects} objects, ${objects / 2} violating: exact in status after; writes`,
    `${(exact / 1_000).toFixed(2)} s; ${writes}`,
  );
  since = performance.now();
  await Promise.all(
    Array.from({ length: SAMPLES }, async (_, i) =>
      admin.patch(path(ns, `cm-${2 * i + 1}`), { metadata: { labels: { owner: 'me' } } }),
    ),
  );
  const patched = performance.now();
  await stage.policy('owner', (view) => view.violationsTotal === objects / 2 - SAMPLES, 60_000);
  const fixed = performance.now();
  row(
    `${SAMPLES} of them fixed: right again after the first / the last patch`,
    `${((fixed - since) / 1_000).toFixed(2)} / ${((fixed - patched) / 1_000).toFixed(2)} s`,
  );
}

/** A kind whose CRD comes after the policy. Objects by apply: a POST is held back for 2 s by kube-apiserver itself. */
async function lateKind(): Promise<void> {
  const crd = 'databases.postgresql.cnpg.io';
  const ns = await admin.createNamespace('late');
  await stage.grant('postgresql.cnpg.io', ['databases']);
  const resources = [{ group: 'postgresql.cnpg.io', resource: 'databases' }];
  const rules = [{ name: 'env', set: { labels: [{ key: 'team', value: 'blue' }] } }];
  await stage.applyPolicy('late', { mode: 'Enforce', match: { resources, namespaces: [ns] }, rules });
  await stage.policy('late', (view) => view.conditions['Watching']?.reason === 'WaitingForResources');
  await admin.applyFile(join(FIXTURE_CRDS, 'postgresql.cnpg.io_databases.yaml'));
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await admin.waitFor(`${crds}/${crd}`, (object) => conditionOf(object, 'Established')?.['status'] === 'True', {
    intervalMs: 2,
  });
  const since = performance.now();
  const object = database(ns, 'orders');
  await eventually(
    'the first object',
    async () => admin.apply(object),
    () => true,
    { intervalMs: 2 },
  );
  const created = performance.now();
  const target = `/apis/postgresql.cnpg.io/v1/namespaces/${ns}/databases/orders`;
  await admin.waitFor(target, ({ metadata }) => metadata.labels['team'] === 'blue', { intervalMs: 2 });
  const figure = `${(created - since).toFixed(0)} / ${(performance.now() - since).toFixed(0)} ms`;
  row('CRD established: first object taken / labelled after', figure);
}

/** What another client of the server notices. */
async function others(): Promise<void> {
  const perWindow = Math.max(100, Math.round(count / 10));
  const labellers = [{ kind: 'Operator' }] as const;
  const [result] = await besideOthers({
    cluster,
    stage,
    operator,
    watchdog,
    labellers,
    windows: 6,
    perWindow,
    say: console.log,
  });
  if (result === undefined) return;
  const { p99, ratioOfWindows } = result;
  const ratios = Object.entries(p99).map(([what, of]) => `${what} ${(of.during / of.before).toFixed(2)}`);
  row(
    `P14: p99 of another client, while ${result.rate.toFixed(0)} objects/s are labelled / in rests`,
    `${ratioOfWindows.toFixed(2)} (median of 6 windows); over all of them ${ratios.join(', ')}`,
  );
}

async function fill(prefix: string): Promise<string> {
  const ns = await admin.createNamespace(prefix);
  await admin.createMany(
    Array.from({ length: count }, (_, i) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: ns, name: `cm-${i}` },
      data: { key: 'x'.repeat(200) },
    })),
    64,
  );
  return ns;
}

function policy(ns: string, rules: readonly object[]) {
  return {
    mode: 'Enforce' as const,
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules,
  };
}

function path(ns: string, name: string): string {
  return `/api/v1/namespaces/${ns}/configmaps/${name}`;
}

/** One change after another; the time from its answer until its object has the label. */
async function each(change: (i: number) => Promise<string>): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i += 1) {
    const target = await change(i);
    const since = performance.now();
    await admin.waitFor(target, ({ metadata }) => metadata.labels['team'] === 'blue', {
      intervalMs: 1,
      timeoutMs: 30_000,
    });
    times.push(performance.now() - since);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return `${(sorted[SAMPLES / 2] ?? 0).toFixed(1)} / ${(sorted.at(-1) ?? 0).toFixed(1)} ms`;
}

function mib(pid: number): string {
  const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return `${(kib / 1024).toFixed(0)} MiB`;
}
