import { constants, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test, vi } from 'vitest';
import { Network } from '../../test/faults/network.ts';
import { type Answering, answerJson, authority, Http2Server } from '../../test/support/http2-server.ts';
import { systemClock } from '../base/clock.ts';
import type { Credentials } from './credentials.ts';
import type { ApiError } from './errors.ts';
import { Exchange } from './exchange.ts';
import { defaultSessionLimits, type SessionLimits } from './session.ts';
import { SessionPool } from './session-pool.ts';

class Scope implements AsyncDisposable {
  readonly server: Http2Server;
  readonly pool: SessionPool;

  constructor(server: Http2Server, pool: SessionPool) {
    this.server = server;
    this.pool = pool;
  }

  /** Resolves to the status; rejects with ApiError. */
  get(): Promise<number> {
    return get(this.pool);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
    await this.server.deserted();
    await this.server[Symbol.asyncDispose]();
  }
}

function get(pool: SessionPool): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0;
    new Exchange(
      pool,
      { ':method': 'GET', ':path': '/' },
      undefined,
      {
        head: (answered) => {
          status = answered;
        },
        data: () => {},
        end: () => resolve(status),
        fail: reject,
      },
      () => undefined,
    ).start();
  });
}

async function start(
  answer: Answering,
  limits: Partial<SessionLimits> = {},
  more: { readonly maxConcurrentStreams?: number; readonly credentials?: Partial<Credentials> } = {},
): Promise<Scope> {
  const { maxConcurrentStreams = 100, credentials } = more;
  const server = await Http2Server.start(answer, { settings: { maxConcurrentStreams } });
  return new Scope(server, poolTo(server.credentials(credentials), limits));
}

function poolTo(credentials: Credentials, limits: Partial<SessionLimits> = {}): SessionPool {
  return new SessionPool(credentials, { ...defaultSessionLimits, ...limits }, systemClock);
}

const ok: Answering = (stream) => answerJson(stream, 200, {});

describe('sharing connections', () => {
  test('200 streams at once take three connections of at most 90', async () => {
    const streams: ServerHttp2Stream[] = [];
    await using scope = await start((stream) => streams.push(stream));
    const answers = Array.from({ length: 200 }, () => scope.get());
    await expect.poll(() => streams).toHaveLength(200);
    const busy = scope.pool.state().sessions.map((session) => session.streams);
    expect(busy.toSorted((a, b) => a - b)).toEqual([20, 90, 90]);
    expect(scope.server.sessions.size).toBe(3);
    for (const stream of streams) answerJson(stream, 200, {});
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
  });

  test('one request after another shares one connection', async () => {
    await using scope = await start(ok);
    for (let i = 0; i < 20; i += 1) await scope.get();
    expect(new Set(scope.server.requests.map(({ connection }) => connection))).toEqual(new Set([0]));
  });

  test('a server that allows fewer streams gets fewer, with a margin', async () => {
    const streams: ServerHttp2Stream[] = [];
    await using scope = await start((stream) => streams.push(stream), {}, { maxConcurrentStreams: 10 });
    const answers = Array.from({ length: 20 }, () => scope.get());
    await expect.poll(() => streams).toHaveLength(20);
    expect(Math.max(...scope.pool.state().sessions.map((session) => session.streams))).toBe(9);
    for (const stream of streams) answerJson(stream, 200, {});
    await Promise.all(answers);
  });
});

test('a server may send 4 MiB on a stream and 16 MiB on a connection before anything of it is read', async () => {
  await using scope = await start((stream) => stream.respond({ ':status': 204 }, { endStream: true }));
  await scope.get();
  const [session] = scope.server.sessions;
  expect(session?.remoteSettings.initialWindowSize).toBe(4 * 1024 ** 2);
  expect(session?.state.remoteWindowSize).toBe(16 * 1024 ** 2);
});

describe('a connection that the server winds up (GOAWAY)', () => {
  test('finishes what runs, while new requests take another', async () => {
    const held: ServerHttp2Stream[] = [];
    await using scope = await start((stream, { session }, index) => {
      if (index > 0) {
        answerJson(stream, 200, {});
        return;
      }
      held.push(stream);
      session.goaway(constants.NGHTTP2_NO_ERROR);
    });
    const first = scope.get();
    await expect.poll(() => scope.pool.state().sessions).toEqual([{ state: 'Draining', streams: 1 }]);
    expect(await scope.get()).toBe(200);
    for (const stream of held) answerJson(stream, 200, {});
    expect(await first).toBe(200);
    expect(scope.server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
    await expect.poll(() => scope.pool.state().sessions).toEqual([{ state: 'Idle', streams: 0 }]);
  });

  test('gives a request that it did not look at to another', async () => {
    await using scope = await start((stream, { session }, index) => {
      // The second request is stream 3.
      if (index === 1) session.goaway(constants.NGHTTP2_NO_ERROR, 1);
      else answerJson(stream, 200, {});
    });
    await scope.get();
    expect(await scope.get()).toBe(200);
    expect(scope.server.requests.map(({ connection }) => connection)).toEqual([0, 0, 1]);
    // The server never hangs up; we do.
    const states = () => scope.pool.state().sessions.map(({ state }) => state);
    await expect.poll(states).toEqual(['Idle']);
    for (const session of scope.server.sessions) session.destroy();
  });

  test('in anger breaks what it looked at, and gives the rest to another', async () => {
    await using scope = await start((stream, { session }, index) => {
      if (index === 1) session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 1);
      else if (index > 1) answerJson(stream, 200, {});
    });
    const [first, second] = [scope.get(), scope.get()];
    await expect(first).rejects.toMatchObject({ code: 'Network' });
    expect(await second).toBe(200);
    expect(scope.server.requests.map(({ connection }) => connection)).toEqual([0, 0, 1]);
  });
});

