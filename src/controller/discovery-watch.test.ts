import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import type { Log } from '../base/log.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import { DiscoveryWatch } from './discovery-watch.ts';

function setUp() {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const changes: DiscoverySnapshot[] = [];
  const state = { answer: new Map() as DiscoverySnapshot | Error, expects: false, asked: 0, takesMs: 0, recoveries: 0 };
  /** When set, the request ends when the test says so. */
  let held: PromiseWithResolvers<void> | undefined;
  const log: Log = { debug() {}, info() {}, error() {}, warn: (_, message) => warnings.push(message) };
  const watch = new DiscoveryWatch({
    clock,
    log,
    discovery: {
      snapshot: new Map(),
      refresh: async (signal) => {
        state.asked += 1;
        if (held !== undefined) {
          const aborted = Promise.withResolvers<never>();
          signal.addEventListener('abort', () => aborted.reject(apiError('Aborted')));
          await Promise.race([held.promise, aborted.promise]);
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        if (state.takesMs > 0) clock.after(state.takesMs, resolve);
        else resolve();
        await promise;
        if (state.answer instanceof Error) throw state.answer;
        return state.answer;
      },
    },
    expectsChange: () => state.expects,
    onChange: (snapshot) => changes.push(snapshot),
    onRecovery: () => {
      state.recoveries += 1;
    },
  });
  const hold = (): (() => void) => {
    const now = Promise.withResolvers<void>();
    held = now;
    return () => {
      held = undefined;
      now.resolve();
    };
  };
  /** How long each of the next requests was waited for. */
  const gaps = async (count: number): Promise<number[]> => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) found.push(Math.round(await clock.advanceToNext()));
    return found;
  };
  return { clock, watch, state, changes, warnings, hold, gaps };
}

describe('triggers', () => {
  test('the first one asks at once; until then nothing is known and nothing runs', async () => {
    const { clock, watch, state, changes } = setUp();
    expect([watch.snapshot, clock.pending, state.asked]).toEqual([undefined, 0, 0]);
    watch.trigger();
    expect(state.asked).toBe(1);
    await clock.settle();
    expect([watch.snapshot, changes]).toEqual([state.answer, [state.answer]]);
  });

  test('the server is asked for two seconds, less and less often, and every minute then', async () => {
    const { clock, watch, gaps } = setUp();
    watch.trigger();
    await clock.settle();
    expect(await gaps(14)).toEqual([20, 30, 45, 68, 101, 152, 228, 342, 513, 769, 60_000, 60_000, 60_000, 60_000]);
  });

  test('many at once are one', async () => {
    const { clock, watch, state } = setUp();
    for (let i = 0; i < 100; i++) watch.trigger();
    await clock.settle();
    for (let i = 0; i < 100; i++) watch.trigger();
    await clock.advance(19);
    expect(state.asked).toBe(1);
    await clock.advance(1);
    expect(state.asked).toBe(2);
  });

  test('one that comes during a request has one more after it, and soon again', async () => {
    const { clock, watch, state, hold } = setUp();
    const release = hold();
    watch.trigger();
    await clock.advance(5_000);
    watch.trigger();
    expect(state.asked).toBe(1);
    release();
    await clock.settle();
    expect(clock.nextIn).toBe(500);
    await clock.advance(500);
    expect(state.asked).toBe(2);
  });

  test('that keep coming are answered within a tenth of a second, and are no storm', async () => {
    const { clock, watch, state } = setUp();
    watch.trigger();
    for (let ms = 0; ms < 10_000; ms += 5) {
      await clock.advance(5);
      watch.trigger();
    }
    expect(state.asked).toBeGreaterThan(100);
    expect(state.asked).toBeLessThan(150);
    const before = state.asked;
    watch.trigger();
    await clock.advance(100);
    expect(state.asked).toBeGreaterThan(before);
  });

  test('that keep coming at a server that is slow to answer leave it four fifths of the time', async () => {
    const { clock, watch, state } = setUp();
    state.takesMs = 50;
    for (let ms = 0; ms < 10_000; ms += 5) {
      watch.trigger();
      await clock.advance(5);
    }
    expect(state.asked).toBeLessThan(45);
  });

  test('one while it is idle asks at once', async () => {
    const { clock, watch, state } = setUp();
    watch.trigger();
    await clock.advance(30_000);
    const before = state.asked;
    watch.trigger();
    expect(state.asked).toBe(before + 1);
    await clock.settle();
    expect(clock.pending).toBe(1);
  });
});

