import { fileURLToPath } from 'node:url';
import { eventually } from '../cluster/eventually.ts';
import type { ProductProcess } from './product-process.ts';

/** Flags of Node with which a process tells for how long its event loop stands still. */
export const METERED = ['--import', fileURLToPath(new URL('turn-meter.ts', import.meta.url))];

const BEGIN = 'turns are metered';

/** From here on it counts. */
export async function meter(operator: ProductProcess): Promise<void> {
  process.kill(operator.pid, 'SIGUSR2');
  await eventually(
    'the meter begins',
    async () => operator.noise.includes(BEGIN),
    (begun) => begun,
  );
}

/**
 * The stretches since then for which its event loop stood still for 10 ms or more, in milliseconds of the thread's own time, the
 * longest first.
 */
export function longTurnsMs({ noise }: ProductProcess): readonly number[] {
  const turns = noise.slice(noise.indexOf(BEGIN)).flatMap((line) => /^long turn: ([\d.]+) ms$/.exec(line)?.[1] ?? []);
  return turns.map(Number).toSorted((a, b) => b - a);
}
