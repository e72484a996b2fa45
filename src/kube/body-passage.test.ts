import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Answering, Http2Server } from '../../test/support/http2-server.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { BodySink } from './body-sink.ts';
import { ApiError } from './errors.ts';
import { createKubeClient, type RequestObservation } from './http-client.ts';

/** Keeps what it is given, and tells of each piece. */
class Keeper implements BodySink {
  readonly heads: (string | undefined)[] = [];
  readonly pieces: Buffer[] = [];
  readonly #told: (piece: Buffer) => void;

  constructor(told: (piece: Buffer) => void = () => {}) {
    this.#told = told;
  }

  get bytes(): number {
    return this.pieces.reduce((sum, { length }) => sum + length, 0);
  }

  begin(headers: Readonly<Record<string, string | undefined>>): void {
    this.heads.push(headers['content-type']);
  }

  push(chunk: Buffer): void {
    this.pieces.push(chunk);
    this.#told(chunk);
  }
}

async function ask(answer: Answering, sink: BodySink, signal = new AbortController().signal) {
  const seen: RequestObservation[] = [];
  const server = await Http2Server.start(answer);
  const client = createKubeClient({
    credentials: server.credentials(),
    userAgent: 'watchkeeper/test',
    clock: systemClock,
    log: silentLog,
    maxBodyBytes: 400_000,
    onRequest: (observation) => seen.push(observation),
  });
  try {
    const request = { method: 'GET', path: '/api/v1/pods', accept: 'application/json', sink, signal } as const;
    const outcome = await client.request(request).catch((error: unknown) => error);
    await expect.poll(() => client.state().request.sessions[0]?.streams).toBe(0);
    return { outcome, seen };
  } finally {
    await client.close();
    await server[Symbol.asyncDispose]();
  }
}

const BODY = Buffer.from('abcdefgh'.repeat(40_000));
const HEAD = { ':status': 200, 'content-type': 'text/plain' };

describe('a body that goes to a sink', () => {
  test('comes there as it arrives, and the answer has none', async () => {
    const sent = Promise.withResolvers<() => void>();
    let early = 0;
    const sink = new Keeper(() => {
      early ||= sink.bytes;
      void sent.promise.then((rest) => rest());
    });
    const { outcome, seen } = await ask((stream) => {
      stream.respond(HEAD);
      stream.write(BODY.subarray(0, 1_000));
      sent.resolve(() => {
        if (!stream.writableEnded) stream.end(BODY.subarray(1_000));
      });
    }, sink);
    expect(outcome).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    // The rest was sent only when the first piece was there.
    expect(early).toBe(1_000);
    expect(sink.heads).toEqual(['text/plain']);
    expect(Buffer.concat(sink.pieces)).toEqual(BODY);
    expect(seen).toMatchObject([{ status: 200, responseBytes: BODY.length }]);
  });

  test('comes unpacked where it is sent packed', async () => {
    const sink = new Keeper();
    const { outcome } = await ask((stream) => {
      stream.respond({ ...HEAD, 'content-encoding': 'gzip' });
      stream.end(gzipSync(BODY));
    }, sink);
    expect(outcome).toMatchObject({ status: 200 });
    expect(Buffer.concat(sink.pieces)).toEqual(BODY);
    expect(sink.pieces.length).toBeGreaterThan(1);
  });

  test.each([
    ['packed and cut off', 'BadResponse', gzipSync(BODY).subarray(0, -20), 'a packed body that cannot be read'],
    ['packed, and is a bomb', 'TooLarge', gzipSync(Buffer.alloc(4_000_000)), 'a body of more than 400000 bytes'],
  ])('is refused when it is %s', async (_, code, body, message) => {
    const sink = new Keeper();
    const { outcome } = await ask((stream) => {
      stream.respond({ ...HEAD, 'content-encoding': 'gzip' });
      stream.end(body);
    }, sink);
    expect(outcome).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(sink.bytes).toBeLessThanOrEqual(400_000);
  });

  test('is broken off when it is too long', async () => {
    const sink = new Keeper();
    const { outcome } = await ask((stream) => {
      stream.respond(HEAD);
      stream.write(Buffer.alloc(500_000));
    }, sink);
    expect(outcome).toMatchObject({ code: 'TooLarge' });
    expect(sink.bytes).toBeLessThanOrEqual(400_000);
  });

  test('is broken off by what the sink throws', async () => {
    const refusal = new ApiError({ code: 'BadResponse', status: 0, reason: '', message: 'no such thing' });
    const sink = new Keeper(() => {
      throw refusal;
    });
    const { outcome } = await ask((stream) => {
      stream.respond(HEAD);
      stream.write(BODY);
    }, sink);
    expect(outcome).toBe(refusal);
    expect(sink.pieces).toHaveLength(1);
  });

  test.each(['gzip', 'identity'])('ends with its caller, sent as %s', async (encoding) => {
    const caller = new AbortController();
    const packed = encoding === 'gzip' ? gzipSync(BODY, { level: 0 }) : BODY;
    const sink = new Keeper(() => caller.abort());
    const { outcome } = await ask(
      (stream) => {
        stream.respond({ ...HEAD, 'content-encoding': encoding });
        stream.write(packed.subarray(0, 200_000));
      },
      sink,
      caller.signal,
    );
    expect(outcome).toMatchObject({ code: 'Aborted' });
    expect(sink.pieces).toHaveLength(1);
  });

  test('of an error does not: it says why', async () => {
    const sink = new Keeper();
    const { outcome } = await ask((stream) => {
      stream.respond({ ':status': 403, 'content-type': 'application/json' });
      stream.end(JSON.stringify({ kind: 'Status', message: 'not you', reason: 'Forbidden', code: 403 }));
    }, sink);
    expect(outcome).toMatchObject({ code: 'Forbidden', message: expect.stringContaining('not you') });
    expect(sink.heads).toEqual([]);
  });
});
