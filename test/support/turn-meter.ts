import { readFileSync } from 'node:fs';

/**
 * Loaded into a process of the product before it (`node --import`): prints for how long its event loop stands still, each time
 * that it is long. In this thread's own time, so that it does not matter what else the machine does: a timer cannot fire while
 * the loop stands still, and what the thread has spent since it fired last is its longest stretch, and 10 ms at most of
 * other work.
 */
const EVERY_MS = 10;
/** What is shorter is not told. */
const LONG_MS = EVERY_MS;

function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** What the host has kept from this machine so far, in milliseconds. The kernel may take it for a thread's own time. */
function stolenMs(): number {
  const steal = /^cpu +(?:\d+ +){7}(\d+)/.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
  return 10 * Number(steal ?? 0);
}

const ownMs = () => ({ spent: spentMs(), stolen: stolenMs() });

let before = ownMs();
setInterval(() => {
  const now = ownMs();
  const turn = now.spent - before.spent - (now.stolen - before.stolen);
  before = now;
  if (turn >= LONG_MS) process.stderr.write(`long turn: ${turn.toFixed(1)} ms\n`);
}, EVERY_MS).unref();

// Its start is over: from here on it counts.
process.on('SIGUSR2', () => {
  before = ownMs();
  process.stderr.write('turns are metered\n');
});