describe('what is expected', () => {
  test('is asked after every two seconds at the longest, until it is there', async () => {
    const { clock, watch, state, gaps } = setUp();
    state.expects = true;
    watch.trigger();
    await clock.settle();
    expect((await gaps(14)).slice(-4)).toEqual([1_153, 1_730, 2_000, 2_000]);
    state.expects = false;
    expect((await gaps(2)).at(-1)).toBe(60_000);
  });

  test('is not asked after for longer than half a minute', async () => {
    const { clock, watch, state, gaps } = setUp();
    state.expects = true;
    watch.trigger();
    await clock.advance(32_000);
    expect((await gaps(2)).at(-1)).toBe(60_000);
  });
});

describe('answers', () => {
  test('the same snapshot again is no change; another one is', async () => {
    const { clock, watch, state, changes, gaps } = setUp();
    watch.trigger();
    await clock.settle();
    await gaps(3);
    expect(changes).toHaveLength(1);
    const next = new Map();
    state.answer = next;
    await gaps(1);
    expect(changes).toHaveLength(2);
    expect(watch.snapshot).toBe(next);
  });

  test('a failure keeps what is known, is logged once, and is made up for soon', async () => {
    const { clock, watch, state, changes, warnings, gaps } = setUp();
    watch.trigger();
    await clock.advance(10_000);
    const known = watch.snapshot;
    state.answer = apiError('Network');
    watch.trigger();
    await clock.advance(20_000);
    expect([watch.snapshot, changes.length, warnings.length]).toEqual([known, 1, 1]);
    expect((await gaps(3)).every((gap) => gap <= 2_000)).toBe(true);
    state.answer = new Map();
    expect(state.recoveries).toBe(0);
    await gaps(1);
    expect(changes).toHaveLength(2);
    expect(await gaps(1)).toEqual([60_000]);
    expect(state.recoveries).toBe(1);
  });

  test('one that asks to wait is not asked before, whatever triggers come; and not for longer than a minute', async () => {
    const { clock, watch, state, gaps } = setUp();
    state.answer = apiError('TooManyRequests', { retryAfterMs: 5_000 });
    watch.trigger();
    await clock.settle();
    await clock.advance(2_000);
    watch.trigger();
    await clock.advance(2_999);
    expect(state.asked).toBe(1);
    await clock.advance(1);
    expect(state.asked).toBe(2);
    state.answer = apiError('Unavailable', { retryAfterMs: 3_600_000 });
    expect(await gaps(2)).toEqual([5_000, 60_000]);
    await watch.stop();
  });

  test('without any answer yet it is asked on and on', async () => {
    const { clock, watch, state, gaps } = setUp();
    state.answer = apiError('Unavailable');
    watch.trigger();
    await clock.advance(120_000);
    expect(await gaps(1)).not.toEqual([60_000]);
  });
});

describe('stop', () => {
  test('ends a running request, leaves no timer and ignores triggers', async () => {
    const { clock, watch, state, changes, warnings, hold } = setUp();
    hold();
    watch.trigger();
    await watch.stop();
    watch.trigger();
    await clock.advance(120_000);
    expect([clock.pending, state.asked, changes, warnings]).toEqual([0, 1, [], []]);
  });

  test('while it waits leaves no timer', async () => {
    const { clock, watch } = setUp();
    watch.trigger();
    await clock.settle();
    await watch.stop();
    expect(clock.pending).toBe(0);
  });

  test('an answer that comes all the same is not told', async () => {
    const { watch, changes } = setUp();
    watch.trigger();
    await watch.stop();
    expect(changes).toEqual([]);
  });
});
