import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { type Answering, answerJson, Http2Server, type Http2ServerOptions } from '../../test/support/http2-server.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { KubeRequest } from './client.ts';
import type { Credentials } from './credentials.ts';
import { ApiError, type ApiErrorCode } from './errors.ts';
import {
  createKubeClient,
  type HttpKubeClient,
  type KubeClientOptions,
  type RequestObservation,
} from './http-client.ts';

type Setup = Partial<Omit<KubeClientOptions, 'credentials'>> & {
  readonly credentials?: Partial<Credentials>;
  readonly server?: Http2ServerOptions;
};

class Pair implements AsyncDisposable {
  readonly server: Http2Server;
  readonly client: HttpKubeClient;

  constructor(server: Http2Server, client: HttpKubeClient) {
    this.server = server;
    this.client = client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.server.deserted();
    await this.server[Symbol.asyncDispose]();
  }
}

/** A server that answers so, and a client to it; both end with the scope, and nothing of the client may be left then. */
async function connect(answer: Answering, setup: Setup = {}): Promise<Pair> {
  const { credentials, server: serverOptions, ...options } = setup;
  const server = await Http2Server.start(answer, serverOptions);
  const client = createKubeClient({
    credentials: server.credentials(credentials),
    userAgent: 'watchkeeper/test',
    clock: systemClock,
    log: silentLog,
    ...options,
  });
  return new Pair(server, client);
}

const never = new AbortController().signal;
const get = (path: string, more: Partial<KubeRequest> = {}): KubeRequest => ({
  method: 'GET',
  path,
  accept: 'application/json',
  signal: never,
  ...more,
});
const patch = (path: string, more: Partial<KubeRequest> = {}): KubeRequest => ({
  method: 'PATCH',
  path,
  query: { fieldManager: 'watchkeeper', force: 'true' },
  accept: 'application/json',
  contentType: 'application/apply-patch+yaml',
  body: JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', uid: 'u', labels: { team: 'a' } } }),
  signal: never,
  ...more,
});
const ok: Answering = (stream) => answerJson(stream, 200, { ok: true });
const silent: Answering = () => {};
/** Of the first connection it answers the first request alone. */
const onceOnTheFirst: Answering = (stream, { connection }, index) => {
  if (connection > 0 || index === 0) answerJson(stream, 200, {});
};
const busy: Answering = (stream, _request, index) =>
  index === 0 ? answerJson(stream, 429, {}, { 'retry-after': '1' }) : answerJson(stream, 200, {});

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return error;
  throw error;
}

