import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { untilAborted } from './aborted.ts';

test('who waits gets what there is, and leaves no listener', async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('who gives up waits no longer, also where that was before; what fails later troubles nobody', async () => {
  const given = new AbortController();
  const late = Promise.withResolvers<void>();
  const waiting = untilAborted(late.promise, given.signal);
  given.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'Aborted' });
  await expect(untilAborted(late.promise, given.signal)).rejects.toMatchObject({ code: 'Aborted' });
  late.reject(new Error('later'));
});
