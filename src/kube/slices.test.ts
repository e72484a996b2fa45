import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { collectInSlices } from './slices.ts';

/** Numbers that each take a while. */
function* slowNumbers(count: number, msEach: number): Generator<number, string, void> {
  for (let index = 0; index < count; index += 1) {
    const until = performance.now() + msEach;
    while (performance.now() < until);
    yield index;
  }
  return 'done';
}

describe('collectInSlices', () => {
  test('gives all items in order, and the result', async () => {
    const { items, result } = await collectInSlices(slowNumbers(1000, 0), new AbortController().signal);
    expect(items).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(result).toBe('done');
  });

  test('lets the event loop run in between', async () => {
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 0);
    await collectInSlices(slowNumbers(64, 1), new AbortController().signal);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(3);
  });

  test('an abort ends it between two slices', async () => {
    const controller = new AbortController();
    const collecting = collectInSlices(slowNumbers(Number.POSITIVE_INFINITY, 1), controller.signal);
    await nextTurn();
    controller.abort();
    await expect(collecting).rejects.toMatchObject({ code: 'Aborted' });
  });

  test('what decoding throws comes through', async () => {
    const broken = (function* (): Generator<number, void, void> {
      yield 1;
      throw new Error('broken');
    })();
    await expect(collectInSlices(broken, new AbortController().signal)).rejects.toThrow('broken');
  });
});