describe('a request', () => {
  test('carries who we are, what we are and its query', async () => {
    await using pair = await connect(ok);
    const { client, server } = pair;
    const { status, headers, body } = await client.request(
      get('/api/v1/pods', { query: { limit: '500', continue: 'a+b&c', empty: undefined } }),
    );
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body.toString())).toEqual({ ok: true });
    expect(server.requests[0]).toMatchObject({
      method: 'GET',
      path: '/api/v1/pods?limit=500&continue=a%2Bb%26c',
      headers: {
        authorization: 'Bearer token',
        'user-agent': 'watchkeeper/test',
        accept: 'application/json',
        'accept-encoding': 'gzip',
      },
    });
  });

  test('carries its body whole', async () => {
    await using pair = await connect(ok);
    const { client, server } = pair;
    const labels = { text: 'ä'.repeat(40_000) };
    const body = JSON.stringify({ metadata: { uid: 'u', labels } });
    await client.request(patch('/api/v1/namespaces/n/pods/a', { body }));
    expect(server.requests[0]?.body).toBe(body);
    expect(server.requests[0]?.headers).toMatchObject({
      'content-type': 'application/apply-patch+yaml',
      'content-length': String(Buffer.byteLength(body)),
    });
  });

  test('goes below the path of a server behind a gateway', async () => {
    await using pair = await connect(ok);
    const { server } = pair;
    const client = createKubeClient({
      credentials: server.credentials({ server: new URL('/k8s/clusters/c-1/', server.url) }),
      userAgent: 'test',
      clock: systemClock,
      log: silentLog,
    });
    await client.request(get('/version'));
    await client.close();
    expect(server.requests[0]?.path).toBe('/k8s/clusters/c-1/version');
  });

  test('unpacks a packed answer', async () => {
    const document = { text: 'a'.repeat(200_000) };
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 200, 'content-encoding': 'gzip' });
      stream.end(gzipSync(JSON.stringify(document)));
    });
    const { body } = await pair.client.request(get('/api/v1/pods'));
    expect(JSON.parse(body.toString())).toEqual(document);
  });

  test('is no bomb: a packed answer beyond the bound is refused', async () => {
    await using pair = await connect(
      (stream) => {
        stream.respond({ ':status': 200, 'content-encoding': 'gzip' });
        stream.end(gzipSync(Buffer.alloc(1_000_000)));
      },
      { maxBodyBytes: 100_000 },
    );
    expect((await failure(pair.client.request(get('/api/v1/pods')))).code).toBe('TooLarge');
  });

  test('refuses an answer beyond the bound and lets its stream go', async () => {
    await using pair = await connect(
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.write(Buffer.alloc(200_000));
      },
      { maxBodyBytes: 100_000 },
    );
    expect((await failure(pair.client.request(get('/api/v1/pods')))).code).toBe('TooLarge');
    await expect.poll(() => pair.client.state().request.sessions[0]?.streams).toBe(0);
  });

  test('takes 304 for an answer', async () => {
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 304, etag: '"1"' }, { endStream: true });
    });
    const answer = await pair.client.request(get('/apis', { headers: { 'if-none-match': '"1"' } }));
    expect(answer).toMatchObject({ status: 304, headers: { etag: '"1"' } });
    expect(pair.server.requests[0]?.headers['if-none-match']).toBe('"1"');
  });

  test('takes 304 for an answer too where it says how long the body would be, as a gateway may', async () => {
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 304, etag: '"1"', 'content-length': '1200' }, { endStream: true });
    });
    const answer = await pair.client.request(get('/apis', { headers: { 'if-none-match': '"1"' } }));
    expect(answer).toMatchObject({ status: 304, headers: { etag: '"1"' } });
    expect(answer.body).toHaveLength(0);
  });

  test('is not sent when the door refuses it', async () => {
    await using pair = await connect(ok);
    const error = await failure(pair.client.request(get('/apis/../metrics')));
    expect(error.code).toBe('Other');
    expect(error.message).toContain('defect in the operator');
    expect(pair.server.requests).toEqual([]);
  });

  test('is reported once, with what it cost', async () => {
    const seen: RequestObservation[] = [];
    await using pair = await connect(
      (stream, { path }) => answerJson(stream, path === '/version' ? 200 : 404, { a: 1 }),
      { onRequest: (observation) => seen.push(observation) },
    );
    await pair.client.request(get('/version'));
    await failure(pair.client.request(get('/api/v1/pods')));
    expect(seen).toMatchObject([
      { method: 'GET', path: '/version', pool: 'request', status: 200, error: undefined, responseBytes: 7 },
      { method: 'GET', path: '/api/v1/pods', pool: 'request', status: 404, error: 'NotFound' },
    ]);
  });
});

