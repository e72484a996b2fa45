import { describe, expect, test, vi } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import type { WatchPolicyStatus } from '../api/status.ts';
import { silentLog } from '../base/log.ts';
import type { PolicyEntry } from '../controller/policy-set.ts';
import { StatusTroubles } from './status-troubles.ts';
import { StatusWriter } from './status-writer.ts';

type Summary = NonNullable<WatchPolicyStatus['summary']>;
const counts = (matched: number): Summary => ({
  matched,
  compliant: matched,
  violating: 0,
  errors: 0,
  yielded: 0,
  owned: 0,
});
/** A status that differs from another by what is told at once (`violationsTotal`), and by what is only counted. */
const status = (violationsTotal: number, matched = 0): WatchPolicyStatus => ({
  violationsTotal,
  summary: counts(matched),
});

const compliant = (state: 'True' | 'Unknown', reason: string) => ({
  type: 'Compliant' as const,
  status: state,
  reason,
  message: '',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

/** `lookMs`: what it takes to build a status. */
function setUp({ lookMs = 0 } = {}) {
  const clock = new ManualClock();
  let spent = 0;
  const monotonic = clock.monotonic.bind(clock);
  clock.monotonic = () => monotonic() + spent;
  const writes: (readonly [at: number, policy: string, status: WatchPolicyStatus])[] = [];
  const observed: string[] = [];
  /** Of the policy, to which each was written. */
  const versions: string[] = [];
  const entries = new Map<string, PolicyEntry>();
  const now = { status: status(0), settled: true, builds: 0, failure: undefined as Error | undefined };
  let version = 100;
  let held: PromiseWithResolvers<void> | undefined;
  const writer = new StatusWriter({
    clock,
    random: () => 0,
    troubles: new StatusTroubles({ log: silentLog, mayWrite: async () => true }),
    entry: (name) => entries.get(name),
    build: () => {
      now.builds += 1;
      spent += lookMs;
      return { status: now.status, settled: now.settled };
    },
    write: async ({ name }, written, to) => {
      writes.push([clock.monotonic(), name, written]);
      versions.push(to);
      version += 1;
      const mine = String(version);
      const { failure } = now;
      await held?.promise;
      if (failure !== undefined) throw failure;
      return mine;
    },
    observe: { written: () => observed.push('written'), failed: () => observed.push('failed') },
  });
  /** The policy as the watch shows it, with the status that stands in it. */
  const see = (name: string, standing?: unknown, { uid = 'uid', generation = 1, at = version } = {}): boolean => {
    const body = standing === undefined ? {} : { status: standing };
    const object = cachedObject({ name, namespace: '', uid, generation, resourceVersion: String(at), body });
    const entry: PolicyEntry = { name, uid, generation, object, acceptance: { ok: true }, program: undefined };
    entries.set(name, entry);
    return writer.seen(entry);
  };
  const hold = (): (() => void) => {
    const promise = Promise.withResolvers<void>();
    held = promise;
    return () => {
      held = undefined;
      promise.resolve();
    };
  };
  const times = () => writes.map(([at]) => at);
  const newer = () => {
    version += 1;
    return { at: version };
  };
  const remove = (name: string): void => {
    entries.delete(name);
    writer.forget(name);
  };
  return { clock, writer, writes, versions, observed, now, see, hold, times, newer, remove };
}

describe('many statuses that are due at the same moment', () => {
  test('are looked at in slices, also the last ones', async () => {
    const { clock, writer, now, see } = setUp({ lookMs: 3 });
    // As on a real clock, timers that are due at the same moment run without a pause in between.
    const timers = new Set<() => void>();
    clock.after = (_, timer) => {
      timers.add(timer);
      return () => timers.delete(timer);
    };
    for (let i = 0; i < 10; i++) see(`p${i}`);
    const inEachTurn: number[] = [];
    const turns = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const before = now.builds;
        await clock.settle();
        inEachTurn.push(now.builds - before);
      }
    };
    for (const timer of timers) timer();
    expect(now.builds).toBe(0);
    await turns(10);
    expect([now.builds, Math.max(...inEachTurn)]).toEqual([10, 2]);
    for (let i = 0; i < 10; i++) writer.touch(`p${i}`);
    inEachTurn.length = 0;
    const stopped = writer.stop();
    await turns(10);
    await stopped;
    expect([now.builds, Math.max(...inEachTurn)]).toEqual([20, 2]);
  });
});

