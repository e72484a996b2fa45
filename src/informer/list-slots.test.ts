import { expect, test } from 'vitest';
import { apiError, ScriptedListWatch } from '../../test/support/scripted-list-watch.ts';
import { ListSlots } from './list-slots.ts';

const never = new AbortController().signal;
const watchOptions = { resourceVersion: '1', timeoutSeconds: 300, signal: never, onEvent() {} };

test('row 50: at most so many lists run at once, in order of their coming; watches are not counted', async () => {
  const inner = new ScriptedListWatch();
  const listWatch = new ListSlots(2).limit(inner);
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

test('a list that was begun is finished before another one begins', async () => {
  const inner = new ScriptedListWatch();
  const listWatch = new ListSlots(1).limit(inner);
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
  const slots = new ListSlots(1);
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
