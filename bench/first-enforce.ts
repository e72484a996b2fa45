/**
 * What a first enforce of many objects, with default settings, costs another client of the API server (P14):
 *
 *   npm run bench:enforce [-- --objects 20000 --windows 10 --write-concurrency N --bare 1,4,16]
 *
 * `--bare`: the same by a loop of applies that does nothing else, so many in flight, in windows of its own. The server shares its cores with
 * the operator, etcd and the other client.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildProduct } from '../scripts/build.ts';
import { ensureBinaries } from '../test/cluster/build-binaries.ts';
import { startControlPlane } from '../test/cluster/control-plane.ts';
import { Watchdog } from '../test/cluster/watchdog.ts';
import { finalStage } from '../test/support/dockerfile.ts';
import { Installation, install } from '../test/support/installation.ts';
import { ProductProcess } from '../test/support/product-process.ts';
import { besideOthers, type Labeller } from './beside-others.ts';

const root = dirname(import.meta.dirname);
const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '20000' },
    windows: { type: 'string', default: '10' },
    'write-concurrency': { type: 'string' },
    bare: { type: 'string' },
  },
});
const width = values['write-concurrency'];
const windows = Number(values.windows);
const bare = values.bare?.split(',').map((n): Labeller => ({ kind: 'Bare', width: Number(n) })) ?? [];
const nodeFlags = finalStage(readFileSync(join(root, 'Dockerfile'), 'utf8')).entrypoint.slice(1, -1);
const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-enforce-'));
const watchdog = new Watchdog(folder);
const { bundle } = await buildProduct(join(root, 'src', 'main.ts'), join(folder, 'dist'));
await using cluster = await startControlPlane({ binaries: await ensureBinaries() });
const stage = new Installation(await install(cluster));
const operator = new ProductProcess({
  bundle,
  kubeconfig: stage.operatorKubeconfig,
  args: ['--log-level', 'info', ...(width === undefined ? [] : ['--write-concurrency', width])],
  nodeFlags,
});
watchdog.watch(operator.pid);
await operator.ready();
const perWindow = Math.round(Number(values.objects) / windows);
const labellers: Labeller[] = [{ kind: 'Operator' }, ...bare];
const results = await besideOthers({
  cluster,
  stage,
  operator,
  watchdog,
  labellers,
  windows,
  perWindow,
  say: console.log,
});
for (const { labeller, rate, p99, ratioOfWindows, cpu, load } of results) {
  console.log(`${labeller}: ${rate.toFixed(0)} labels/s; load ${load}`);
  for (const [kind, { before, during }] of Object.entries(p99)) {
    const ratio = (during / before).toFixed(2);
    console.log(
      `  p99 ${kind.padEnd(6)} ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during, ratio ${ratio}`,
    );
  }
  console.log(`  p99 of windows, median of ratios ${ratioOfWindows.toFixed(2)}`);
  const shares = Object.entries(cpu).map(([who, is]) => `${who} ${is.before.toFixed(2)} -> ${is.during.toFixed(2)}`);
  console.log(`  cores: ${shares.join(', ')}`);
}
await operator.stop();
stage.admin.close();
await watchdog.release();
