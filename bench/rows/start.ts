import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../test/cluster/eventually.ts';
import { MIB, type Resident, residentBytes } from '../process-figures.ts';
import type { BenchStage } from '../stage.ts';
import { median, medianOf } from '../statistics.ts';

const STARTS = 5;
const REST_MS = 3_000;

/** P11: the bundle on a cluster without policies. */
export async function start(stage: BenchStage): Promise<void> {
  const { bench } = stage;
  const { bytes } = await bench.product();
  const times: number[] = [];
  const resident: Resident[] = [];
  for (let i = 0; i < STARTS; i += 1) {
    const since = performance.now();
    const operator = await stage.launchOperator();
    const url = await operator.url();
    const readyz = async () => (await fetch(`${url}/readyz`)).status;
    await eventually('/readyz', readyz, (status) => status === 200, { intervalMs: 2 });
    times.push(performance.now() - since);
    await delay(REST_MS);
    resident.push(residentBytes(operator.pid));
    await operator.stop();
  }
  const detail = `of ${STARTS} starts ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`;
  bench.record({
    row: 'P11',
    what: 'start to ready',
    value: median(times),
    unit: 'ms',
    target: { atMost: 400 },
    detail,
  });
  const files = medianOf(resident, (one) => one.files / MIB);
  bench.record({
    row: 'P11',
    what: 'resident at rest',
    value: medianOf(resident, ({ now }) => now / MIB),
    unit: 'MiB',
    target: { atMost: 90e6 / MIB },
    detail: `${files.toFixed(1)} MiB of it Node's program and other files; the bundle has ${(bytes / 1024).toFixed(0)} KiB`,
  });
}