describe('a stream that the server refuses', () => {
  test('is opened once more, on another connection', async () => {
    await using scope = await start((stream, _request, index) => {
      if (index === 0) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else answerJson(stream, 200, {});
    });
    expect(await scope.get()).toBe(200);
    expect(scope.server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  test('twice is an error', async () => {
    await using scope = await start((stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    await expect(scope.get()).rejects.toMatchObject({ code: 'Network' });
    expect(scope.server.requests).toHaveLength(2);
  });

  test('for any other reason is not repeated: the server may have acted', async () => {
    await using scope = await start((stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    await expect(scope.get()).rejects.toMatchObject({ code: 'Network' });
    expect(scope.server.requests).toHaveLength(1);
  });
});

describe('a connection that leads nowhere', () => {
  const impatient = { pingIntervalMs: 30, pingTimeoutMs: 60 };

  test('row 23: is found by a PING without an answer, and the next request takes a new one', async () => {
    const streams: ServerHttp2Stream[] = [];
    await using server = await Http2Server.start((stream) => streams.push(stream));
    await using network = await Network.start(server.url);
    const pool = poolTo(server.credentials({ server: new URL(network.url) }), impatient);
    const lost = get(pool);
    await expect.poll(() => streams).toHaveLength(1);
    network.freeze();
    await expect(lost).rejects.toMatchObject({
      code: 'Network',
      message: `the connection to the API server ${network.url} broke: no answer to a PING within 0.06 s`,
    });
    await expect.poll(() => pool.state().ended).toEqual({ Silent: 1 });
    const next = get(pool);
    await expect.poll(() => streams).toHaveLength(2);
    for (const stream of streams) answerJson(stream, 200, {});
    expect(await next).toBe(200);
    await pool.close();
  });

  test('stays open as long as PINGs are answered, however silent its streams', async () => {
    const streams: ServerHttp2Stream[] = [];
    await using scope = await start((stream) => streams.push(stream), { pingIntervalMs: 5, pingTimeoutMs: 200 });
    const pings = vi.fn<() => void>();
    const quiet = scope.get();
    await expect.poll(() => scope.server.sessions.size).toBe(1);
    for (const session of scope.server.sessions) session.on('ping', pings);
    await expect.poll(() => pings.mock.calls.length).toBeGreaterThan(5);
    for (const stream of streams) answerJson(stream, 200, {});
    expect(await quiet).toBe(200);
  });

  test('is asked at once when a request comes after a long silence', async () => {
    await using server = await Http2Server.start(ok);
    await using network = await Network.start(server.url);
    // The regular PING would come after the test's patience.
    const clock = { ...systemClock, monotonic: () => performance.now() + skipped };
    let skipped = 0;
    const limits = { ...defaultSessionLimits, pingTimeoutMs: 50 };
    const pool = new SessionPool(server.credentials({ server: new URL(network.url) }), limits, clock);
    expect(await get(pool)).toBe(200);
    await expect.poll(() => pool.state().sessions).toEqual([{ state: 'Idle', streams: 0 }]);
    network.freeze();
    skipped = 25_000;
    await expect(get(pool)).rejects.toMatchObject({ message: expect.stringContaining('no answer to a PING') });
    await pool.close();
  });
});

test.each([
  ['is cut off', (network: Network) => network.cut()],
  ['is hung up on', (network: Network) => network.hangUp()],
])('a connection that %s with requests under way counts as broken, however many they are', async (_how, breaks) => {
  await using server = await Http2Server.start(() => {});
  await using network = await Network.start(server.url);
  const pool = poolTo(server.credentials({ server: new URL(network.url) }));
  const answers = Promise.allSettled(Array.from({ length: 3 }, () => get(pool)));
  await expect.poll(() => server.requests).toHaveLength(3);
  breaks(network);
  expect(await answers).toMatchObject(Array.from({ length: 3 }, () => ({ reason: { code: 'Network' } })));
  await expect.poll(() => pool.state().sessions).toEqual([]);
  expect(pool.state().ended).toEqual({ Broken: 1 });
  await pool.close();
});

describe('a connection that breaks every request off', () => {
  test('is left for another one, although it answers PINGs', async () => {
    // As behind a balancer whose own connection is dead.
    await using scope = await start((stream, { connection }) => {
      if (connection === 0) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else answerJson(stream, 200, {});
    });
    for (let i = 0; i < 3; i += 1) await expect(scope.get()).rejects.toMatchObject({ code: 'Network' });
    expect([await scope.get(), await scope.get()]).toEqual([200, 200]);
    expect(scope.server.requests.map(({ connection }) => connection)).toEqual([0, 0, 0, 1, 1]);
  });

  test('is kept when it answers some in between', async () => {
    await using scope = await start((stream, _request, index) => {
      if (index % 3 !== 2) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else answerJson(stream, 200, {});
    });
    for (let i = 0; i < 8; i += 1) await Promise.allSettled([scope.get()]);
    expect(new Set(scope.server.requests.map(({ connection }) => connection))).toEqual(new Set([0]));
  });
});

describe('connections that are not needed', () => {
  test('close after a while', async () => {
    await using scope = await start(ok, { idleTimeoutMs: 30 });
    await scope.get();
    await expect.poll(() => scope.server.sessions.size).toBe(0);
    await expect.poll(() => scope.pool.state()).toMatchObject({ sessions: [], ended: { Closed: 1 } });
    expect(await scope.get()).toBe(200);
  });

  test('drain when the credentials for TLS have changed', async () => {
    let tlsGeneration = 0;
    await using scope = await start(
      ok,
      {},
      {
        credentials: {
          get tlsGeneration() {
            return tlsGeneration;
          },
        },
      },
    );
    await scope.get();
    tlsGeneration = 1;
    await scope.get();
    expect(scope.server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
    await expect.poll(() => scope.server.sessions.size).toBe(1);
  });
});

async function failureAt(server: Server, limits: Partial<SessionLimits> = {}): Promise<ApiError> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const credentials: Credentials = {
    server: new URL(`https://127.0.0.1:${port}`),
    namespace: undefined,
    tlsGeneration: 0,
    tls: () => Promise.resolve({ ca: authority.certPem, rejectUnauthorized: true }),
    headers: () => Promise.resolve({}),
    refresh: () => Promise.resolve(),
  };
  const pool = poolTo(credentials, limits);
  const error = await get(pool).catch((thrown: ApiError) => thrown);
  expect(pool.state()).toMatchObject({ sessions: [], waiting: 0 });
  await pool.close();
  server.close();
  if (typeof error === 'number') throw new Error(`it answered ${error}`);
  return error;
}

describe('a server that cannot be reached', () => {
  const stranger = authority.issue({ commonName: 'x', hosts: ['192.0.2.1'], usage: 'server' });

  test('because nobody listens says so, with its address', async () => {
    await using scope = await start(ok);
    const { url } = scope.server;
    await scope.server[Symbol.asyncDispose]();
    await expect(scope.get()).rejects.toMatchObject({
      code: 'Network',
      message: expect.stringMatching(`^the API server ${url.origin} cannot be reached: .*ECONNREFUSED`),
    });
  });

  test('because it never answers is given up', async () => {
    const { message } = await failureAt(createServer(), { connectTimeoutMs: 50 });
    expect(message).toContain('cannot be reached: no connection within 0.05 s');
  });

  test('because it hangs up is an error at once', async () => {
    const { code } = await failureAt(createServer((socket) => socket.destroy()));
    expect(code).toBe('Network');
  });

  test('because its certificate is for another host says that', async () => {
    const options = { cert: stranger.certPem, key: stranger.keyPem, ALPNProtocols: ['h2'] };
    const { message } = await failureAt(createTlsServer(options));
    expect(message).toMatch(/IP: 127\.0\.0\.1 is not in the cert's list/);
  });

  test('because its certificate is signed by nobody we trust says that', async () => {
    await using server = await Http2Server.start(ok);
    const pool = poolTo(server.credentials({ tls: () => Promise.resolve({ rejectUnauthorized: true }) }));
    await expect(get(pool)).rejects.toMatchObject({
      message: expect.stringContaining('not signed by an authority that we trust'),
    });
    await pool.close();
  });

  test('because our own key is unusable is an error, not a hang', async () => {
    await using server = await Http2Server.start(ok);
    const tls = { ca: server.caPem, cert: 'no PEM', key: 'no PEM', rejectUnauthorized: true };
    const pool = poolTo(server.credentials({ tls: () => Promise.resolve(tls) }));
    await expect(get(pool)).rejects.toMatchObject({ code: 'Network' });
    expect(pool.state()).toMatchObject({ sessions: [], waiting: 0 });
    await pool.close();
  });
});

test('closing while a connection is being made ends it', async () => {
  const server = createServer();
  const connected = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('close', () => server.close());
      resolve();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await using other = await Http2Server.start(ok);
  const pool = poolTo(other.credentials({ server: new URL(`https://127.0.0.1:${port}`) }));
  const request = get(pool).catch((error: ApiError) => error.code);
  await connected;
  await pool.close();
  expect(await request).toBe('Aborted');
  await expect.poll(() => server.listening).toBe(false);
});
