/**
 * Fuzzes for as long as you like, target after target, with a seed that it prints.
 *
 *   npm run fuzz -- --minutes 10 --seed 7 json-path glob
 */
import { parseArgs } from 'node:util';
import { CREDENTIAL_TARGETS } from './credential-targets.ts';
import { LANGUAGE_TARGETS } from './language-targets.ts';
import { OUTGOING_TARGETS } from './outgoing-targets.ts';
import { WIRE_TARGETS } from './wire-targets.ts';

const ALL = [...LANGUAGE_TARGETS, ...WIRE_TARGETS, ...OUTGOING_TARGETS, ...CREDENTIAL_TARGETS];
/** So long at one target before it is the next one's turn. */
const TURN_MS = 5_000;
/** In less than this some have not tried a single input. */
const SHORTEST_MS = 1_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } },
});
const unknown = positionals.filter((name) => !ALL.some((target) => target.name === name));
if (unknown.length > 0 || !(Number(values.minutes) > 0)) {
  process.stderr.write(
    `npm run fuzz -- [--minutes N] [--seed N] [TARGET...]; targets: ${ALL.map(({ name }) => name).join(' ')}`,
  );
  process.exit(2);
}
const targets = positionals.length === 0 ? ALL : ALL.filter(({ name }) => positionals.includes(name));
let seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const until = performance.now() + Number(values.minutes) * 60_000;
const failed = new Set<string>();
say(`seed ${seed}, ${targets.length} targets, ${values.minutes} min`);
while (until - performance.now() > SHORTEST_MS && failed.size < targets.length) {
  for (const { name, run } of targets) {
    if (failed.has(name)) continue;
    const timeLimitMs = Math.min(TURN_MS, until - performance.now());
    if (timeLimitMs < SHORTEST_MS) break;
    try {
      await run({ seed, inputs: 1_000_000, timeLimitMs });
      say(`${name}: nothing found with seed ${seed}`);
    } catch (error) {
      failed.add(name);
      say(`${name}: FAILED with seed ${seed}\n${String(error)}`);
    }
  }
  seed = (seed + 1) % 2 ** 31;
}
process.exitCode = failed.size === 0 ? 0 : 1;
