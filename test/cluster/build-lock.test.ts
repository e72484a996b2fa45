import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withBuildLock } from './build-lock.ts';

let folder: string;
let lock: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'build-lock-'));
  lock = join(folder, 'lock');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('one works at a time, and the lock is gone afterwards', async () => {
  const options = { intervalMs: 5 };
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside++;
    most = Math.max(most, inside);
    await delay(10);
    inside--;
  };
  await Promise.all(Array.from({ length: 5 }, async () => withBuildLock(lock, work, options)));
  expect(most).toBe(1);
  expect(existsSync(lock)).toBe(false);
});

test('a lock that a dead process left is taken over', async () => {
  await mkdir(lock);
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(lock, longAgo, longAgo);
  expect(await withBuildLock(lock, async () => 'done', { staleMs: 30_000 })).toBe('done');
});

test('long work keeps its lock fresh', async () => {
  const options = { staleMs: 500, intervalMs: 10 };
  const order: string[] = [];
  const begun = Promise.withResolvers<void>();
  const first = withBuildLock(
    lock,
    async () => {
      begun.resolve();
      await delay(3 * options.staleMs);
      order.push('first');
    },
    options,
  );
  // Of two that come at the same time either may be first.
  await begun.promise;
  const second = withBuildLock(lock, async () => order.push('second'), options);
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
});

test('work that fails gives the lock back', async () => {
  const failing = withBuildLock(lock, async () => Promise.reject(new Error('broken')));
  await expect(failing).rejects.toThrow('broken');
  expect(existsSync(lock)).toBe(false);
});
