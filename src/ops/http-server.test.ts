import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { OpsError } from './errors.ts';
import { HttpServer, type HttpServerOptions } from './http-server.ts';

const LISTEN = { host: '127.0.0.1', port: 0 };
const registry = { contentType: 'text/plain; version=0.0.4', metrics: async () => 'up 1\n' };

let reasons: string[] = [];
let servers: HttpServer[] = [];
let sockets: Socket[] = [];

async function start(options: Partial<HttpServerOptions> = {}): Promise<number> {
  const server = new HttpServer({
    listen: LISTEN,
    registry,
    clock: systemClock,
    waitingFor: () => reasons,
    ...options,
  });
  servers.push(server);
  return server.start();
}

/** Everything that the server sends on a connection of its own until it closes it. */
function raw(port: number, ...texts: readonly string[]): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => {});
  for (const text of texts) socket.write(text);
  return { socket, answer: new Promise((resolve) => socket.on('close', () => resolve(answer))) };
}

/** Of both sides: clients and server are in this process. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((type) => type === 'TCPSocketWrap').length;
}

beforeEach(() => {
  reasons = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => server.stop()));
  servers = [];
  sockets = [];
});

describe('pages', () => {
  test('say that we live, that we are ready, and all numbers', async () => {
    const at = `http://127.0.0.1:${await start()}`;
    for (const [path, body] of [
      ['/healthz', 'ok\n'],
      ['/readyz', 'ok\n'],
      ['/metrics', 'up 1\n'],
      ['/healthz?verbose', 'ok\n'],
    ] as const) {
      const answer = await fetch(at + path);
      expect([path, answer.status, await answer.text()]).toEqual([path, 200, body]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
    expect((await fetch(`${at}/metrics`)).headers.get('content-type')).toBe(registry.contentType);
  });

  test('say why we are not ready, while we live all the same', async () => {
    const at = `http://127.0.0.1:${await start()}`;
    reasons = ['WatchPolicies are not listed yet', 'the ledger is not read yet'];
    const answer = await fetch(`${at}/readyz`);
    expect([answer.status, await answer.text()]).toEqual([
      503,
      'WatchPolicies are not listed yet\nthe ledger is not read yet\n',
    ]);
    expect((await fetch(`${at}/healthz`)).status).toBe(200);
    reasons = [];
    expect((await fetch(`${at}/readyz`)).status).toBe(200);
  });

  test('say what is wrong although we are ready', async () => {
    const at = `http://127.0.0.1:${await start({ notes: () => ['the status cannot be written'] })}`;
    const answer = await fetch(`${at}/readyz`);
    expect([answer.status, await answer.text()]).toEqual([200, 'ok\nthe status cannot be written\n']);
  });

  test('are answered to HEAD as to GET, without the body', async () => {
    const at = `http://127.0.0.1:${await start()}`;
    const answer = await fetch(`${at}/metrics`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '5', '']);
  });

  test('G15: cannot be written', async () => {
    const at = `http://127.0.0.1:${await start()}`;
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await fetch(`${at}/metrics`, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });

  test('are three, and every other address says which', async () => {
    const at = `http://127.0.0.1:${await start()}`;
    for (const path of ['/', '/metrics/', '/healthz/../secret', '//healthz', '/%2e%2e/']) {
      const answer = await fetch(at + path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(await answer.text()).toBe('there are /healthz, /readyz and /metrics\n');
    }
  });

  test('say what is wrong when a number cannot be had, and the others go on', async () => {
    const broken = { ...registry, metrics: () => Promise.reject(new Error('no number')) };
    const at = `http://127.0.0.1:${await start({ registry: broken })}`;
    const answer = await fetch(`${at}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([500, 'no number\n']);
    expect((await fetch(`${at}/healthz`)).status).toBe(200);
  });
});

describe('clients that are slow', () => {
  test('G15: to send their request are cut off', async () => {
    const port = await start({ patienceMs: 100 });
    // Whichever of the two limits is seen first: with 408 or without a word.
    expect(await raw(port, 'GET /healthz HTTP/1.1\r\nHost: a\r\n').answer).not.toContain('200 OK');
  });

  test('G15: to send anything at all are cut off', async () => {
    const port = await start({ patienceMs: 100 });
    expect(await raw(port).answer).not.toContain('200 OK');
  });

  test('G15: to read what they asked for are cut off', async () => {
    const big = { ...registry, metrics: async () => 'x'.repeat(50_000_000) };
    const port = await start({ registry: big, patienceMs: 100 });
    const { socket, answer } = raw(port, 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.pause();
    await expect.poll(openSockets, { interval: 10 }).toBe(2);
    await expect.poll(openSockets, { interval: 10, timeout: 5_000 }).toBe(1);
    // What the server had sent until then is still on its way; the rest never comes.
    socket.resume();
    expect((await answer).length).toBeLessThan(50_000_000);
  });
});

function head(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

describe('clients that send too much', () => {
  test('G15: of headers are told so and cut off', async () => {
    const port = await start();
    const { answer } = raw(port, head('GET /healthz HTTP/1.1', 'Host: a', `X-Long: ${'x'.repeat(9_000)}`));
    expect(await answer).toMatch(/^HTTP\/1\.1 431 /);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  test.each(['POST', 'GET'])('G15: of a body are answered without it, and cut off: %s', async (method) => {
    const port = await start();
    const lines = [`${method} /healthz HTTP/1.1`, 'Host: a', 'Content-Length: 1000000000'];
    const answer = (await raw(port, head(...lines), 'x').answer).toLowerCase();
    expect(answer).toMatch(method === 'GET' ? /^http\/1\.1 200 / : /^http\/1\.1 405 /);
    // At once, and not later for being slow.
    expect(answer.match(/http\/1\.1 \d+|connection: close/g)).toHaveLength(2);
  });

  test('G15: of requests at once are cut off, and have one page made at most', async () => {
    let made = 0;
    const counting = {
      ...registry,
      metrics: async () => {
        made += 1;
        await nextTurn();
        return 'up 1\n';
      },
    };
    const port = await start({ registry: counting });
    const { answer } = raw(port, head('GET /metrics HTTP/1.1', 'Host: a').repeat(500));
    expect(await answer).toBe('');
    expect(made).toBe(1);
  });

  test('are answered one after the other on one connection', async () => {
    const port = await start();
    const { socket, answer } = raw(port, head('GET /healthz HTTP/1.1', 'Host: a'));
    await once(socket, 'data');
    socket.write(head('GET /readyz HTTP/1.1', 'Host: a', 'Connection: close'));
    expect((await answer).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  test('G15: of connections lose the oldest of them, and others are answered all the while', async () => {
    const port = await start();
    const at = `http://127.0.0.1:${port}/healthz`;
    const held = Array.from({ length: 300 }, () => raw(port, 'GET /healthz HTTP/1.1\r\n').socket);
    expect((await fetch(at)).status).toBe(200);
    const open = () => held.filter(({ destroyed }) => !destroyed).length;
    await expect.poll(open).toBeLessThanOrEqual(64);
    expect(open()).toBeGreaterThan(50);
    expect((await fetch(at)).status).toBe(200);
  });
});

describe('the address', () => {
  test('in use by somebody else is told so', async () => {
    const port = await start();
    const error: unknown = await start({ listen: { host: '127.0.0.1', port } }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpsError);
    expect(error).toMatchObject({
      code: 'AddressInUse',
      message: `cannot listen on 127.0.0.1:${port}: another process does already`,
    });
  });

  test('that is not ours is told so', async () => {
    const error: unknown = await start({ listen: { host: '192.0.2.1', port: 0 } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'CannotListen',
      message: expect.stringMatching(/^cannot listen on 192\.0\.2\.1:0: .+/),
    });
  });
});

describe('stop', () => {
  test('ends open connections and frees the port', async () => {
    const port = await start();
    const { socket, answer } = raw(port, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await expect.poll(() => socket.bytesRead).toBeGreaterThan(0);
    await Promise.all(servers.map((server) => server.stop()));
    expect(await answer).toContain('200 OK');
    await expect(start({ listen: { host: '127.0.0.1', port } })).resolves.toBe(port);
  });

  test('of a server that never started resolves', async () => {
    await new HttpServer({ listen: LISTEN, registry, clock: systemClock, waitingFor: () => [] }).stop();
    expect(servers).toEqual([]);
  });
});
