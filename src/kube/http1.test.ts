import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PATIENCE_MS } from '../../test/cluster/eventually.ts';
import { authority } from '../../test/support/http2-server.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { KubeRequest } from './client.ts';
import type { Credentials } from './credentials.ts';
import { createKubeClient, type HttpKubeClient, type KubeClientOptions } from './http-client.ts';
import { Http1Carrier } from './http1-carrier.ts';

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
}

const pair = authority.issue({ commonName: 'server', hosts: ['127.0.0.1'], usage: 'server' });
let server: Server;
let connections = 0;
let open = 0;
let calls: Call[] = [];
let answer: (call: Call) => void;
let client: HttpKubeClient;

beforeEach(async () => {
  [connections, open, calls] = [0, 0, []];
  answer = ({ response, body }) => response.end(JSON.stringify({ got: body }));
  // A server of node:https speaks HTTP/1.1 alone, and says so.
  server = createServer({ cert: pair.certPem, key: pair.keyPem }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const call = { request, response, body };
      calls.push(call);
      answer(call);
    });
  });
  server.on('secureConnection', (socket) => {
    connections += 1;
    open += 1;
    socket.on('close', () => {
      open -= 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = clientOf();
});

afterEach(async () => {
  await client.close();
  await vi.waitUntil(() => open === 0, { interval: 1, timeout: PATIENCE_MS });
  server.close();
});

function serverUrl(): URL {
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function clientOf(options: Partial<KubeClientOptions> = {}): HttpKubeClient {
  const credentials: Credentials = {
    server: serverUrl(),
    namespace: 'operator',
    tlsGeneration: 0,
    tls: () => Promise.resolve({ ca: authority.certPem, rejectUnauthorized: true }),
    headers: () => Promise.resolve({ authorization: 'Bearer token' }),
    refresh: () => Promise.resolve(),
  };
  return createKubeClient({ credentials, userAgent: 'test', clock: systemClock, log: silentLog, ...options });
}

/** Kind of a timer in `/proc/net/tcp`: that of the first question on a quiet connection. */
const KEEP_ALIVE = '02';
const TICKS_PER_SECOND = 100;

/** Of each connection to the server that the kernel will ask about when it stays quiet: in how many seconds. */
async function keptAlive(): Promise<readonly number[]> {
  const port = `:${Number(serverUrl().port).toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n');
  return lines.flatMap((line) => {
    const [, , remote = '', , , timer = ''] = line.trim().split(/ +/u);
    const [kind, ticks = ''] = timer.split(':');
    return remote.endsWith(port) && kind === KEEP_ALIVE ? [Number.parseInt(ticks, 16) / TICKS_PER_SECOND] : [];
  });
}

const get = (more: Partial<KubeRequest> = {}): KubeRequest => ({
  method: 'GET',
  path: '/apis/acme.io/v1/widgets',
  query: { limit: '1' },
  accept: 'application/json',
  signal: new AbortController().signal,
  ...more,
});

describe('a server that speaks HTTP/1.1 alone', () => {
  test('is asked one thing after the other on one connection, with who we are and a whole body', async () => {
    await client.request(get());
    const review = get({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      query: undefined,
      contentType: 'application/json',
      body: '{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{"resourceAttributes":{}}}',
    });
    const { status, body } = await client.request(review);
    expect([status, JSON.parse(body.toString())]).toEqual([200, { got: review.body }]);
    expect(calls.map(({ request }) => `${request.method} ${request.url}`)).toEqual([
      'GET /apis/acme.io/v1/widgets?limit=1',
      'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    ]);
    const { headers } = calls[0]?.request ?? {};
    expect(headers).toMatchObject({ authorization: 'Bearer token', 'user-agent': 'test', 'accept-encoding': 'gzip' });
    expect(Object.keys(headers ?? {}).filter((name) => name.startsWith(':'))).toEqual([]);
    expect(connections).toBe(1);
  });

  test('is asked many things at once on a connection each, which serve the next ones too', async () => {
    answer = () => {};
    const many = Array.from({ length: 6 }, () => client.request(get()));
    await expect.poll(() => calls).toHaveLength(6);
    expect(connections).toBe(6);
    answer = ({ response }) => response.end('{}');
    for (const call of calls) answer(call);
    await Promise.all(many);
    await Promise.all(Array.from({ length: 6 }, () => client.request(get())));
    expect([connections, calls.length]).toEqual([6, 12]);
  });

  test('streams a watch as it comes, beside requests, until its end', async () => {
    const said: string[] = [];
    answer = ({ request, response }) => {
      if (request.url?.includes('watch') === true) response.write('one\n');
      else response.end('{}');
    };
    const { status, ended } = await client.stream(get({ query: { watch: 'true' } }), (chunk) =>
      said.push(chunk.toString()),
    );
    await expect.poll(() => said).toEqual(['one\n']);
    expect([status, (await client.request(get())).status]).toEqual([200, 200]);
    const [watch] = calls;
    watch?.response.write('two\n');
    watch?.response.end();
    await ended;
    expect(said.join('')).toBe('one\ntwo\n');
    expect(watch?.request.headers['accept-encoding']).toBe('identity');
  });

  test('row 23: is asked by the kernel whether it is still there after 30 s in which a connection was quiet', async () => {
    answer = ({ response }) => void response.write('one\n');
    const stop = new AbortController();
    const { ended } = await client.stream(get({ signal: stop.signal }), () => {});
    await expect.poll(keptAlive).toHaveLength(1);
    const [seconds] = await keptAlive();
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(30);
    stop.abort();
    await expect(ended).rejects.toMatchObject({ code: 'Aborted' });
  });

  test('is left by the connection of a watch that is given up, and that counts as closed', async () => {
    answer = ({ response }) => void response.write('one\n');
    const stop = new AbortController();
    const { ended } = await client.stream(get({ signal: stop.signal }), () => {});
    expect(open).toBe(1);
    stop.abort();
    await expect(ended).rejects.toMatchObject({ code: 'Aborted' });
    await expect.poll(() => open).toBe(0);
    await expect.poll(() => client.state().watch).toEqual({ sessions: [], waiting: 0, ended: { Closed: 1 } });
  });

  test('that ends the connection with its answer is asked the next thing on another', async () => {
    answer = ({ response }) => response.writeHead(200, { connection: 'close' }).end('{}');
    for (let i = 0; i < 3; i += 1) expect((await client.request(get())).status).toBe(200);
    expect(connections).toBe(3);
    // Which is no break.
    await expect.poll(() => client.state().request.ended).toEqual({ Closed: 3 });
    // Also where somebody waits for a connection at that moment.
    answer = () => {};
    const first = client.request(get());
    await vi.waitUntil(() => calls.length === 4, { interval: 1, timeout: PATIENCE_MS });
    answer = ({ response }) => response.writeHead(200, { connection: 'close' }).end('{}');
    const second = client.request(get());
    calls.slice(3).forEach(answer);
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  test('has as many connections made at once as requests wait, from the second on', async () => {
    await client.request(get());
    const many = Array.from({ length: 6 }, () => client.request(get()));
    await nextTurn();
    expect(
      client
        .state()
        .request.sessions.map(({ state }) => state)
        .toSorted(),
    ).toEqual(['Busy', ...Array.from({ length: 5 }, () => 'Connecting')]);
    await Promise.all(many);
  });

  test('that closes just when the next thing is asked does not leave that without an answer', async () => {
    const url = serverUrl();
    const socket = connect({ host: url.hostname, port: Number(url.port), ca: authority.certPem });
    const carrier = new Http1Carrier(url, socket);
    const send = (path: string) => carrier.request({ ':method': 'GET', ':path': path }, { endStream: true });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    send('/1').once('close', () => {
      send('/2').on('error', resolve);
      socket.destroy();
    });
    expect(String(await promise)).toBe('Error: the server has closed the connection');
  });

  test('that breaks an answer off, or gives none, fails that request alone', async () => {
    answer = ({ response }) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => response.destroy());
    };
    await expect(client.request(get())).rejects.toMatchObject({ code: 'Network' });
    answer = ({ request }) => void request.socket.destroy();
    await expect(client.request(get())).rejects.toMatchObject({ code: 'Network' });
    answer = ({ response }) => response.writeHead(404).end('{"kind":"Status","code":404,"reason":"NotFound"}');
    await expect(client.request(get())).rejects.toMatchObject({ code: 'NotFound', status: 404 });
  });

  test('gets no write once this process may not write any more, and several while it may', async () => {
    let mayWrite = true;
    const own = clientOf({ mayWrite: () => mayWrite });
    const patch = get({
      method: 'PATCH',
      path: '/api/v1/namespaces/a/configmaps/b',
      query: { fieldManager: 'watchkeeper', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'b', namespace: 'a', uid: 'u', labels: { env: 'prod' } },
      }),
    });
    expect((await own.request(patch)).status).toBe(200);
    expect((await own.request(patch)).status).toBe(200);
    mayWrite = false;
    await expect(own.request(patch)).rejects.toMatchObject({ code: 'NotLeading' });
    expect([calls.length, connections]).toEqual([2, 1]);
    await own.close();
  });
});
