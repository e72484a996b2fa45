import type { OutgoingHttpHeaders } from 'node:http2';
import { arch, platform } from 'node:os';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { answerError } from './answer-error.ts';
import { type Answer, AnswerReceiver, badAnswer, MAX_BODY_BYTES } from './answer-receiver.ts';
import type { KubeClient, KubeRequest, KubeResponse, KubeStream, Pool } from './client.ts';
import { Connections } from './connections.ts';
import type { Credentials } from './credentials.ts';
import { Cutoff } from './cutoff.ts';
import { isExclusive, refuseReason } from './door-rules.ts';
import { ApiError, type ApiErrorCode } from './errors.ts';
import { Exchange } from './exchange.ts';
import { tooLarge } from './malformed.ts';
import { RetryGate } from './retry-gate.ts';
import type { SessionLimits } from './session.ts';
import type { PoolState } from './session-pool.ts';

/** One call, for metrics and logs. For a stream it ends with the answer's head. */
export interface RequestObservation {
  readonly method: KubeRequest['method'];
  /** With names in it: too many values for a metric's label (see parseRequestPath). */
  readonly path: string;
  readonly pool: Pool;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  /** Undefined for a success. */
  readonly error: ApiErrorCode | undefined;
  readonly durationMs: number;
  readonly responseBytes: number;
}

export interface KubeClientOptions {
  readonly credentials: Credentials;
  /** See userAgentOf. */
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Must not throw. */
  readonly onRequest?: ((observation: RequestObservation) => void) | undefined;
  /** Where the ledger is kept: the one namespace whose ConfigMaps may be written. None when absent. */
  readonly ownNamespace?: string | undefined;
  /** For tests with less patience. */
  readonly timeouts?: Partial<SessionLimits> | undefined;
  /** Hold all writes back for as long as the answer to one of them (429 with Retry-After) says. Default true. */
  readonly retryGate?: boolean | undefined;
  /**
   * Whether this process is the one that may write, at this moment; asked right before each write is sent, also one that has
   * waited for long. Reads, reviews and the Lease itself need no such leave. Default: always.
   */
  readonly mayWrite?: (() => boolean) | undefined;
  /** For connections that carry requests for the Lease, where they are other than `timeouts`. */
  readonly leaseTimeouts?: Partial<SessionLimits> | undefined;
  /** Of one answer's body, unpacked. Default 512 MiB. */
  readonly maxBodyBytes?: number | undefined;
}

export interface HttpKubeClient extends KubeClient {
  /** What the connections do now. */
  state(): Readonly<Record<Pool, PoolState>>;
  /** Breaks off all writes under way that need the Lease; they reject with 'NotLeading'. */
  dropWrites(): void;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const unzip = promisify(gunzip);

/** The one way to the API server: identity, the rules of the door, errors, and nothing that repeats a write on its own. */
export function createKubeClient(options: KubeClientOptions): HttpKubeClient {
  return new Http2KubeClient(options);
}

/**
 * `watchkeeper/0.1.0 (linux/x64) watchkeeper-7d4b9-x2x8q`: the identity, where there is one, tells replicas apart in
 * audit logs.
 */
export function userAgentOf(version: string, identity = ''): string {
  return `watchkeeper/${version} (${platform()}/${arch()})${identity === '' ? '' : ` ${identity}`}`;
}

class Http2KubeClient implements HttpKubeClient {
  readonly #options: KubeClientOptions;
  readonly #connections: Connections;
  readonly #gate: RetryGate;
  readonly #basePath: string;
  /** Of writes under way that need the Lease. */
  readonly #exclusive = new Set<Cutoff>();

  constructor(options: KubeClientOptions) {
    this.#options = options;
    this.#connections = new Connections(
      options.credentials,
      options.timeouts ?? {},
      options.leaseTimeouts ?? {},
      () => options.mayWrite?.() !== false,
      options.clock,
    );
    this.#gate = new RetryGate(options.clock);
    this.#basePath = options.credentials.server.pathname.replace(/\/$/, '');
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    const cutoff = this.#cutoff(request);
    const needsLease = this.#needsLease(request);
    const pool = needsLease ? 'write' : (request.pool ?? 'request');
    if (needsLease) this.#exclusive.add(cutoff);
    try {
      const { status, headers, body } = await this.#observed(pool, request, () => this.#whole(pool, request, cutoff));
      return { status, headers, body };
    } finally {
      this.#exclusive.delete(cutoff);
      cutoff.end();
    }
  }

  async stream(request: KubeRequest, onData: (chunk: Buffer) => void): Promise<KubeStream> {
    const cutoff = this.#cutoff(request);
    try {
      const answer = await this.#observed('watch', request, () => this.#send('watch', request, cutoff, onData));
      const { status, headers, ended } = answer;
      if (ended === undefined) throw badAnswer(status, `status ${status} where a stream was expected`);
      cutoff.clearDeadline();
      void ended.catch(() => {}).then(() => cutoff.end());
      return { status, headers, ended };
    } catch (error) {
      cutoff.end();
      throw error;
    }
  }

  state(): Readonly<Record<Pool, PoolState>> {
    return this.#connections.state();
  }

