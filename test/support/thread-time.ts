/** What running it takes of this thread's own time, in milliseconds: it does not matter what else the machine does meanwhile. */
export function threadMs(run: () => unknown): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/** What the same work takes on the machine for which bounds in milliseconds are meant, the first of docs/benchmarks.md. */
const REFERENCE_MS = 24;
const TRIES = 3;

/**
 * How many times more of a thread's time work takes here and now, at least 1: machines differ twofold, and what else runs beside a
 * thread takes some of its caches.
 */
export function slowness(): number {
  const tries = Array.from({ length: TRIES }, () => threadMs(referenceWork));
  return Math.max(1, Math.min(...tries) / REFERENCE_MS);
}

/** Like what is measured: short strings are made, and looked up. */
function referenceWork(): void {
  const lengths = new Map<string, number>();
  for (let i = 0; i < 600_000; i += 1) {
    const key = `key-${i % 997}`;
    lengths.set(key, (lengths.get(key) ?? 0) + key.length);
  }
}