describe('an answer that is an error', () => {
  const table: readonly (readonly [number, ApiErrorCode])[] = [
    [400, 'BadRequest'],
    [403, 'Forbidden'],
    [404, 'NotFound'],
    [405, 'MethodNotAllowed'],
    [406, 'NotAcceptable'],
    [409, 'Conflict'],
    [410, 'Gone'],
    [415, 'UnsupportedMediaType'],
    [418, 'Other'],
    [422, 'Invalid'],
    [429, 'TooManyRequests'],
    [500, 'ServerError'],
    [502, 'Unavailable'],
    [503, 'Unavailable'],
    [504, 'Timeout'],
    [507, 'ServerError'],
    [302, 'Other'],
  ];

  test('becomes the error that stands for its status', async () => {
    await using pair = await connect((stream, { path }) => answerJson(stream, Number(path.split('/')[3]), {}));
    const codes = await Promise.all(
      table.map(async ([status]) => [status, (await failure(pair.client.request(get(`/api/v1/${status}`)))).code]),
    );
    expect(codes).toEqual(table);
  });

  test('says what the Status says', async () => {
    await using pair = await connect((stream) =>
      answerJson(stream, 422, {
        kind: 'Status',
        reason: 'Invalid',
        message: 'it is not valid',
        details: { causes: [{ reason: 'FieldValueInvalid', message: 'no', field: 'metadata.uid' }] },
      }),
    );
    expect(await failure(pair.client.request(patch('/api/v1/namespaces/n/pods/a')))).toMatchObject({
      code: 'Invalid',
      status: 422,
      reason: 'Invalid',
      message: 'it is not valid',
      causes: [{ reason: 'FieldValueInvalid', field: 'metadata.uid' }],
    });
  });

  test('keeps little of a long foreign page', async () => {
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 502, 'content-type': 'text/html' });
      stream.end('<h1>Bad   gateway</h1>'.padEnd(5_000_000, '.'));
    });
    const { code, message } = await failure(pair.client.request(get('/version')));
    expect(code).toBe('Unavailable');
    expect(message).toMatch(/^the API server answered 502 to GET \/version: <h1>Bad gateway<\/h1>\.+$/);
    expect(message.length).toBeLessThan(300);
  });

  test('is unpacked when it came packed', async () => {
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 403, 'content-type': 'application/json', 'content-encoding': 'gzip' });
      stream.end(gzipSync(JSON.stringify({ kind: 'Status', message: 'no', reason: 'Forbidden' })));
    });
    expect(await failure(pair.client.request(get('/api/v1/pods')))).toMatchObject({ message: 'no', code: 'Forbidden' });
  });
});

describe('a refused credential', () => {
  test('is read again once for all who met it, and each of them is sent once more', async () => {
    let token = 'old';
    let headers = { authorization: `Bearer ${token}` };
    const refresh = vi.fn<() => Promise<void>>(async () => {
      token = 'new';
      headers = { authorization: `Bearer ${token}` };
    });
    await using pair = await connect(
      (stream, request) => answerJson(stream, request.headers.authorization === 'Bearer new' ? 200 : 401, {}),
      { credentials: { headers: () => Promise.resolve(headers), refresh } },
    );
    const answers = await Promise.all(Array.from({ length: 20 }, () => pair.client.request(get('/version'))));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(refresh).toHaveBeenCalledTimes(1);
    expect(pair.server.requests).toHaveLength(40);
  });

  test('that stays refused is reported after one more try', async () => {
    const refresh = vi.fn<() => Promise<void>>(async () => {});
    await using pair = await connect(
      (stream) => answerJson(stream, 401, { kind: 'Status', message: 'Unauthorized', reason: 'Unauthorized' }),
      { credentials: { refresh } },
    );
    expect(await failure(pair.client.request(get('/version')))).toMatchObject({ code: 'Unauthorized', status: 401 });
    expect(refresh).toHaveBeenCalledTimes(1);
    expect(pair.server.requests).toHaveLength(2);
  });
});

