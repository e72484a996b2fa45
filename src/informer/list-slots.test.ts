import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError, ScriptedListWatch } from '../../test/support/scripted-list-watch.ts';
import type { WatchEvent } from '../kube/list-watch.ts';
import { ListSlots } from './list-slots.ts';

const never = new AbortController().signal;
const watchOptions = { resourceVersion: '1', timeoutSeconds: 300, signal: never, onEvent() {} };

test('row 50: at most so many lists run at once, in order of their coming; watches are not counted', async () => {
  const inner = new ScriptedListWatch();
  const listWatch = new ListSlots(2, new ManualClock()).limit(inner);
  const lists = ['a', 'b', 'c'].map((resourceVersion) => listWatch.list({ resourceVersion, signal: never }));
  const [first, second] = [await inner.nextList(), await inner.nextList()];
  const watch = listWatch.watch(watchOptions);
  (await inner.nextWatch()).end();
  await watch;
  expect(await inner.quiet()).toBe(true);
  second.fail(apiError('Forbidden'));
  await expect(lists[1]).rejects.toMatchObject({ code: 'Forbidden' });
  const third = await inner.nextList();
  expect(third.options.resourceVersion).toBe('c');
  first.answer([], '1');
  third.answer([], '1');
  await Promise.all([lists[0], lists[2]]);
});

const busy = (retryAfterMs: number) => apiError('TooManyRequests', { retryAfterMs });

/** Lists of so many kinds, each with its own connection to the script. */
function kinds(count: number, most: number) {
  const clock = new ManualClock();
  const slots = new ListSlots(most, clock);
  const inners = Array.from({ length: count }, () => new ScriptedListWatch());
  const lists = inners.map((inner) => {
    const listWatch = slots.limit(inner);
    return () => listWatch.list({ signal: never });
  });
  const running = () => inners.reduce((sum, inner) => sum + inner.running, 0);
  return { clock, slots, inners, lists, running };
}

