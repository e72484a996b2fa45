/** What running it takes of this thread's own time, in milliseconds: it does not matter what else the machine does meanwhile. */
export function threadMs(run: () => unknown): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