describe('giving up', () => {
  test('by the caller cancels the stream on the server', async () => {
    const caller = new AbortController();
    const cancelled = vi.fn<() => void>();
    await using pair = await connect((stream) => {
      stream.on('close', () => cancelled());
      caller.abort();
    });
    expect((await failure(pair.client.request(get('/version', { signal: caller.signal })))).code).toBe('Aborted');
    await expect.poll(() => cancelled).toHaveBeenCalled();
    expect(pair.server.sessions.size).toBe(1);
  });

  test('before the request is sent sends nothing', async () => {
    await using pair = await connect(ok);
    const error = await failure(pair.client.request(get('/version', { signal: AbortSignal.abort() })));
    expect(error.code).toBe('Aborted');
    expect(pair.server.requests).toEqual([]);
  });

  test('while the credentials are read does not wait for them', async () => {
    const caller = new AbortController();
    await using pair = await connect(ok, { credentials: { headers: () => new Promise(() => {}) } });
    const answer = failure(pair.client.request(get('/version', { signal: caller.signal })));
    caller.abort();
    expect((await answer).code).toBe('Aborted');
  });

  test('comes by itself when the answer takes too long', async () => {
    await using pair = await connect(silent);
    const error = await failure(pair.client.request(get('/version', { timeoutMs: 30 })));
    expect(error).toMatchObject({ code: 'Timeout', status: 0 });
    await expect.poll(() => pair.client.state().request.sessions[0]?.streams).toBe(0);
  });

  test('three times in a row leaves the connection for another one: nobody behind it answers', async () => {
    await using pair = await connect(onceOnTheFirst);
    await pair.client.request(get('/version'));
    while (pair.server.requests.length < 4)
      expect(await failure(pair.client.request(get('/version', { timeoutMs: 100 })))).toMatchObject({
        code: 'Timeout',
      });
    expect((await pair.client.request(get('/version'))).status).toBe(200);
    expect(pair.server.requests.map(({ connection }) => connection)).toEqual([0, 0, 0, 0, 1]);
  });

  test('once leaves a connection for the Lease, where the limits for those say so: its deadline leaves room for one more try', async () => {
    await using pair = await connect(onceOnTheFirst, { leaseTimeouts: { mostInVain: 1 } });
    const lease = get('/apis/coordination.k8s.io/v1/namespaces/own/leases/watchkeeper', { pool: 'lease' });
    await pair.client.request(lease);
    expect((await failure(pair.client.request({ ...lease, timeoutMs: 100 }))).code).toBe('Timeout');
    expect((await pair.client.request(lease)).status).toBe(200);
    expect(pair.server.requests.map(({ connection }) => connection)).toEqual([0, 0, 1]);
  });

  test('leaves no listener on a signal that lives on', async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    await using pair = await connect(ok);
    await Promise.all(Array.from({ length: 30 }, () => pair.client.request(get('/version', { signal }))));
    expect(add).toHaveBeenCalledTimes(30);
    expect(remove).toHaveBeenCalledTimes(30);
  });
});