describe('a server that has too much to do', () => {
  test('is asked for nothing for as long as it says, then for half as much, and for one more after each good round', async () => {
    const { clock, slots, inners, lists, running } = kinds(16, 8);
    const all = Promise.allSettled(lists.map((list) => list()));
    await clock.settle();
    expect([running(), slots.waiting]).toEqual([8, 8]);
    const refused = await Promise.all(inners.slice(0, 8).map((inner) => inner.nextList()));
    refused[0]?.fail(busy(3_000));
    refused[1]?.fail(busy(5_000));
    for (const call of refused.slice(2)) call.answer([], '1');
    await clock.advance(4_999);
    expect([running(), slots.width]).toEqual([0, 5]);
    await clock.advance(1);
    expect(running()).toBe(5);
    const widths: number[] = [];
    for (const inner of inners.slice(8)) {
      (await inner.nextList()).answer([], '1');
      await clock.settle();
      widths.push(slots.width);
    }
    expect(widths).toEqual([5, 5, 6, 6, 6, 6, 6, 6]);
    expect((await all).filter(({ status }) => status === 'rejected')).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('one kind that is always refused counts once, until it is answered', async () => {
    const { clock, slots, inners, lists } = kinds(1, 8);
    const [inner] = inners;
    const [list] = lists;
    const widths: number[] = [];
    for (const answer of [busy(1_000), busy(1_000), busy(1_000), undefined, busy(1_000)]) {
      const listed = list?.();
      const call = await inner?.nextList();
      if (answer === undefined) call?.answer([], '1');
      else call?.fail(answer);
      await Promise.allSettled([listed]);
      widths.push(slots.width);
      await clock.advance(1_000);
    }
    expect(widths).toEqual([4, 4, 4, 4, 2]);
  });

  test('is not believed that it will be so for hours; who has stopped leaves no timer', async () => {
    const { clock, slots, inners, lists } = kinds(1, 8);
    const listed = lists[0]?.();
    (await inners[0]?.nextList())?.fail(busy(3_600_000));
    await Promise.allSettled([listed]);
    expect(clock.nextIn).toBe(60_000);
    slots.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('a WatchList', () => {
  const whole = { ...watchOptions, resourceVersion: '', sendInitialEvents: true };
  const end: WatchEvent = { type: 'BOOKMARK', resourceVersion: '9', initialEventsEnd: true };

  test('rows 16 and 50: waits for its turn and has it until its initial events are over', async () => {
    const inner = new ScriptedListWatch();
    const slots = new ListSlots(1, new ManualClock());
    const listWatch = slots.limit(inner);
    const asked: string[] = [];
    const first = listWatch.watch({ ...whole, onAsked: () => asked.push('first') });
    const second = listWatch.watch({ ...whole, onAsked: () => asked.push('second') });
    const watch = await inner.nextWatch();
    watch.send({ type: 'ADDED', object: cachedObject({ name: 'a' }) }, { ...end, initialEventsEnd: false });
    expect([await inner.quiet(), ...asked]).toEqual([true, 'first']);
    watch.send(end);
    const next = await inner.nextWatch();
    expect(asked).toEqual(['first', 'second']);
    watch.end();
    await first;
    expect([inner.running, slots.waiting]).toEqual([1, 0]);
    next.fail(apiError('Network'));
    await expect(second).rejects.toMatchObject({ code: 'Network' });
    const list = listWatch.list({ signal: never });
    (await inner.nextList()).answer([], '1');
    await list;
  });

  test('row 21: that is refused because there is too much to do makes all lists wait; a refusal of its watch later does not', async () => {
    const clock = new ManualClock();
    const inner = new ScriptedListWatch();
    const slots = new ListSlots(8, clock);
    const listWatch = slots.limit(inner);
    const refusal = busy(2_000);
    const open = listWatch.watch(whole);
    const watch = await inner.nextWatch();
    watch.send(end, { type: 'ERROR', error: refusal });
    watch.end();
    await open;
    expect(slots.width).toBe(8);
    const refused = listWatch.watch(whole);
    (await inner.nextWatch()).fail(refusal);
    await expect(refused).rejects.toBe(refusal);
    expect([slots.width, clock.nextIn]).toEqual([4, 2_000]);
    slots.stop();
  });
});

test('resumed watches ask where the server is outside of the lists, some at a time', async () => {
  const inner = new ScriptedListWatch();
  let asking = 0;
  const answers: Array<() => void> = [];
  inner.position = () => {
    asking += 1;
    return new Promise((resolve) => {
      answers.push(() => resolve('1'));
    });
  };
  const listWatch = new ListSlots(2, new ManualClock()).limit(inner);
  const lists = [listWatch.list({ signal: never }), listWatch.list({ signal: never })];
  const positions = [1, 2, 3].map(() => listWatch.position(never));
  expect(await inner.quiet()).toBe(false);
  expect([inner.running, asking]).toEqual([2, 2]);
  answers[0]?.();
  await positions[0];
  expect(asking).toBe(3);
  for (const answer of answers) answer();
  for (const call of [await inner.nextList(), await inner.nextList()]) call.answer([], '1');
  await Promise.all([...lists, ...positions]);
});

test('a list that was begun is finished before another one begins', async () => {
  const inner = new ScriptedListWatch();
  const listWatch = new ListSlots(1, new ManualClock()).limit(inner);
  const page = listWatch.list({ resourceVersion: '', signal: never });
  const other = listWatch.list({ resourceVersion: '', signal: never });
  const later = listWatch.list({ continue: 'more', signal: never });
  (await inner.nextList()).answer([], '1', 'more');
  await page;
  const next = await inner.nextList();
  expect(next.options.continue).toBe('more');
  next.answer([], '1');
  (await inner.nextList()).answer([], '1');
  await Promise.all([other, later]);
});

test('a list that is given up while it waits leaves the queue, and its place goes to nobody', async () => {
  const inner = new ScriptedListWatch();
  const slots = new ListSlots(1, new ManualClock());
  const listWatch = slots.limit(inner);
  const running = listWatch.list({ signal: never });
  const abort = new AbortController();
  const waiting = listWatch.list({ signal: abort.signal });
  const call = await inner.nextList();
  expect(slots.waiting).toBe(1);
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'Aborted' });
  await expect(listWatch.list({ signal: abort.signal })).rejects.toMatchObject({ code: 'Aborted' });
  expect(slots.waiting).toBe(0);
  call.answer([], '1');
  await running;
  const last = listWatch.list({ signal: never });
  (await inner.nextList()).answer([], '1');
  await last;
});
