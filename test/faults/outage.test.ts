import { describe, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { recordRequests } from '../support/fault-proxy.ts';
import type { Fault } from '../support/fault-story.ts';
import { expectUndisturbed, useTheatre } from '../support/undisturbed.ts';
import { relabelled } from './labelled.ts';
import { PASS, refusal } from './proxy.ts';

const theatre = useTheatre();

const OBJECTS = 30;

const STORY = relabelled(OBJECTS);

/** Connections to the API server in use: one for requests, one for watches. */
const POOLS = 2;

test('N4: nothing can be reached for a while: it tries ever more rarely, keeps its memory, and goes on where it was', async () => {
  let attempts: readonly number[] = [];
  let grown = 0;
  const outage: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const { operator, proxy } = scene;
    const heap = await operator.metric('process_resident_memory_bytes');
    const before = proxy.network.attempts.length;
    await scene.answered();
    const since = performance.now();
    proxy.network.down();
    await change();
    const made = () => proxy.network.attempts.slice(before).map((time) => time - since);
    // Far enough into its delays to see them grow.
    await eventually(
      'attempts',
      async () => made(),
      (times) => times.some((time) => time > 8_000),
    );
    attempts = made();
    expect((await operator.page('/healthz')).status).toBe(200);
    grown = (await operator.metric('process_resident_memory_bytes')) - heap;
    proxy.network.up();
  };
  const comparison = await theatre().compare(STORY, outage);
  expectUndisturbed(comparison, { objects: 0, status: 2, events: 3, refused: 3 });
  const within = (from: number, to: number) => attempts.filter((time) => time >= from && time < to).length;
  expect(within(0, 4_000)).toBeLessThan(20 * POOLS);
  expect(within(4_000, 8_000)).toBeLessThan(within(0, 4_000));
  expect(grown).toBeLessThan(60 * 2 ** 20);
});

const overload: Fault = async (scene, change, at) => {
  if (at !== 2) return change();
  let until = Number.POSITIVE_INFINITY;
  const seen = recordRequests(scene.proxy, () =>
    performance.now() < until ? refusal(429, 'TooManyRequests', 2) : PASS,
  );
  await scene.answered();
  // Watches ask again as well.
  scene.proxy.network.cut();
  await change();
  await eventually(
    'waits',
    async () => seen.length,
    (count) => count >= 12,
  );
  until = performance.now();
  const told = new Map<string, number[]>();
  for (const { method, path, query, at: time } of seen) {
    if (time > until) continue;
    const key = `${method} ${path}${query.get('watch') === 'true' ? ' watch' : ''}`;
    told.set(key, [...(told.get(key) ?? []), time]);
  }
  for (const [key, times] of told) {
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(Math.min(...gaps, 2_000), key).toBeGreaterThan(1_900);
  }
};

describe('row 5: watches, and all else, that are told to come back later', () => {
  test('N3: everything is answered by 429 and a time to wait: nobody comes back before it, and then all is as it would have been', async () => {
    const comparison = await theatre().compare(STORY, overload);
    expectUndisturbed(comparison, { objects: 0, status: 2, events: 3, refused: 3 });
    expect(comparison.disturbed.writes.objects).toBeLessThanOrEqual(2 * OBJECTS);
  });
});
