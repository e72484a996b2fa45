import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { type ClusterAddress, ClusterHandle } from './cluster-handle.ts';
import { type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { Watchdog } from './watchdog.ts';

/** Which of the shared control planes is meant. Each is started at the first question and kept. */
export interface SharedRequest {
  /** Workers with different slots never share. */
  readonly slot: string;
  readonly controllerManager: boolean;
}

/** Owns control planes on behalf of other processes, which come and go. */
export interface Broker {
  /** The path of its Unix socket. */
  readonly socket: string;
  /** Stops all of them. */
  close(): Promise<void>;
}

interface Owned extends ClusterAddress {
  stop(): Promise<void>;
}
type Start = (options: ControlPlaneOptions) => Promise<Owned>;

export async function startBroker(start: Start = startControlPlane): Promise<Broker> {
  // Only the owner may enter a folder that mkdtemp made, so nobody else can ask.
  const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-broker-'));
  const watchdog = new Watchdog(folder);
  const socket = join(folder, 'socket');
  const started = new Map<string, Promise<Owned>>();
  const server = createServer((incoming, response) => {
    const { searchParams } = new URL(incoming.url ?? '/', 'http://broker');
    const controllerManager = searchParams.get('controllerManager') === 'true';
    const key = searchParams.toString();
    const controlPlane = started.get(key) ?? start({ controllerManager });
    started.set(key, controlPlane);
    void answer(controlPlane, response);
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    close: async () => {
      server.closeAllConnections();
      server.close();
      const all = await Promise.allSettled(started.values());
      await Promise.all(all.map(async (result) => (result.status === 'fulfilled' ? result.value.stop() : undefined)));
      await watchdog.release();
    },
  };
}

async function answer(controlPlane: Promise<Owned>, response: ServerResponse): Promise<void> {
  try {
    const { dir, url, etcdUrl } = await controlPlane;
    response.end(JSON.stringify({ dir, url, etcdUrl } satisfies ClusterAddress));
  } catch (error) {
    response.statusCode = 500;
    response.end(error instanceof Error ? error.message : String(error));
  }
}

const Address = z.object({ dir: z.string(), url: z.string(), etcdUrl: z.string() });

/** @throws Error with the broker's reason when the control plane does not start */
export async function askBroker(socket: string, wanted: SharedRequest): Promise<ClusterHandle> {
  const query = new URLSearchParams({ slot: wanted.slot, controllerManager: String(wanted.controllerManager) });
  const { status, body } = await read(socket, `/?${query.toString()}`);
  if (status !== 200) throw new Error(`no shared control plane: ${body}`);
  return new ClusterHandle(Address.parse(JSON.parse(body)));
}

async function read(socketPath: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.once('error', reject);
    sent.end();
  });
}