describe('a stream', () => {
  test('passes chunks on as they come, unpacked, on a connection of its own', async () => {
    const chunks: string[] = [];
    await using pair = await connect((stream, { path }) => {
      if (path === '/version') {
        answerJson(stream, 200, {});
        return;
      }
      stream.respond({ ':status': 200 });
      stream.write('one');
    });
    const { client, server } = pair;
    const stream = await client.stream(get('/api/v1/pods', { query: { watch: 'true' } }), (chunk) =>
      chunks.push(chunk.toString()),
    );
    expect(stream.status).toBe(200);
    await expect.poll(() => chunks).toEqual(['one']);
    await client.request(get('/version'));
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  test('is not bound by the time-out of its answer', async () => {
    const clock = new ManualClock();
    const { promise: later, resolve } = Promise.withResolvers<void>();
    const answer: Answering = (stream) => {
      stream.respond({ ':status': 200 });
      void later.then(() => stream.end('late'));
    };
    await using pair = await connect(answer, { clock });
    const chunks: string[] = [];
    const { ended } = await pair.client.stream(get('/api/v1/pods', { timeoutMs: 20 }), (c) => chunks.push(String(c)));
    await clock.advance(60);
    resolve();
    await ended;
    expect(chunks).toEqual(['late']);
  });

  test('that is refused rejects as a request does', async () => {
    await using pair = await connect((stream) =>
      answerJson(stream, 410, { kind: 'Status', reason: 'Expired', message: 'too old' }),
    );
    const onData = vi.fn<(chunk: Buffer) => void>();
    expect(await failure(pair.client.stream(get('/api/v1/pods'), onData))).toMatchObject({
      code: 'Gone',
      reason: 'Expired',
    });
    expect(onData).not.toHaveBeenCalled();
  });

  test('says nothing more once its caller has aborted', async () => {
    const caller = new AbortController();
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 200 });
      const timer = setInterval(() => stream.write('x'), 1);
      stream.on('close', () => clearInterval(timer));
    });
    let chunks = 0;
    let afterAbort = 0;
    const { ended } = await pair.client.stream(get('/api/v1/pods', { signal: caller.signal }), () => {
      chunks += 1;
      if (caller.signal.aborted) afterAbort += 1;
      if (chunks === 3) caller.abort();
    });
    expect((await failure(ended)).code).toBe('Aborted');
    await expect.poll(() => pair.client.state().watch.sessions[0]?.streams).toBe(0);
    expect({ chunks, afterAbort }).toEqual({ chunks: 3, afterAbort: 0 });
  });

  test('whose reader throws is ended and reports that', async () => {
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('x');
    });
    const { ended } = await pair.client.stream(get('/api/v1/pods'), () => {
      throw new Error('no such frame');
    });
    expect(await failure(ended)).toMatchObject({
      code: 'BadResponse',
      message: expect.stringContaining('no such frame'),
    });
  });

  test('that the server cuts off rejects', async () => {
    await using pair = await connect((stream, { session }) => {
      stream.respond({ ':status': 200 });
      stream.write('x', () => session.socket.destroy());
    });
    const { ended } = await pair.client.stream(get('/api/v1/pods'), () => {});
    expect((await failure(ended)).code).toBe('Network');
  });

  test('that the server resets rejects', async () => {
    await using pair = await connect((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('x', () => stream.destroy(new Error('on purpose')));
    });
    const { ended } = await pair.client.stream(get('/api/v1/pods'), () => {});
    expect((await failure(ended)).code).toBe('Network');
  });
});

