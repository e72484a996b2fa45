import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Network } from './network.ts';

let server: Server;
let network: Network;
let accepted: Socket[];
let clients: Socket[];

beforeEach(async () => {
  accepted = [];
  clients = [];
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    // Says back what it hears.
    socket.on('data', (chunk) => socket.write(chunk));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  network = await Network.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await network.close();
  for (const socket of accepted) socket.destroy();
  server.close();
});

describe('the network', () => {
  test('carries bytes both ways, and the end', async () => {
    const client = await dial();
    expect(await said(client, 'hello')).toBe('hello');
    client.destroy();
    await once(accepted[0] as Socket, 'close');
    await expect.poll(() => network.open).toBe(0);
  });

  test('cuts connections that are open by a reset, and takes new ones', async () => {
    const client = await dial();
    await said(client, 'a');
    const cut = once(client, 'error');
    network.cut();
    expect(await cut).toMatchObject([{ code: 'ECONNRESET' }]);
    expect(await said(await dial(), 'b')).toBe('b');
  });

  test('is down: resets new connections too, and counts them', async () => {
    network.down();
    const client = connect(Number(new URL(network.url).port), '127.0.0.1');
    clients.push(client);
    await once(client, 'error');
    expect(network.attempts).toHaveLength(1);
    expect(accepted).toHaveLength(0);
    network.up();
    expect(await said(await dial(), 'b')).toBe('b');
  });

  test('freezes what is open until it thaws; nothing is lost, and new connections work', async () => {
    const client = await dial();
    await said(client, 'a');
    network.freeze();
    const answer = said(client, 'late');
    expect(await said(await dial(), 'b')).toBe('b');
    network.thaw();
    expect(await answer).toBe('late');
  });

  test('loses what is sent, and neither end learns of it', async () => {
    const client = await dial();
    await said(client, 'a');
    network.lose();
    const heard: Buffer[] = [];
    client.on('data', (chunk: Buffer) => heard.push(chunk));
    client.write('lost');
    expect(await said(await dial(), 'b')).toBe('b');
    accepted[0]?.destroy();
    network.heal();
    client.write('lost too');
    expect(await said(await dial(), 'c')).toBe('c');
    expect(heard).toEqual([]);
    expect(client.closed).toBe(false);
    network.loseAll();
    const nowhere = await dial();
    nowhere.on('data', (chunk: Buffer) => heard.push(chunk));
    nowhere.write('lost');
    network.up();
    expect(await said(await dial(), 'd')).toBe('d');
    expect(heard).toEqual([]);
  });

  test('carries no more bytes per second than it is told', async () => {
    const client = await dial();
    network.slow(1_000);
    const started = performance.now();
    expect(await said(client, 'x'.repeat(50))).toHaveLength(50);
    expect(performance.now() - started).toBeGreaterThan(95);
  });
});

async function dial(): Promise<Socket> {
  const socket = connect(Number(new URL(network.url).port), '127.0.0.1');
  clients.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** What comes back, as many characters as were sent. */
async function said(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  let heard = '';
  while (heard.length < text.length) {
    const [chunk] = await once(socket, 'data');
    heard += String(chunk);
  }
  return heard;
}
