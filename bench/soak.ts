/**
 * The product under changes and faults for a long time:
 *
 *   npm run soak [-- --minutes 60 --seed 1]
 *
 * Ends with 1 when something is not as it should be. All samples go to bench/results/ as JSON.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildProduct } from '../scripts/build.ts';
import { ensureBinaries } from '../test/cluster/build-binaries.ts';
import { startControlPlane } from '../test/cluster/control-plane.ts';
import { Watchdog } from '../test/cluster/watchdog.ts';
import { soak } from '../test/soak/soak.ts';
import { judge } from '../test/soak/verdict.ts';
import { finalStage } from '../test/support/dockerfile.ts';

const root = dirname(import.meta.dirname);
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, seed: { type: 'string', default: String(Date.now() % 1e6) } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-soak-'));
const watchdog = new Watchdog(folder);
const { bundle } = await buildProduct(join(root, 'src', 'main.ts'), join(folder, 'dist'));
/** As in the image. */
const nodeFlags = finalStage(readFileSync(join(root, 'Dockerfile'), 'utf8')).entrypoint.slice(1, -1);
await using cluster = await startControlPlane({ binaries: await ensureBinaries() });
const began = performance.now();
const say = (line: string) => console.log(`${((performance.now() - began) / 1_000).toFixed(0).padStart(5)} s  ${line}`);

say(`seed ${seed}, ${minutes} min`);
const rests = Math.max(3, Math.round(minutes / 4));
const result = await soak({
  cluster,
  watchdog,
  bundle,
  nodeFlags,
  seed,
  churnMs: minutes * 60_000 * 0.65,
  rests,
  perNamespace: 80,
  restMs: 5_000,
  calmMs: minutes < 10 ? 0 : 60_000,
  say,
});
const { rows, wrong } = judge(result);
for (const [what, figure] of rows) console.log(`${what.padEnd(60)} ${figure}`);
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
const file = join(results, `soak-${new Date().toISOString().replaceAll(':', '')}.json`);
const plain = (_key: string, value: unknown): unknown => (value instanceof Map ? Object.fromEntries(value) : value);
writeFileSync(file, JSON.stringify({ minutes, rows, wrong, ...result }, plain, 2));
for (const line of wrong) console.error(`WRONG: ${line}`);
console.log(wrong.length === 0 ? 'all is as it should be' : `${wrong.length} things are wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;
await watchdog.release();
