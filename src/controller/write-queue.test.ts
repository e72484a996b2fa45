import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { type Turn, type WriteItem, WriteQueue } from './write-queue.ts';

const item = (key: string, kind = 'pods'): WriteItem => ({ kind, key });
const A = item('a');
const B = item('b');

interface Running {
  readonly item: WriteItem;
  end(turn: Turn): Promise<void>;
}

/** A queue whose turns end when the test says so. */
function setUp({ width = 16 } = {}) {
  const clock = new ManualClock();
  const running: Running[] = [];
  const begun: string[] = [];
  const ended: string[] = [];
  const queue = new WriteQueue({
    width,
    clock,
    random: () => 0,
    turn: (of) => {
      const { promise, resolve } = Promise.withResolvers<Turn>();
      begun.push(of.key);
      running.push({
        item: of,
        end: async (turn) => {
          running.splice(
            running.findIndex((other) => other.item === of),
            1,
          );
          resolve(turn);
          await clock.settle();
        },
      });
      return promise;
    },
    onEnd: ({ key }) => ended.push(key),
  });
  const end = async (key: string, turn: Turn = { kind: 'Done' }): Promise<void> => {
    const found = running.find((one) => one.item.key === key);
    if (found === undefined) throw new Error(`${key} has no turn`);
    await found.end(turn);
  };
  return { clock, queue, running, begun, ended, end };
}

describe('the age of the queue', () => {
  test('is that of the key that came first, whether it waits, is tried again or runs', async () => {
    const { clock, queue, end } = setUp();
    expect(queue.ageMs).toBe(0);
    queue.add(A);
    await clock.advance(100);
    queue.add(B);
    queue.add(A);
    await end('a', { kind: 'Retry', afterMs: 1_000 });
    expect(queue.ageMs).toBe(100);
    queue.forget(A);
    expect(queue.ageMs).toBe(0);
    await clock.advance(7);
    expect(queue.ageMs).toBe(7);
    await end('b');
    expect(queue.ageMs).toBe(0);
  });
});

describe('turns', () => {
  test('row 38: a key that is added often has one turn; when that is done the key is gone', async () => {
    const { queue, begun, ended, end } = setUp({ width: 1 });
    queue.add(A);
    queue.add(B);
    queue.add(B);
    expect([queue.depth, queue.running]).toEqual([2, 1]);
    await end('a');
    await end('b');
    expect(begun).toEqual(['a', 'b']);
    expect(ended).toEqual(['a', 'b']);
    expect([queue.depth, queue.running, queue.hasKind('pods')]).toEqual([0, 0, false]);
  });

  test('row 38: a key that is added while it runs has a second turn after the first, never beside it', async () => {
    const { queue, begun, end } = setUp();
    queue.add(A);
    queue.add(A);
    queue.add(A);
    expect(begun).toEqual(['a']);
    await end('a');
    expect(begun).toEqual(['a', 'a']);
    await end('a');
    expect(begun).toEqual(['a', 'a']);
    expect(queue.depth).toBe(0);
  });

  test('no more turns than the width run at once; the next begins when one ends', async () => {
    const { queue, begun, end } = setUp({ width: 2 });
    for (const key of ['a', 'b', 'c', 'd']) queue.add(item(key));
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    expect(queue.running).toBe(2);
  });

  test('row 39: changes go before the many of a list or a policy, also a key that waits among these, and kinds take turns', async () => {
    const { queue, begun, end } = setUp({ width: 1 });
    for (let i = 0; i < 4; i++) queue.add(item(`bulk${i}`));
    queue.add(item('node', 'nodes'));
    queue.add(item('changed'), { lane: 'Change' });
    queue.add(item('bulk3'), { lane: 'Change' });
    for (const key of ['bulk0', 'changed', 'bulk3', 'bulk1', 'node', 'bulk2']) await end(key);
    expect(begun).toEqual(['bulk0', 'changed', 'bulk3', 'bulk1', 'node', 'bulk2']);
  });

  test('row 39: a key that changes while it runs or is delayed waits among the changes afterwards', async () => {
    const { clock, queue, begun, end } = setUp({ width: 1 });
    queue.add(A);
    queue.add(B);
    queue.add(item('c'));
    queue.add(A, { lane: 'Change' });
    await end('a');
    await end('a', { kind: 'Retry' });
    await clock.advance(5);
    await end('b');
    expect(begun).toEqual(['a', 'a', 'b', 'a']);
  });

  test('the same key of two kinds is two keys', () => {
    const { queue, begun } = setUp();
    queue.add(item('a', 'pods'));
    queue.add(item('a', 'nodes'));
    expect(begun).toEqual(['a', 'a']);
  });
});

