import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SlicedWork } from './sliced-work.ts';

/** So many steps, each of which takes so many milliseconds. */
function setUp({ steps, costMs }: { readonly steps: number; readonly costMs: number }) {
  const done: number[] = [];
  let now = 0;
  const work = new SlicedWork(
    () => {
      now += costMs;
      done.push(now);
      return done.length < steps;
    },
    { monotonic: () => now },
  );
  return { work, done };
}

describe('work in slices', () => {
  test('goes on for 5 ms in each turn of the event loop', async () => {
    const { work, done } = setUp({ steps: 7, costMs: 2 });
    work.soon();
    work.soon();
    expect(done).toHaveLength(0);
    for (const upTo of [3, 6, 7, 7]) {
      await turn();
      expect(done).toHaveLength(upTo);
    }
  });

  test('begins at once where it is asked to, and does not begin twice', async () => {
    const { work, done } = setUp({ steps: 4, costMs: 5 });
    work.soon();
    work.now();
    expect(done).toHaveLength(1);
    await turn();
    expect(done).toHaveLength(2);
  });

  test('can be asked for again, also in a step', async () => {
    const { work, done } = setUp({ steps: 1, costMs: 1 });
    work.now();
    work.soon();
    await turn();
    expect(done).toHaveLength(2);
    let asked = 0;
    const again = new SlicedWork(
      () => {
        asked += 1;
        if (asked === 1) again.soon();
        return false;
      },
      { monotonic: () => 0 },
    );
    again.soon();
    await turn();
    await turn();
    expect(asked).toBe(2);
  });

  test('ends when it is stopped', async () => {
    const { work, done } = setUp({ steps: 4, costMs: 5 });
    work.now();
    work.stop();
    work.soon();
    work.now();
    await turn();
    expect(done).toHaveLength(1);
  });
});