  dropWrites(): void {
    for (const cutoff of this.#exclusive) cutoff.stop(notLeading());
  }

  async close(): Promise<void> {
    this.#gate.stop();
    await this.#connections.close();
  }

  #cutoff(request: KubeRequest): Cutoff {
    return new Cutoff(request.signal, request.timeoutMs ?? DEFAULT_TIMEOUT_MS, this.#options.clock);
  }

  async #observed(pool: Pool, request: KubeRequest, run: () => Promise<Answer>): Promise<Answer> {
    const { onRequest, clock } = this.#options;
    if (onRequest === undefined) return run();
    const { method, path } = request;
    const started = clock.monotonic();
    const report = (status: number, responseBytes: number, error: ApiErrorCode | undefined) =>
      onRequest({ method, path, pool, status, error, durationMs: clock.monotonic() - started, responseBytes });
    try {
      const answer = await run();
      report(answer.status, answer.passedBytes ?? answer.body.length, undefined);
      return answer;
    } catch (error) {
      if (error instanceof ApiError) report(error.status, 0, error.code);
      throw error;
    }
  }

  async #whole(pool: Pool, request: KubeRequest, cutoff: Cutoff): Promise<Answer> {
    const isGated = request.method !== 'GET' && request.ownPace !== true;
    if (isGated) await this.#passGate(cutoff);
    try {
      return await this.#unpacked(await this.#send(pool, request, cutoff, undefined));
    } catch (error) {
      // A read may be told to wait for reasons of its own kind only, such as a watch cache that is not filled yet.
      if (isGated && error instanceof ApiError && error.status === 429 && error.retryAfterMs !== undefined) {
        this.#gate.close(error.retryAfterMs);
      }
      throw error;
    }
  }

  async #passGate(cutoff: Cutoff): Promise<void> {
    if (this.#options.retryGate === false) return;
    for (let wait = this.#gate.wait(); wait !== undefined; wait = this.#gate.wait()) await cutoff.guard(wait);
  }

  /** Throws for every answer that is neither a success nor 304. */
  async #send(pool: Pool, request: KubeRequest, cutoff: Cutoff, onData?: (chunk: Buffer) => void): Promise<Answer> {
    const { credentials, ownNamespace, clock, log } = this.#options;
    const refusal = refuseReason(request, ownNamespace);
    if (refusal !== undefined) throw doorError(request, refusal);
    const identity = await cutoff.guard(credentials.headers());
    let answer = await this.#exchange(pool, request, identity, cutoff, onData);
    if (answer.status === 401) {
      log.debug({ path: request.path }, 'the API server answered 401; reading the credentials again');
      // Another request may have had them read since this one was sent.
      const { authorization } = await cutoff.guard(credentials.headers());
      if (authorization === identity['authorization']) await cutoff.guard(credentials.refresh());
      answer = await this.#exchange(pool, request, await cutoff.guard(credentials.headers()), cutoff, onData);
    }
    const fine = (answer.status >= 200 && answer.status < 300) || answer.status === 304;
    if (fine) return answer;
    throw answerError(await this.#unpacked(answer), `${request.method} ${request.path}`, clock.now());
  }

  #exchange(
    pool: Pool,
    request: KubeRequest,
    identity: Readonly<Record<string, string>>,
    cutoff: Cutoff,
    onData: ((chunk: Buffer) => void) | undefined,
  ): Promise<Answer> {
    const receiver = new AnswerReceiver({
      maxBodyBytes: this.#options.maxBodyBytes ?? MAX_BODY_BYTES,
      onData,
      sink: request.sink,
      cancel: () => exchange.cancel(),
    });
    const headers = this.#headers(request, identity, onData !== undefined);
    const needsLease = this.#needsLease(request);
    const refusal = () => (needsLease && this.#options.mayWrite?.() === false ? notLeading() : undefined);
    const exchange = new Exchange(this.#connections[pool], headers, request.body, receiver, refusal);
    exchange.start();
    cutoff.onStop((error) => {
      exchange.cancel({ overdue: error.code === 'Timeout' });
      receiver.fail(error);
    });
    return receiver.answer;
  }

  #needsLease(request: KubeRequest): boolean {
    const { mayWrite, ownNamespace } = this.#options;
    return mayWrite !== undefined && request.method !== 'GET' && isExclusive(request, ownNamespace);
  }

  #headers(request: KubeRequest, identity: Readonly<Record<string, string>>, isStream: boolean): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {
      ':method': request.method,
      ':path': this.#basePath + request.path + queryString(request.query),
      accept: request.accept,
      // Events of a packed stream would wait in the packer.
      'accept-encoding': isStream ? 'identity' : 'gzip',
      ...request.headers,
      ...identity,
      'user-agent': this.#options.userAgent,
    };
    if (request.contentType !== undefined) headers['content-type'] = request.contentType;
    if (request.body !== undefined) headers['content-length'] = Buffer.byteLength(request.body);
    return headers;
  }

  async #unpacked(answer: Answer): Promise<Answer> {
    if (answer.headers['content-encoding'] !== 'gzip' || answer.passedBytes !== undefined) return answer;
    const maxOutputLength = this.#options.maxBodyBytes ?? MAX_BODY_BYTES;
    try {
      return { ...answer, body: await unzip(answer.body, { maxOutputLength }) };
    } catch (error) {
      // zlib's ERR_BUFFER_TOO_LARGE.
      if (error instanceof RangeError) throw tooLarge(maxOutputLength, answer.status);
      throw badAnswer(answer.status, `a packed body that cannot be read: ${messageOf(error)}`, error);
    }
  }
}

function queryString(query: KubeRequest['query']): string {
  if (query === undefined) return '';
  let text = '';
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    text += `${text === '' ? '?' : '&'}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  }
  return text;
}

function notLeading(): ApiError {
  return new ApiError({
    code: 'NotLeading',
    status: 0,
    reason: '',
    message: 'it was not written, as this process does not hold the Lease',
  });
}

function doorError({ method, path }: KubeRequest, refusal: string): ApiError {
  return new ApiError({
    code: 'Other',
    status: 0,
    reason: '',
    message: `${method} ${path} was not sent: ${refusal}. This is a defect in the operator.`,
  });
}