describe('a server that asks for time', () => {
  test('gets it from all later writes, and reads go on', async () => {
    await using pair = await connect(busy);
    const { client, server } = pair;
    const error = await failure(client.request(patch('/api/v1/namespaces/n/pods/a')));
    expect(error).toMatchObject({ code: 'TooManyRequests', retryAfterMs: 1000 });
    const started = performance.now();
    const later = client.request(patch('/api/v1/namespaces/n/pods/b'));
    await client.request(get('/version'));
    expect(server.requests.map(({ method }) => method)).toEqual(['PATCH', 'GET']);
    await later;
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  test('does not hold a write whose caller gives up', async () => {
    const caller = new AbortController();
    await using pair = await connect(busy);
    await failure(pair.client.request(patch('/api/v1/namespaces/n/pods/a')));
    const later = failure(pair.client.request(patch('/api/v1/namespaces/n/pods/b', { signal: caller.signal })));
    caller.abort();
    expect((await later).code).toBe('Aborted');
    expect(pair.server.requests).toHaveLength(1);
  });

  test('holds back neither the others after a write at a pace of its own, nor such a write after others', async () => {
    await using pair = await connect(busy);
    await failure(pair.client.request(patch('/api/v1/namespaces/n/pods/a', { ownPace: true })));
    await pair.client.request(patch('/api/v1/namespaces/n/pods/b', { timeoutMs: 500 }));
    await using other = await connect(busy);
    await failure(other.client.request(patch('/api/v1/namespaces/n/pods/a')));
    await other.client.request(patch('/api/v1/namespaces/n/pods/b', { ownPace: true, timeoutMs: 500 }));
    expect([pair.server.requests.length, other.server.requests.length]).toEqual([2, 2]);
  });

  test('holds no write up when a read was told to wait', async () => {
    await using pair = await connect(busy);
    await failure(pair.client.request(get('/api/v1/pods')));
    await pair.client.request(patch('/api/v1/namespaces/n/pods/a', { timeoutMs: 500 }));
    expect(pair.server.requests).toHaveLength(2);
  });
});

describe('closing', () => {
  test('rejects what runs and what comes, and leaves nothing behind', async () => {
    await using pair = await connect((stream, { path }) => {
      if (path === '/api/v1/pods') stream.respond({ ':status': 200 });
    });
    const { client, server } = pair;
    const { ended } = await client.stream(get('/api/v1/pods'), () => {});
    const pending = failure(client.request(get('/version')));
    await expect.poll(() => server.requests).toHaveLength(2);
    const streamEnd = failure(ended);
    await client.close();
    expect([(await pending).code, (await streamEnd).code]).toEqual(['Aborted', 'Aborted']);
    expect((await failure(client.request(get('/version')))).code).toBe('Aborted');
    const none = { sessions: [], waiting: 0 };
    expect(client.state()).toMatchObject({ request: none, write: none, watch: none, lease: none });
  });
});

describe('while another process holds the Lease', () => {
  test('no write is sent, also one that has waited for its connection; reads, reviews and the Lease go on', async () => {
    let leads = true;
    await using pair = await connect(ok, { mayWrite: () => leads, ownNamespace: 'own' });
    const { client, server } = pair;
    const waiting = failure(client.request(patch('/api/v1/namespaces/a/pods/a')));
    leads = false;
    expect((await waiting).code).toBe('NotLeading');
    expect((await failure(client.request(patch('/api/v1/namespaces/a/pods/a')))).code).toBe('NotLeading');
    await client.request(get('/api/v1/pods'));
    const review = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    await client.request({ ...get(review), method: 'POST', body: '{}' });
    const lease = JSON.stringify({ metadata: { resourceVersion: '1' }, spec: {} });
    const path = '/apis/coordination.k8s.io/v1/namespaces/own/leases/watchkeeper';
    const contentType = 'application/merge-patch+json';
    await client.request({ ...get(path), method: 'PATCH', contentType, body: lease, pool: 'lease' });
    expect(server.requests.map(({ path: asked }) => asked)).toEqual(['/api/v1/pods', review, path]);
    expect(client.state().lease.sessions).toHaveLength(1);
  });

  test('what HTTP/2 has taken and not handed on yet is not sent either, as when the process slept in between', async () => {
    let answers = Number.POSITIVE_INFINITY;
    await using pair = await connect(ok, { mayWrite: () => (answers -= 1) >= 0 });
    const { client, server } = pair;
    await client.request(patch('/api/v1/namespaces/a/pods/a'));
    // One when it is asked for a connection, one when it goes onto it; and the one with which its bytes would.
    answers = 2;
    await failure(client.request(patch('/api/v1/namespaces/a/pods/b')));
    expect(answers).toBeLessThan(0);
    expect(server.requests.map(({ path }) => path.split('?')[0])).toEqual(['/api/v1/namespaces/a/pods/a']);
  });

  test('writes under way are broken off, and reads are not', async () => {
    await using pair = await connect(
      (stream, { method }) => {
        if (method === 'GET') setImmediate(() => answerJson(stream, 200, {}));
      },
      { mayWrite: () => true },
    );
    const { client, server } = pair;
    const write = failure(client.request(patch('/api/v1/namespaces/a/pods/a')));
    await expect.poll(() => server.requests).toHaveLength(1);
    const read = client.request(get('/api/v1/pods'));
    client.dropWrites();
    expect((await write).code).toBe('NotLeading');
    expect((await read).status).toBe(200);
  });
});