describe('retries', () => {
  test('each retry of a key waits twice as long, from 5 ms to 1,000 s, and a turn that is done ends that', async () => {
    const { clock, queue, end, begun } = setUp();
    const delays: (number | undefined)[] = [];
    queue.add(A);
    for (let i = 0; i < 20; i++) {
      await end('a', { kind: 'Retry' });
      delays.push(clock.nextIn);
      await clock.advanceToNext();
    }
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.slice(-2)).toEqual([1_000_000, 1_000_000]);
    expect(begun).toHaveLength(21);
    await end('a');
    queue.add(A);
    await end('a', { kind: 'Retry' });
    expect(clock.nextIn).toBe(5);
  });

  test('`afterMs` is waited for when it is longer than the own delay', async () => {
    const { clock, queue, end } = setUp();
    queue.add(A);
    await end('a', { kind: 'Retry', afterMs: 30_000 });
    expect(clock.nextIn).toBe(30_000);
    await clock.advanceToNext();
    await end('a', { kind: 'Retry', afterMs: 1 });
    expect(clock.nextIn).toBe(10);
  });

  test('a delayed key does not hold a place: others have their turns', async () => {
    const { queue, end, begun } = setUp({ width: 1 });
    queue.add(A);
    queue.add(B);
    await end('a', { kind: 'Retry' });
    expect(begun).toEqual(['a', 'b']);
  });

  test('row 39: adding a delayed key leaves its delay, unless it is to come within a shorter time', async () => {
    const { clock, queue, end, begun } = setUp();
    queue.add(A);
    await end('a', { kind: 'Retry', afterMs: 30_000 });
    queue.add(A);
    expect(clock.nextIn).toBe(30_000);
    queue.add(A, { withinMs: 4_000 });
    expect(clock.nextIn).toBe(4_000);
    queue.add(A, { withinMs: 9_000 });
    expect([clock.nextIn, clock.pending]).toEqual([4_000, 1]);
    queue.add(A, { withinMs: 0 });
    await clock.advance(0);
    expect(begun).toEqual(['a', 'a']);
    expect(clock.pending).toBe(0);
  });

  test('what is added during a turn shortens the delay after it', async () => {
    const { clock, queue, end } = setUp();
    queue.add(A);
    queue.add(A);
    queue.add(A, { withinMs: 50 });
    queue.add(A, { withinMs: 900 });
    await end('a', { kind: 'Retry', afterMs: 30_000 });
    expect(clock.nextIn).toBe(50);
  });

  test('a key that is added without hurry during a turn waits as long as the turn says', async () => {
    const { clock, queue, end } = setUp();
    queue.add(A);
    queue.add(A);
    await end('a', { kind: 'Retry', afterMs: 30_000 });
    expect(clock.nextIn).toBe(30_000);
  });
});

