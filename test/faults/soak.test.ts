import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { startControlPlane } from '../cluster/control-plane.ts';
import { Watchdog } from '../cluster/watchdog.ts';
import { soak } from '../soak/soak.ts';
import { judge } from '../soak/verdict.ts';

/** The same for an hour: `npm run soak`. */
it('E: after changes and faults all is as the policies say, nothing is written, and no process holds more than before', async () => {
  const watchdog = new Watchdog(await mkdtemp(join(tmpdir(), 'watchkeeper-soak-')));
  try {
    await using cluster = await startControlPlane();
    const said: string[] = [];
    const result = await soak({
      cluster,
      watchdog,
      bundle: inject('productBundle'),
      nodeFlags: [],
      seed: 1,
      churnMs: 20_000,
      rests: 1,
      perNamespace: 16,
      restMs: 1_500,
      calmMs: 0,
      say: (line) => said.push(line),
    });
    expect(result.quietPoints).toHaveLength(2);
    expect(result.writes).toBeGreaterThan(50);
    expect(judge(result).wrong, said.join('\n')).toEqual([]);
  } finally {
    await watchdog.release();
  }
});