describe('the first status', () => {
  test('is written after a short gathering when all is evaluated', async () => {
    const { clock, writer, writes, see, times } = setUp();
    expect(see('p')).toBe(true);
    writer.touch('p');
    await clock.advance(19);
    expect(writes).toEqual([]);
    await clock.advance(1);
    expect(writes).toEqual([[20, 'p', status(0)]]);
    await clock.advance(120_000);
    expect(times()).toEqual([20]);
    expect(clock.pending).toBe(0);
  });

  test('waits up to 300 ms for the evaluation, so that one write is enough', async () => {
    const { clock, writer, now, writes, see, times } = setUp();
    now.settled = false;
    see('p');
    await clock.advance(150);
    expect(writes).toEqual([]);
    now.status = status(3);
    now.settled = true;
    writer.touch('p');
    await clock.advance(20);
    expect(writes).toEqual([[170, 'p', status(3)]]);
    await clock.advance(5_000);
    expect(times()).toEqual([170]);
  });

  test('is written after 300 ms when evaluation takes longer, and again when that is over', async () => {
    const { clock, writer, now, see, times } = setUp();
    now.settled = false;
    see('p');
    await clock.advance(2_000);
    expect(times()).toEqual([300]);
    now.status = status(3);
    now.settled = true;
    writer.touch('p');
    await clock.advance(2_000);
    expect(times()).toEqual([300, 2_020]);
  });

  test('of a new generation waits for its evaluation likewise', async () => {
    const { clock, now, see, times } = setUp();
    see('p');
    await clock.advance(10_000);
    now.settled = false;
    now.status = status(1);
    see('p', undefined, { generation: 2 });
    await clock.advance(2_000);
    expect(times()).toEqual([20, 10_300]);
  });

  test('after a restart is not written when it stands there already', async () => {
    const { clock, writer, now, see, writes } = setUp();
    now.status = { violationsTotal: 2, violations: [], summary: counts(4), observedGeneration: 1 };
    see('p', { observedGeneration: 1, summary: counts(4), violations: [], violationsTotal: 2 });
    writer.touch('p');
    await clock.advance(60_000);
    expect([writes, clock.pending, now.builds]).toEqual([[], 0, 1]);
  });

  test('after a restart waits up to 5 s for the same again, where all was said of this generation', async () => {
    const { clock, now, see, times } = setUp();
    const said = { observedGeneration: 1, conditions: [compliant('Unknown', 'Incomplete')] };
    now.status = { ...said, conditions: [compliant('Unknown', 'Evaluating')] };
    now.settled = false;
    see('same', said);
    await clock.advance(4_000);
    now.status = said;
    now.settled = true;
    await clock.advance(60_000);
    expect(times()).toEqual([]);

    now.status = { ...said, conditions: [compliant('Unknown', 'Evaluating')] };
    now.settled = false;
    see('slow', said);
    await clock.advance(10_000);
    expect(times()).toEqual([69_000]);
  });

  test('that is not known for a moment is not said', async () => {
    const { clock, writer, now, see, times } = setUp();
    see('p', undefined, {});
    await clock.advance(10_000);
    now.settled = false;
    now.status = status(1);
    writer.touch('p');
    await clock.advance(200);
    now.settled = true;
    now.status = status(0);
    writer.touch('p');
    await clock.advance(10_000);
    expect(times()).toEqual([20]);
  });

  test.each([
    ['another version wrote', { summary: counts(1), colour: 'red' }],
    ['somebody made up', 'well'],
  ])('that %s counts as none', async (_, standing) => {
    const { clock, writer, see, writes } = setUp();
    see('p', standing);
    expect(writer.standing('p')).toEqual({});
    await clock.advance(20);
    expect(writes).toHaveLength(1);
  });
});

