import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { hrtime } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

export interface BuildLockOptions {
  /** A lock that was not touched for so long was left behind by a dead process. Default 30,000 ms. */
  readonly staleMs?: number;
  /** How often a waiter looks, and how often the holder touches the lock. Default 500 ms. */
  readonly intervalMs?: number;
  /** Called once when another process holds the lock. */
  readonly onWait?: () => void;
}

/**
 * Runs `work` while this process alone holds the lock: a folder at `path`, because mkdir is atomic on every file
 * system. Two waiters that find the same stale lock may, very rarely, both go on; so `work` must stay correct, only
 * wasteful, when it runs twice.
 */
export async function withBuildLock<T>(
  path: string,
  work: () => Promise<T>,
  options: BuildLockOptions = {},
): Promise<T> {
  const { staleMs = 30_000, intervalMs = 500, onWait } = options;
  let waited = false;
  while (!(await tryMakeFolder(path))) {
    if (!waited) onWait?.();
    waited = true;
    if ((await ageOf(path)) > staleMs) await discard(path);
    else await delay(intervalMs);
  }
  const heartbeat = setInterval(() => void touch(path), intervalMs);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { recursive: true, force: true });
  }
}

async function tryMakeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function ageOf(path: string): Promise<number> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs;
}

/** Renamed first: of several waiters one succeeds, and none removes a lock that was taken anew meanwhile. */
async function discard(path: string): Promise<void> {
  const aside = `${path}.stale-${process.pid}-${hrtime.bigint()}`;
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { recursive: true, force: true });
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
