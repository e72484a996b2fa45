import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/base/clock.ts';
import { ManualClock } from './manual-clock.ts';

describe('ManualClock', () => {
  test('fires timers in order of due time, then of making, at their own time', async () => {
    const clock = new ManualClock(1_000);
    const fired: string[] = [];
    for (const [name, ms] of [
      ['c', 20],
      ['a', 10],
      ['b', 10],
      ['late', 31],
    ] as const) {
      clock.after(ms, () => fired.push(`${name}@${clock.monotonic()}`));
    }
    await clock.advance(30);
    expect(fired).toEqual(['a@10', 'b@10', 'c@20']);
    expect(clock.now()).toBe(1_030);
    expect(clock.pending).toBe(1);
    expect(clock.nextIn).toBe(1);
  });

  test('fires timers that promises set on the way', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const seen: number[] = [];
    const work = (async () => {
      for (let i = 0; i < 3; i += 1) {
        await sleep(clock, 10, signal);
        seen.push(clock.monotonic());
      }
    })();
    await clock.advance(30);
    await work;
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.pending).toBe(0);
  });

  test('a cancelled timer never fires, and cancelling it late is harmless', async () => {
    const clock = new ManualClock();
    let fired = 0;
    const cancel = clock.after(5, () => {
      fired += 1;
    });
    cancel();
    expect(await clock.advanceToNext()).toBe(0);
    const cancelLate = clock.after(5, () => {
      fired += 10;
    });
    expect(await clock.advanceToNext()).toBe(5);
    cancelLate();
    expect(fired).toBe(10);
  });
});