describe('later ones', () => {
  test('are written at once when a violation comes or goes, but at most once a second', async () => {
    const { clock, writer, now, see, times } = setUp();
    see('p');
    await clock.advance(5_000);
    for (let i = 1; i <= 30; i++) {
      now.status = status(i);
      writer.touch('p');
      await clock.advance(100);
    }
    await clock.advance(2_000);
    expect(times()).toEqual([20, 5_020, 6_020, 7_020, 8_020]);
  });

  test('end with what is true: the last change is never lost', async () => {
    const { clock, writer, now, see, writes } = setUp();
    see('p');
    await clock.advance(5_000);
    for (const i of [1, 2, 3]) {
      now.status = status(i);
      writer.touch('p');
      await clock.advance(25);
    }
    await clock.advance(10_000);
    expect(writes.at(-1)?.[2]).toEqual(status(3));
    expect(writer.standing('p')).toEqual(status(3));
  });

  test('that only count are written once the counts have come to rest', async () => {
    const { clock, writer, now, see, times } = setUp();
    see('p');
    await clock.advance(40_000);
    now.status = status(0, 5);
    writer.touch('p');
    await clock.advance(5_000);
    expect(times()).toEqual([20, 41_000]);
  });

  test('that only count are written every half a minute at most', async () => {
    const { clock, writer, now, see, times } = setUp();
    see('p');
    await clock.advance(40_000);
    for (let i = 1; i <= 60; i++) {
      now.status = status(0, i);
      writer.touch('p');
      await clock.advance(1_500);
    }
    expect(times()).toEqual([20, 41_000, 71_000, 101_000]);
  });

  test('that only count, and never rest, are written every half a minute', async () => {
    const { clock, writer, now, see, times } = setUp();
    see('p');
    await clock.advance(40_000);
    for (let i = 1; i <= 700; i++) {
      now.status = status(0, i);
      writer.touch('p');
      await clock.advance(100);
    }
    const [, ...later] = times();
    expect(later.map((at) => Math.round(at / 1_000))).toEqual([70, 101]);
  });

  test('tell a violation at once, also while counts wait', async () => {
    const { clock, writer, now, see, times } = setUp();
    see('p');
    await clock.advance(40_000);
    now.status = status(0, 5);
    writer.touch('p');
    await clock.advance(500);
    now.status = status(1, 5);
    writer.touch('p');
    await clock.advance(10_000);
    expect(times()).toEqual([20, 40_520]);
  });

  test('are not written when nothing has changed, however often somebody thinks so', async () => {
    const { clock, writer, see, writes } = setUp();
    see('p');
    await clock.advance(1_000);
    for (let i = 0; i < 100; i++) {
      writer.touch('p');
      await clock.advance(40);
    }
    expect(writes).toHaveLength(1);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  test('are not even computed more than ten times a second', async () => {
    const { clock, writer, now, see } = setUp();
    see('p');
    await clock.advance(5_000);
    const before = now.builds;
    for (let i = 0; i < 1_000; i++) {
      writer.touch('p');
      await clock.advance(1);
    }
    expect(now.builds - before).toBeLessThanOrEqual(11);
  });

  test('of one policy do not wait for another', async () => {
    const { clock, now, see, writes } = setUp();
    see('p');
    await clock.advance(900);
    now.status = status(1);
    see('q');
    await clock.advance(20);
    expect(writes.map(([at, policy]) => [at, policy])).toEqual([
      [20, 'p'],
      [920, 'q'],
    ]);
  });
});

describe('what others do to it', () => {
  test('is repaired', async () => {
    const { clock, see, newer, writes } = setUp();
    see('p');
    await clock.advance(5_000);
    see('p', status(77), newer());
    await clock.advance(20);
    expect(writes.map(([, , written]) => written)).toEqual([status(0), status(0)]);
  });

  test('is repaired also when it happens while we write', async () => {
    const { clock, see, newer, hold, writes } = setUp();
    const release = hold();
    see('p');
    await clock.advance(20);
    expect(writes).toHaveLength(1);
    see('p', status(77), newer());
    release();
    await clock.advance(2_000);
    expect(writes).toHaveLength(2);
  });

  test('our own write coming back, or a version before it that comes late, is nothing of that', async () => {
    const { clock, see, writer, writes } = setUp();
    see('p', undefined, { at: 98 });
    await clock.advance(5_000);
    see('p', status(55), { at: 99 });
    see('p', status(0), { at: 101 });
    await clock.advance(5_000);
    expect([writes.length, writer.standing('p')]).toEqual([1, status(0)]);
  });
});

describe('a write that fails', () => {
  test('is tried again, later each time, and touching does not make it sooner', async () => {
    const { clock, writer, now, see, times, observed } = setUp();
    now.failure = apiError('Unavailable');
    see('p');
    for (let i = 0; i < 160; i++) {
      writer.touch('p');
      await clock.advance(100);
    }
    expect(times()).toEqual([20, 1_020, 2_020, 4_020, 8_020]);
    now.failure = undefined;
    await clock.advance(1_000);
    expect([times().at(-1), writer.standing('p')]).toEqual([16_020, status(0)]);
    expect(observed).toEqual(['failed', 'failed', 'failed', 'failed', 'failed', 'written']);
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });

  test('is tried again by itself, though nothing changes any more', async () => {
    const { clock, now, see, times } = setUp();
    now.failure = apiError('Unavailable');
    see('p');
    await clock.advance(20);
    now.failure = undefined;
    await clock.advance(10_000);
    expect(times()).toEqual([20, 1_020]);
  });

  test('though the server made it is noticed: the status that stands there is not written again', async () => {
    const { clock, now, see, newer, hold, writes } = setUp();
    const release = hold();
    now.failure = apiError('Network');
    see('p');
    await clock.advance(20);
    see('p', status(0), newer());
    release();
    now.failure = undefined;
    await clock.advance(60_000);
    expect(writes).toHaveLength(1);
  });

  test.each(['Aborted', 'NotLeading'] as const)('because we stop or lead no more (%s) is no failure', async (code) => {
    const { clock, writer, now, see, times, observed } = setUp();
    now.failure = apiError(code);
    see('p');
    await clock.advance(20);
    await writer.stop();
    expect([times().length, observed]).toEqual([2, []]);
    expect(clock.pending).toBe(0);
  });

  test('because the policy is gone is dropped', async () => {
    const { clock, now, see, writes, observed } = setUp();
    now.failure = apiError('NotFound');
    see('p');
    await clock.advance(60_000);
    expect([writes.length, observed, clock.pending]).toEqual([1, [], 0]);
  });
});

describe('policies that go', () => {
  test('leave no timer', async () => {
    const { clock, writer, writes, see, remove } = setUp();
    see('p');
    remove('p');
    writer.touch('p');
    await clock.advance(10_000);
    expect([writes, clock.pending, writer.standing('p')]).toEqual([[], 0, undefined]);
  });

  test('and come again under the same name begin anew', async () => {
    const { clock, writer, see, writes, hold } = setUp();
    const release = hold();
    see('p');
    await clock.advance(20);
    expect(see('p', status(9), { uid: 'another' })).toBe(true);
    expect(writer.standing('p')).toEqual(status(9));
    release();
    await clock.advance(60_000);
    expect(writer.standing('p')).toEqual(status(0));
    expect(writes).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });
});

describe('stop', () => {
  test('writes what is due and complete, counts too, and nothing afterwards', async () => {
    const { clock, writer, now, see, writes } = setUp();
    see('p');
    see('q');
    await clock.advance(40_000);
    now.status = status(0, 5);
    writer.touch('p');
    await writer.stop();
    expect(writes.map(([, policy]) => policy)).toEqual(['p', 'q', 'p']);
    now.status = status(9);
    writer.touch('p');
    expect(see('r')).toBe(false);
    await clock.advance(60_000);
    expect([writes.length, clock.pending]).toEqual([3, 0]);
  });

  test('does not write that something is not evaluated yet: the next process says how it is', async () => {
    const { clock, writer, now, see, writes } = setUp();
    now.settled = false;
    see('p');
    await writer.stop();
    expect([writes, clock.pending]).toEqual([[], 0]);
  });

  test('waits for a write under way, and writes what has changed during it', async () => {
    const { clock, writer, now, see, writes, hold } = setUp();
    const release = hold();
    see('p');
    await clock.advance(20);
    now.status = status(4);
    writer.touch('p');
    const stopped = vi.fn<() => void>();
    const stopping = writer.stop().finally(stopped);
    await clock.settle();
    expect(stopped).not.toHaveBeenCalled();
    release();
    await stopping;
    expect([writes.map(([, , written]) => written), clock.pending]).toEqual([[status(0), status(4)], 0]);
  });

  test('waits for the last write of a policy that is gone', async () => {
    const { clock, writer, see, hold, remove } = setUp();
    const release = hold();
    see('p');
    await clock.advance(20);
    remove('p');
    const stopped = vi.fn<() => void>();
    const stopping = writer.stop().finally(stopped);
    await clock.settle();
    expect(stopped).not.toHaveBeenCalled();
    release();
    await stopping;
    expect(clock.pending).toBe(0);
  });

  test('O2: writes no more at once than while it runs, however many policies are due: the next process writes the others', async () => {
    const { clock, writer, now, see, writes } = setUp();
    const names = Array.from({ length: 1_000 }, (_, i) => `p${i}`);
    for (const name of names) see(name, status(0));
    await clock.advance(60_000);
    now.status = status(1);
    for (const name of names) writer.touch(name);
    await writer.stop();
    expect([writes.length, clock.pending]).toEqual([100, 0]);
  });

  test('does not try a failing write for ever', async () => {
    const { clock, writer, now, see, writes } = setUp();
    now.failure = apiError('Unavailable');
    see('p');
    await writer.stop();
    expect([writes.length, clock.pending]).toEqual([1, 0]);
  });
});

describe('many policies at once', () => {
  test('O2: a change of each of them is written for a hundred at once, for the others one after another, and all come to a turn', async () => {
    const { clock, writes, now, see, writer } = setUp();
    const names = Array.from({ length: 300 }, (_, i) => `p${i}`);
    for (const name of names) see(name, status(0));
    await clock.advance(2_000);
    writes.length = 0;
    const since = clock.monotonic();
    for (let round = 0; round < 100; round += 1) {
      now.status = status(1 + round);
      for (const name of names) writer.touch(name);
      await clock.advance(200);
    }
    const seconds = (clock.monotonic() - since) / 1_000;
    expect(writes.length).toBeLessThanOrEqual(100 + 20 * seconds);
    expect(writes.length).toBeGreaterThan(80 + 20 * seconds);
    expect(new Set(writes.map(([, policy]) => policy)).size).toBe(300);
    await clock.advance(20_000);
    const last = new Map(writes.map(([, policy, written]) => [policy, written.violationsTotal]));
    expect(new Set(last.values())).toEqual(new Set([100]));
  });
});

describe('another version of the policy than we know', () => {
  test('is not written to: what stands there is taken from the watch, and the status is written to that, with no failure', async () => {
    const { clock, writes, versions, observed, now, see, newer } = setUp();
    see('p');
    now.failure = apiError('Conflict');
    await clock.advance(20);
    expect(versions).toEqual(['100']);
    now.failure = undefined;
    const { at } = newer();
    see('p', status(3), { at });
    await clock.advance(5_000);
    expect(versions).toEqual(['100', String(at)]);
    expect(writes.map(([, , written]) => written)).toEqual([status(0), status(0)]);
    expect(observed).toEqual(['written']);
  });

  test('counts although it is older, where the server went back in time: what was written since then is written again', async () => {
    const { clock, versions, see } = setUp();
    see('p', undefined, { at: 90 });
    await clock.advance(20);
    see('p', status(0), { at: 101 });
    see('p', status(7), { at: 50 });
    await clock.advance(5_000);
    expect(versions).toEqual(['90', '50']);
  });
});
