/**
 * All tests in shuffled order beside processes that take what they can get of the CPU, again and again; ends at the first run in which
 * a test fails. Prints the seed of each, which gives the same order again.
 *
 *   npm run stress -- --runs 3 --seed 1 --hogs 1
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const { values, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    hogs: { type: 'string', default: '1' },
    project: { type: 'string' },
  },
});
const [runs, first, hogs] = [Number(values.runs), Number(values.seed), Number(values.hogs)];
if (!(Number.isInteger(runs) && runs > 0 && Number.isInteger(first) && Number.isInteger(hogs) && hogs >= 0)) {
  process.stderr.write('npm run stress -- [--runs N] [--seed N] [--hogs N] [--project unit|journeys [FILE...]]\n');
  process.exit(2);
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function passes(seed: number): Promise<boolean> {
  const part = values.project === undefined ? [] : ['--project', values.project, ...files];
  const args = ['run', '--sequence.shuffle', `--sequence.seed=${seed}`, ...part];
  const env = { ...process.env, CI: 'true' };
  const [code] = (await once(spawn('vitest', args, { stdio: ['ignore', 'inherit', 'inherit'], env }), 'exit')) as [
    unknown,
  ];
  return code === 0;
}

const busy = Array.from({ length: hogs }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
process.once('exit', () => {
  for (const hog of busy) hog.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
for (let run = 0; run < runs; run += 1) {
  const since = performance.now();
  const isGreen = await passes(first + run);
  const minutes = ((performance.now() - since) / 60_000).toFixed(1);
  say(
    `run ${run + 1} of ${runs}, seed ${first + run}, ${hogs} hogs: ${isGreen ? 'green' : 'RED'} after ${minutes} min`,
  );
  if (!isGreen) process.exit(1);
}
process.exit(0);
