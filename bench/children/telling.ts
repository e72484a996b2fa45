/** What children of the benchmarks say of themselves. */

export function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** User and system time of this process so far, in all its threads, in seconds. */
export function spentSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What is still reachable, in bytes. The process must have been started with `--expose-gc`. */
export function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('start this with --expose-gc');
  // What finalizers let go of is collected by the second one.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