describe('overload', () => {
  test('when the server asks to wait nobody begins until then, and the key itself is tried again', async () => {
    const { clock, queue, end, begun } = setUp({ width: 4 });
    queue.add(A);
    await end('a', { kind: 'Overloaded', afterMs: 2_000 });
    queue.add(B);
    expect([begun, queue.running, queue.depth]).toEqual([['a'], 0, 2]);
    await clock.advance(1_999);
    expect(begun).toEqual(['a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'a', 'b']);
  });

  test('afterwards half as many run at once, however many were told to wait, and one more after each round that ends well', async () => {
    const { clock, queue, end, running } = setUp({ width: 8 });
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    for (const key of keys) queue.add(item(key));
    expect(queue.running).toBe(8);
    for (const key of keys.slice(0, 8)) await end(key, { kind: 'Overloaded', afterMs: 1_000 });
    await clock.advance(1_000);
    expect(queue.running).toBe(4);
    const endRound = async () => {
      for (const key of running.map(({ item: of }) => of.key)) await end(key, { kind: 'Done', wroteMs: 10 });
    };
    await endRound();
    expect(queue.running).toBe(5);
    await endRound();
    expect(queue.running).toBe(6);
    for (let i = 0; i < 3; i++) {
      await end(running[0]?.item.key ?? '', { kind: 'Overloaded', afterMs: 1_000 });
      for (const key of running.map(({ item: of }) => of.key)) await end(key, { kind: 'Retry' });
      await clock.advance(1_000);
    }
    expect(queue.running).toBe(1);
  });

  test('of several answers the longest wait counts', async () => {
    const { clock, queue, end, begun } = setUp();
    for (const key of ['a', 'b', 'c']) queue.add(item(key));
    await end('a', { kind: 'Overloaded', afterMs: 1_000 });
    await end('b', { kind: 'Overloaded', afterMs: 3_000 });
    await end('c', { kind: 'Overloaded', afterMs: 2_000 });
    expect(clock.pending).toBe(1);
    await clock.advance(2_999);
    expect(begun).toHaveLength(3);
    await clock.advance(1);
    expect(begun).toHaveLength(6);
  });

  test('a server that asks to wait for an hour has lost its clock: after a minute it is asked again', async () => {
    const { clock, queue, end, begun } = setUp();
    queue.add(A);
    await end('a', { kind: 'Overloaded', afterMs: 3_600_000 });
    await clock.advance(59_999);
    expect(begun).toEqual(['a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'a']);
  });

  test('a delay that ends during the pause waits for the end of the pause', async () => {
    const { clock, queue, end, begun } = setUp();
    queue.add(A);
    queue.add(B);
    await end('a', { kind: 'Retry' });
    await end('b', { kind: 'Overloaded', afterMs: 1_000 });
    await clock.advance(999);
    expect(begun).toEqual(['a', 'b']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'b', 'b', 'a']);
  });

  test('a second overload can be shorter than what is left of an old one that is over', async () => {
    const { clock, queue, end, begun } = setUp();
    queue.add(A);
    await end('a', { kind: 'Overloaded', afterMs: 5_000 });
    await clock.advance(5_000);
    await end('a', { kind: 'Overloaded', afterMs: 0 });
    await clock.advance(0);
    expect(begun).toEqual(['a', 'a', 'a']);
  });
});

describe('forget', () => {
  test('a waiting key has no turn any more, and can come again', async () => {
    const { queue, end, begun } = setUp({ width: 1 });
    for (const one of [A, B, item('c')]) queue.add(one);
    queue.forget(B);
    expect(queue.depth).toBe(2);
    queue.add(B);
    await end('a');
    await end('c');
    await end('b');
    expect(begun).toEqual(['a', 'c', 'b']);
    expect(queue.depth).toBe(0);
  });

  test('a delayed key leaves no timer', async () => {
    const { clock, queue, end } = setUp();
    queue.add(A);
    await end('a', { kind: 'Retry' });
    queue.forget(A);
    expect([clock.pending, queue.depth, queue.hasKind('pods')]).toEqual([0, 0, false]);
  });

  test.each<Turn>([{ kind: 'Done' }, { kind: 'Retry' }, { kind: 'Overloaded', afterMs: 1 }])(
    'a running key ends its turn and is not tried again, whatever the turn says: $kind',
    async (turn) => {
      const { clock, queue, end, begun, ended } = setUp();
      queue.add(A);
      queue.add(A);
      queue.forget(A);
      expect(queue.depth).toBe(1);
      await end('a', turn);
      await clock.advance(60_000);
      expect([begun, ended, queue.depth]).toEqual([['a'], ['a'], 0]);
    },
  );

  test('a running key that is forgotten and added again has its second turn', async () => {
    const { queue, end, begun } = setUp();
    queue.add(A);
    queue.forget(A);
    queue.add(A);
    await end('a');
    expect(begun).toEqual(['a', 'a']);
  });

  test('a whole kind can be dropped: waiting, delayed and running keys, and no others', async () => {
    const { clock, queue, end, begun } = setUp({ width: 2 });
    for (const key of ['run', 'delay', 'run too', 'wait']) queue.add(item(key));
    queue.add(item('n', 'nodes'));
    await end('delay', { kind: 'Retry' });
    queue.drop('pods');
    expect(queue.depth).toBe(3);
    await end('run too', { kind: 'Retry' });
    await end('run', { kind: 'Retry' });
    expect([begun.at(-1), queue.depth, queue.hasKind('pods'), queue.hasKind('nodes')]).toEqual(['n', 1, false, true]);
    expect(clock.pending).toBe(0);
  });
});

describe('stop', () => {
  test('row 38: waits for the turns under way, begins no other and leaves no timer', async () => {
    const { clock, queue, end, begun } = setUp({ width: 2 });
    for (const key of ['slow', 'delayed', 'slower', 'waiting']) queue.add(item(key));
    await end('delayed', { kind: 'Retry', afterMs: 100 });
    const stopped = vi.fn<() => void>();
    const stopping = queue.stop().finally(stopped);
    queue.add(B);
    await end('slow', { kind: 'Retry' });
    expect(stopped).not.toHaveBeenCalled();
    await end('slower', { kind: 'Overloaded', afterMs: 1_000 });
    await stopping;
    expect([begun, queue.depth, clock.pending]).toEqual([['slow', 'delayed', 'slower'], 0, 0]);
  });

  test('resolves at once when nothing runs, also during a pause and twice', async () => {
    const { clock, queue, end } = setUp();
    queue.add(A);
    await end('a', { kind: 'Overloaded', afterMs: 1_000 });
    await queue.stop();
    await queue.stop();
    expect([queue.depth, clock.pending]).toEqual([0, 0]);
  });
});

describe('properties', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const turns: Turn[] = [{ kind: 'Done' }, { kind: 'Retry' }, { kind: 'Overloaded', afterMs: 7 }];
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('add' as const), key, withinMs: fc.constantFrom(undefined, 0, 10) }),
      fc.record({ do: fc.constant('forget' as const), key }),
      fc.record({ do: fc.constant('end' as const), nth: fc.nat(3), turn: fc.constantFrom(...turns) }),
      fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 40 }) }),
    ),
    { maxLength: 50 },
  );

  test('row 38: no key is lost or has two turns at once: what is asked for after its last turn began has another, unless it is forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), steps, async (width, script) => {
        const { clock, queue, running, end } = setUp({ width });
        /** Keys that are owed a turn: added, or to be tried again. */
        const owed = new Set<string>();
        let looked = new Set<Running>();
        const look = (): void => {
          const keys = running.map((one) => one.item.key);
          expect(new Set(keys).size).toBe(keys.length);
          expect(keys.length).toBeLessThanOrEqual(width);
          for (const one of running) if (!looked.has(one)) owed.delete(one.item.key);
          looked = new Set(running);
          const all = new Set([...owed, ...keys]);
          expect(queue.depth).toBe(all.size);
          expect(queue.hasKind('pods')).toBe(all.size > 0);
        };
        const forgotten = new Set<string>();
        for (const step of script) {
          switch (step.do) {
            case 'add':
              owed.add(step.key);
              forgotten.delete(step.key);
              queue.add(item(step.key), { withinMs: step.withinMs });
              break;
            case 'forget':
              owed.delete(step.key);
              if (running.some((one) => one.item.key === step.key)) forgotten.add(step.key);
              queue.forget(item(step.key));
              break;
            case 'pass':
              await clock.advance(step.ms);
              break;
            case 'end': {
              const name = running[step.nth]?.item.key;
              if (name === undefined) break;
              if (step.turn.kind !== 'Done' && !forgotten.has(name)) owed.add(name);
              forgotten.delete(name);
              looked = new Set([...looked].filter((one) => one.item.key !== name));
              await end(name, step.turn);
              break;
            }
          }
          look();
        }
        // Once nothing stands in the way every key that is owed a turn has it.
        for (let i = 0; i < 200 && queue.depth > 0; i++) {
          const name = running[0]?.item.key;
          if (name === undefined) await clock.advanceToNext();
          else await end(name);
          for (const one of running) owed.delete(one.item.key);
        }
        // What is left of a pause.
        await clock.advance(7);
        expect([queue.depth, [...owed], clock.pending]).toEqual([0, [], 0]);
      }),
      { numRuns: 150 },
    );
  });

  test('a great many keys are added, forgotten, added again and have their turns without a search among them', async () => {
    const queue = new WriteQueue({ width: 16, clock: new ManualClock(), turn: async () => ({ kind: 'Done' }) });
    const items = Array.from({ length: 50_000 }, (_, i) => item(`key-${i}`));
    for (const one of items) queue.add(one);
    for (const one of items) queue.forget(one);
    for (const one of items) queue.add(one);
    await expect.poll(() => queue.depth, { interval: 1, timeout: 20_000 }).toBe(0);
  });
});
