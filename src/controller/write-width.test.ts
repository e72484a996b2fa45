import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { WriteWidth } from './write-width.ts';

/** A server that works at so many writes at a time, each of which takes so many milliseconds; what is more waits. Others' writes do too. */
interface Server {
  cores: number;
  ms: number;
  /** Writes of others that are always under way. */
  others: number;
  /** Each write takes up to so many times as long, at random. */
  spread: number;
}

const SERVER: Server = { cores: 2, ms: 4, others: 0, spread: 1 };

/** Writes all the time, as many as the width allows, and says how many were under way at the end of each write. */
function setUp({ most = 16, seed = 1, ...rest }: Partial<Server> & { most?: number; seed?: number } = {}) {
  const clock = new ManualClock();
  const width = new WriteWidth(most, clock);
  const server: Server = { ...SERVER, ...rest };
  const random = randomFrom(seed);
  /** When they will end. */
  let underWay: { began: number; ends: number }[] = [];
  let free: number[] = [];
  const send = () => {
    const began = clock.monotonic();
    // Each core is free when what was given to it is done; others' work stands in line before ours.
    while (free.length < server.cores) free.push(began);
    free = free.slice(0, server.cores);
    const first = free.indexOf(Math.min(...free));
    const took = server.ms * (1 + (server.spread - 1) * random()) * (1 + server.others / server.cores);
    const ends = Math.max(began, free[first] ?? began) + took;
    free[first] = ends;
    underWay.push({ began, ends });
  };
  const forMs = async (ms: number): Promise<number[]> => {
    const widths: number[] = [];
    const until = clock.monotonic() + ms;
    while (clock.monotonic() < until) {
      while (underWay.length < width.now) send();
      const next = underWay.reduce((one, other) => (other.ends < one.ends ? other : one));
      underWay = underWay.filter((one) => one !== next);
      await clock.advance(Math.max(0, next.ends - clock.monotonic()));
      width.answered(clock.monotonic() - next.began, underWay.length);
      widths.push(width.now);
    }
    return widths;
  };
  return { clock, width, server, forMs };
}

/** Park and Miller's. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const mean = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width, 0) / widths.length;

test('halves with each overload and never ends', () => {
  const width = new WriteWidth(16, new ManualClock());
  const seen = [width.now];
  for (let i = 0; i < 6; i++) {
    width.shrink();
    seen.push(width.now);
  }
  expect(seen).toEqual([16, 8, 4, 2, 1, 1, 1]);
});

test.each([1, 2, 3])('O4: writes are as many as the server works at, and few wait: seed %i', async (seed) => {
  const { forMs } = setUp({ cores: 4, spread: 2, seed });
  await forMs(3_000);
  const widths = await forMs(20_000);
  expect(mean(widths)).toBeGreaterThan(3);
  expect(mean(widths)).toBeLessThan(7);
  expect(Math.min(...widths)).toBe(1);
});

test('a server with room for all is asked for as much as is allowed, but for a moment now and then', async () => {
  const { forMs } = setUp({ cores: 100, ms: 100, spread: 1.5 });
  await forMs(3_000);
  expect(mean(await forMs(20_000))).toBeGreaterThan(14);
});

test('O4: when others ask for much there are fewer, and when they leave there are soon as many again', async () => {
  const { forMs, server } = setUp({ cores: 8, ms: 4 });
  await forMs(3_000);
  const before = mean(await forMs(4_000));
  server.cores = 2;
  const meanwhile = mean((await forMs(4_000)).slice(-500));
  server.cores = 8;
  await forMs(1_500);
  const after = mean(await forMs(2_500));
  expect(before).toBeGreaterThan(7);
  expect(meanwhile).toBeLessThan(4);
  expect(after).toBeGreaterThan(7);
});

test('O4: a server that is slower for good is asked for less at first, and soon for as much again', async () => {
  const { forMs, server } = setUp({ cores: 16, ms: 4 });
  await forMs(4_000);
  server.ms = 40;
  const first = await forMs(4_000);
  await forMs(16_000);
  expect(Math.min(...first.slice(-50))).toBe(1);
  expect(mean(await forMs(5_000))).toBeGreaterThan(12);
});

test('O4: a server that takes very long is asked for nearly as much as is allowed', async () => {
  const { forMs } = setUp({ cores: 16, ms: 3_000 });
  await forMs(120_000);
  expect((await forMs(600_000)).length).toBeGreaterThan(0.85 * 16 * 200);
});

test('one write after another is never many at once, and what they take is known when many come', async () => {
  const { width, clock } = setUp();
  for (let i = 0; i < 20; i += 1) {
    await clock.advance(60_000);
    expect(width.now).toBeGreaterThan(0);
    width.answered(3, 0);
  }
  expect(width.now).toBeLessThan(16);
});
