/**
 * What a first enforce of many objects, with default settings, costs another client of the API server (P14):
 *
 *   node bench/first-enforce.ts [--objects 10000] [--write-concurrency N]
 *
 * The server shares its cores with the operator, etcd and the other client.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildProduct } from '../scripts/build.ts';
import { ensureBinaries } from '../test/cluster/build-binaries.ts';
import { startControlPlane } from '../test/cluster/control-plane.ts';
import { Watchdog } from '../test/cluster/watchdog.ts';
import { finalStage } from '../test/support/dockerfile.ts';
import { Installation, install } from '../test/support/installation.ts';
import { ProductProcess } from '../test/support/product-process.ts';

const root = dirname(import.meta.dirname);
const { values } = parseArgs({
  options: { objects: { type: 'string', default: '10000' }, 'write-concurrency': { type: 'string' } },
});
const count = Number(values.objects);
const width = values['write-concurrency'];
const nodeFlags = finalStage(readFileSync(join(root, 'Dockerfile'), 'utf8')).entrypoint.slice(1, -1);
const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-enforce-'));
const watchdog = new Watchdog(folder);
const { bundle } = await buildProduct(join(root, 'src', 'main.ts'), join(folder, 'dist'));
await using cluster = await startControlPlane({ binaries: await ensureBinaries() });
const stage = new Installation(await install(cluster));
const { admin } = stage;

const ns = await admin.createNamespace('many');
const beside = await admin.createNamespace('beside');
const configMaps = (namespace: string, prefix: string, number: number) =>
  Array.from({ length: number }, (_, i) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: `${prefix}-${i}` },
    data: { key: 'x'.repeat(200) },
  }));
await admin.createMany(configMaps(ns, 'cm', count), 32);
await admin.createMany(configMaps(beside, 'neighbour', 10));
const operator = new ProductProcess({
  bundle,
  kubeconfig: stage.operatorKubeconfig,
  args: ['--log-level', 'info', ...(width === undefined ? [] : ['--write-concurrency', width])],
  nodeFlags,
});
watchdog.watch(operator.pid);
await operator.ready();
// It may use its right to patch ConfigMaps as well as another account.
const neighbour = spawn(
  process.execPath,
  [join(import.meta.dirname, 'neighbour.ts'), stage.operatorKubeconfig, beside],
  {
    stdio: ['pipe', 'pipe', 'inherit'],
  },
);
watchdog.watch(neighbour.pid ?? 0);
const lines = createInterface({ input: neighbour.stdout })[Symbol.asyncIterator]();
const measured = async (): Promise<readonly number[]> => {
  neighbour.stdin.write('\n');
  return JSON.parse(String((await lines.next()).value)) as readonly number[];
};
await delay(2_000);
await measured();
await delay(10_000);
const before = await measured();
const mark = await cluster.auditMark();
const began = performance.now();
const rules = [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }];
const match = { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] };
await stage.applyPolicy('team', { mode: 'Enforce', match, rules });
while ((await operator.metric('watchkeeper_writes_total', 'result="Written"')) < count) await delay(250);
const seconds = (performance.now() - began) / 1_000;
const during = await measured();
console.log(`${count} objects in ${seconds.toFixed(1)} s: ${(count / seconds).toFixed(0)}/s`);
for (const share of [0.5, 0.9, 0.99]) {
  const [was, is] = [quantile(before, share), quantile(during, share)];
  console.log(
    `p${share * 100}: ${was.toFixed(1)} ms before, ${is.toFixed(1)} ms during, ratio ${(is / was).toFixed(2)}`,
  );
}
console.log(`${(await stage.writesSince(mark, ns)).length} writes`);
neighbour.stdin.end();
await once(neighbour, 'exit');
await operator.stop();
admin.close();
await watchdog.release();

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
}
