import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { type Bench, NODE_FLAGS } from '../bench.ts';
import { numberText } from '../figures.ts';
import { medianOf } from '../statistics.ts';

const Told = z.object({
  policies: z.number(),
  third: z.string(),
  events: z.number(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  evaluateMicros: z.number(),
});
type Told = z.infer<typeof Told>;

const CURVE = [1, 10, 100];
const EVENTS = 40_000;

/** P8 and P12: what one event costs, from the bytes of a watch to an evaluation that asks for nothing. No server takes part. */
export async function events(bench: Bench): Promise<void> {
  const { policies: most, repeat, curves } = bench.options;
  const sizes = [...new Set([1, ...(curves ? CURVE.filter((size) => size < most) : []), most])];
  const asked = bench.wants('P8') ? sizes : [1];
  const runs = new Map<number, Told[]>(asked.map((size) => [size, []]));
  for (let round = 0; round < repeat; round += 1) {
    for (const size of round % 2 === 0 ? asked : asked.toReversed()) runs.get(size)?.push(await run(bench, size));
  }
  for (const [at, told] of runs) {
    const point = (what: string, value: number) => bench.point({ curve: 'policies', at, what, value, unit: 'µs' });
    point('CPU of an event', medianOf(told, eventMicros));
    point(
      'of it the evaluation',
      medianOf(told, (one) => one.evaluateMicros),
    );
  }
  const one = runs.get(1) ?? [];
  const many = runs.get(most) ?? [];
  const rate = medianOf(one, (told) => told.events / told.cpuSeconds);
  const wall = numberText(medianOf(one, (told) => told.events / told.seconds));
  bench.record({
    row: 'P12',
    what: 'decoded, evaluated, nothing to do: for each second of CPU',
    value: rate,
    unit: 'events',
    target: { atLeast: 20_000 },
    detail: `${wall} for each second that passed`,
  });
  if (!bench.wants('P8')) return;
  const ratio = (what: string, micros: (told: Told) => number, third: string) =>
    bench.record({
      row: 'P8',
      what: `${what} with ${most} policies, of which one matches / with that one`,
      value: medianOf(many, micros) / medianOf(one, micros),
      unit: '',
      target: { atMost: 3 },
      detail: `${numberText(medianOf(many, micros))} / ${numberText(medianOf(one, micros))} µs; a third each by namespaces, matchLabels and ${third}`,
    });
  ratio('an event', eventMicros, many[0]?.third ?? '');
  ratio('the evaluation alone', (told) => told.evaluateMicros, many[0]?.third ?? '');
}

function eventMicros({ cpuSeconds, events: count }: Told): number {
  return (1e6 * cpuSeconds) / count;
}

async function run(bench: Bench, policies: number): Promise<Told> {
  const file = join(bench.folder, 'events.json');
  await writeFile(file, JSON.stringify({ policies, events: EVENTS }));
  const command = [...NODE_FLAGS, '--expose-gc', await bench.child('events'), file];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  const told = Told.parse(JSON.parse(stdout));
  bench.say(`${policies} policies: ${numberText(eventMicros(told))} µs of CPU for an event, ${told.events} events`);
  return told;
}
