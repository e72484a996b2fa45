import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { MOST_SOUGHT, SoughtWidth } from './sought-width.ts';

/** A server that works at so many requests at a time; each takes it about `workMs`, and is under way for `wayMs` more. */
interface Server {
  readonly cores: number;
  readonly workMs: number;
  readonly wayMs: number;
}

/** As many writes under way as the width says, for so long. Returns the writes per second, and the width on average. */
async function write(width: SoughtWidth, clock: ManualClock, { cores, workMs, wayMs }: Server, seconds: number) {
  const free = Array.from({ length: cores }, () => clock.monotonic());
  const underWay: { readonly began: number; readonly ends: number }[] = [];
  const end = clock.monotonic() + seconds * 1_000;
  let [seed, ended, area] = [1, 0, 0];
  for (let now = clock.monotonic(); now < end; ) {
    while (underWay.length < width.now) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      const core = free.indexOf(Math.min(...free));
      const ends = Math.max(now + wayMs, free[core] ?? 0) - Math.log(1 - seed / 2 ** 32) * workMs;
      free[core] = ends;
      underWay.push({ began: now, ends });
    }
    underWay.sort((a, b) => b.ends - a.ends);
    const { began = now, ends = now } = underWay.pop() ?? {};
    area += width.now * (ends - now);
    await clock.advance(ends - now);
    now = clock.monotonic();
    width.answered(now - began);
    ended += 1;
  }
  return { rate: ended / seconds, width: area / (seconds * 1_000) };
}

describe('as many writes as make it quicker', () => {
  test('of a server that is busy with four are no more than a few under way, at nearly all that it can do', async () => {
    const clock = new ManualClock();
    const { rate, width } = await write(new SoughtWidth(clock), clock, { cores: 2, workMs: 2, wayMs: 2 }, 40);
    expect(rate).toBeGreaterThan(0.85 * 1_000);
    expect(width).toBeLessThan(8);
  });

  test('of a server that does many at a time, or is far away, are as many as there may be', async () => {
    for (const server of [
      { cores: 64, workMs: 10, wayMs: 1 },
      { cores: 64, workMs: 2, wayMs: 40 },
    ]) {
      const clock = new ManualClock();
      const sought = new SoughtWidth(clock);
      await write(sought, clock, server, 10);
      expect((await write(sought, clock, server, 40)).width).toBeGreaterThan(0.85 * MOST_SOUGHT);
    }
  });

  test('follow a server that can do less, and more again', async () => {
    const clock = new ManualClock();
    const sought = new SoughtWidth(clock);
    const [strong, weak] = [
      { cores: 32, workMs: 8, wayMs: 1 },
      { cores: 1, workMs: 8, wayMs: 1 },
    ];
    await write(sought, clock, strong, 10);
    expect((await write(sought, clock, strong, 20)).width).toBeGreaterThan(10);
    await write(sought, clock, weak, 30);
    expect((await write(sought, clock, weak, 30)).width).toBeLessThan(6);
    await write(sought, clock, strong, 20);
    expect((await write(sought, clock, strong, 20)).width).toBeGreaterThan(10);
  });

  test('are half as many each time that the server asks to wait, and never none', () => {
    const sought = new SoughtWidth(new ManualClock());
    const seen = [sought.now];
    for (let i = 0; i < 4; i += 1) {
      sought.shrink();
      seen.push(sought.now);
    }
    expect(seen).toEqual([4, 2, 1, 1, 1]);
  });

  test('O4: are fewer where the server takes much longer than it did', async () => {
    const clock = new ManualClock();
    const sought = new SoughtWidth(clock);
    await write(sought, clock, { cores: 32, workMs: 8, wayMs: 1 }, 10);
    await write(sought, clock, { cores: 4, workMs: 400, wayMs: 1 }, 10);
    expect(sought.now).toBeLessThanOrEqual(4);
  });

  test('are as they were before a trial that ran out of writes', async () => {
    const clock = new ManualClock();
    const sought = new SoughtWidth(clock);
    const seen = new Set<number>();
    for (let burst = 0; burst < 20; burst += 1) {
      await write(sought, clock, { cores: 2, workMs: 2, wayMs: 2 }, 0.8);
      seen.add(sought.now);
      sought.idle();
      expect(sought.now).toBe(4);
    }
    expect(seen).toContain(6);
  });
});
