/**
 * Upgrades and downgrades between an older revision and the present sources, on a real control plane: one after the other, back
 * again, and side by side as in a rolling update. Prints what each step wrote, and fails when an object was written for it.
 *
 *   npm run upgrade-test -- REVISION [--share 1]      (a share of 2,000 objects)
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { ensureBinaries } from '../../test/cluster/build-binaries.ts';
import { startControlPlane } from '../../test/cluster/control-plane.ts';
import { Watchdog } from '../../test/cluster/watchdog.ts';
import { buildProduct } from '../build.ts';
import { buildRevision } from './revision.ts';
import { type Outcome, UpgradeRun } from './upgrade-run.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { share: { type: 'string', default: '1' } },
});
const [revision] = positionals;
if (revision === undefined) {
  console.error('Name a revision of git: npm run upgrade-test -- REVISION');
  process.exit(2);
}
const project = join(import.meta.dirname, '..', '..');
const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-upgrade-'));
const watchdog = new Watchdog(folder);
try {
  const older = await buildRevision(project, revision, join(folder, 'older'));
  const { bundle } = await buildProduct(join(project, 'src', 'main.ts'), join(folder, 'newer'));
  const binaries = await ensureBinaries();
  await using cluster = await startControlPlane({ binaries });
  const run = await UpgradeRun.begin(
    cluster,
    watchdog,
    { older, newer: { folder: project, bundle } },
    Number(values.share),
  );
  const outcomes = await run.all();
  print(outcomes);
  if (outcomes.some(({ objects, writes, isOverlap }) => objects > 0 || (writes > 0 && !isOverlap)))
    process.exitCode = 1;
  run.end();
} finally {
  await watchdog.release();
}

function print(outcomes: readonly Outcome[]): void {
  const head = [
    'step',
    'objects changed',
    'writes of objects',
    'of statuses',
    'of the ledger',
    'Events',
    'policies Ready',
  ];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { step, objects, writes, statuses, ledger, events, ready } of outcomes) {
    table.push([step, objects, writes, statuses, ledger, events, ready]);
  }
  console.log(table.toString());
}
