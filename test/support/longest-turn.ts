import { fileURLToPath } from 'node:url';
import { eventually } from '../cluster/eventually.ts';
import type { ProductProcess } from './product-process.ts';

/** Flags of Node with which a process tells for how long its event loop stands still. */
export const METERED = ['--import', fileURLToPath(new URL('turn-meter.ts', import.meta.url))];

/** From here on it counts. */
export async function meter(operator: ProductProcess): Promise<void> {
  process.kill(operator.pid, 'SIGUSR2');
  await eventually(
    'the meter begins',
    async () => operator.noise.includes('longest turn: 0 ms'),
    (begun) => begun,
  );
}

/** The longest stretch since then for which its event loop stood still, in milliseconds of the thread's own time. */
export function longestTurnMs({ noise }: ProductProcess): number {
  const turns = noise
    .slice(noise.indexOf('longest turn: 0 ms'))
    .flatMap((line) => /^longest turn: ([\d.]+) ms$/.exec(line)?.[1] ?? []);
  return Number(turns.at(-1));
}
