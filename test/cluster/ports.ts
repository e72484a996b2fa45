import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the range from which Linux and macOS take ports of outgoing connections (32768 and up): a port stays ours while
// its server is down for a moment. And above the last one that `fetch` does not go to, 10080: a server there is never ready.
const LOWEST = 10_100;
const HIGHEST = 30_000;

/** `count` different loopback ports that nothing listens on at this moment. Somebody may still be faster: try again then. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
