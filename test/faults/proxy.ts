import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { ClusterHandle, ServiceAccountName } from '../cluster/cluster-handle.ts';
import { EVENTS_PASS, type EventFault } from './event-faults.ts';
import { Network } from './network.ts';
import { EventSplitter } from './watch-events.ts';

export interface ProxiedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Header; '' without. */
  readonly accept: string;
  /** Counts all requests since the fault was put in, from 1. */
  readonly index: number;
  /** Counts the writes among them, from 1; undefined for a read. */
  readonly write: number | undefined;
}

/** What becomes of one request. */
export type Fate =
  | { readonly kind: 'Pass' }
  /** It never reaches the server; the client's stream is reset, by default with a code that does not say so. */
  | { readonly kind: 'RefuseBefore'; readonly code?: number }
  /** It never reaches the server, which says that it looks at no more of this connection, and ends that after what it has. */
  | { readonly kind: 'GoAway' }
  /**
   * The server carries it out, and the client's stream is reset in place of the answer. `answered` runs in between,
   * with the answer's HTTP status.
   */
  | { readonly kind: 'LoseAnswer'; readonly answered?: (status: number) => void | Promise<void> }
  /** It never reaches the server; the client gets this answer, as a gateway or an overloaded server gives it. */
  | {
      readonly kind: 'Answer';
      readonly status: number;
      readonly retryAfter?: number;
      readonly body?: string;
      /** Default `text/plain`. */
      readonly contentType?: string;
    }
  /**
   * The server carries it out; of its answer come the head, which says no length, and so many bytes. Then it ends as if that
   * were all, or is reset.
   */
  | { readonly kind: 'Truncate'; readonly bytes: number; readonly end: 'Clean' | 'Reset' }
  /** The server carries it out, and its answer says that it is of another type. */
  | { readonly kind: 'Mislabel'; readonly contentType: string }
  /** It never reaches the server; whoever is called answers it as long as the stream is open. */
  | { readonly kind: 'Serve'; readonly serve: (stream: ServerHttp2Stream) => void };

/** Asked about each request before any of it is forwarded. A promise holds the request until it resolves. */
export type Fault = (request: ProxiedRequest) => Fate | Promise<Fate>;

export const PASS: Fate = { kind: 'Pass' };
export const REFUSE_BEFORE: Fate = { kind: 'RefuseBefore' };
export const LOSE_ANSWER: Fate = { kind: 'LoseAnswer' };
/** The server says that it has not looked at the request. */
export const REFUSE_STREAM: Fate = { kind: 'RefuseBefore', code: constants.NGHTTP2_REFUSED_STREAM };
export const GO_AWAY: Fate = { kind: 'GoAway' };

/** As kube-apiserver refuses: with a Status. */
export function refusal(code: number, reason: string, retryAfter?: number): Fate {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code, message: reason };
  const wait = retryAfter === undefined ? {} : { retryAfter };
  return {
    kind: 'Answer',
    status: code,
    body: JSON.stringify(status),
    contentType: 'application/json',
    ...wait,
  };
}

/** What a watch from a version that is compacted gets, or a list with the token of one. */
export const GONE = refusal(410, 'Expired');

/** Reviews of our own rights are writes by their method alone; the Lease is about the operator, not about what it does. */
export function isWrite({ write, path }: ProxiedRequest): boolean {
  return write !== undefined && !/selfsubjectaccessreviews|leases/.test(path);
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** As kube-apiserver's own. */
const MAX_STREAMS = 100;
/** A code that says nothing about whether the request was carried out; REFUSED_STREAM would. */
const RESET = constants.NGHTTP2_INTERNAL_ERROR;

/**
 * Stands between a client and the API server, speaks HTTP/2 to both, and lets faults happen. It has the server's
 * certificate and passes all headers on, the client's token among them. Each connection of a client has a connection of
 * its own to the server, and ends with it.
 */
export class FaultProxy implements AsyncDisposable {
  readonly url: string;
  /** Between clients and the proxy. */
  readonly network: Network;
  readonly #cluster: ClusterHandle;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Told to go away: what comes later on them is not looked at. */
  readonly #left = new WeakSet<object>();
  readonly #sockets = new Set<Socket>();
  #fault: Fault = () => PASS;
  #eventFault = EVENTS_PASS;
  #requests = 0;
  #writes = 0;
  #writesUnderWay = 0;

  private constructor(cluster: ClusterHandle, server: Http2SecureServer, network: Network) {
    this.#cluster = cluster;
    this.#server = server;
    this.network = network;
    this.url = network.url;
    server.on('session', (session) => this.#join(session));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(cluster: ClusterHandle): Promise<FaultProxy> {
    const { certPem: cert, keyPem: key } = await cluster.servingPair();
    const settings = { maxConcurrentStreams: MAX_STREAMS };
    const server = createSecureServer({ cert, key, settings }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new FaultProxy(cluster, server, await Network.start(`https://127.0.0.1:${port}`));
  }

  /** Writes that came and whose stream is not closed yet. */
  get writesUnderWay(): number {
    return this.#writesUnderWay;
  }

  /** Counts from 1 again. */
  use(fault: Fault): void {
    this.#fault = fault;
    this.#requests = 0;
    this.#writes = 0;
  }

  /** For the events of watches that pass, also of those that are open. */
  useEvents(fault: EventFault): void {
    this.#eventFault = fault;
  }

  /**
   * Everything passes again, on new connections too. Requests and events that are held stay held until their own promise
   * resolves.
   */
  clear(): void {
    this.use(() => PASS);
    this.useEvents(EVENTS_PASS);
    this.network.heal();
  }

  /** Path of a new kubeconfig that leads through here with a token of this service account. */
  async kubeconfigFor(account: ServiceAccountName): Promise<string> {
    return this.#cluster.kubeconfigFor(account, this.url);
  }

  /**
   * Ends all connections. To be called when a client was killed: Node does not always notice while it has something to
   * write to it, and then does not close the socket with the session either.
   */
  disconnect(): void {
    this.network.hangUp();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await this.network.close();
    this.disconnect();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #join(session: ServerHttp2Session): void {
    const upstream = connect(this.#cluster.url, { ca: this.#cluster.caPem });
    this.#sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => {
      this.#sessions.delete(session);
      upstream.destroy();
    });
    session.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      if (this.#left.has(session)) reset(stream, constants.NGHTTP2_REFUSED_STREAM);
      else void this.#serve(stream, headers, upstream);
    });
    upstream.on('error', () => {});
    upstream.on('goaway', () => session.close());
    upstream.on('close', () => session.destroy());
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, upstream: ClientHttp2Session): Promise<void> {
    const request = this.#describe(headers);
    if (request.write !== undefined) {
      this.#writesUnderWay += 1;
      stream.on('close', () => {
        this.#writesUnderWay -= 1;
      });
    }
    const fate = await this.#fault(request);
    if (stream.closed || upstream.closed || upstream.destroyed) {
      stream.destroy();
      return;
    }
    switch (fate.kind) {
      case 'Pass':
        this.#pass(stream, forward(stream, headers, upstream), request);
        break;
      case 'RefuseBefore':
        reset(stream, fate.code ?? RESET);
        break;
      case 'GoAway':
        this.#goAway(stream);
        break;
      case 'Truncate':
        truncate(stream, forward(stream, headers, upstream), fate);
        break;
      case 'Mislabel':
        mislabel(stream, forward(stream, headers, upstream), fate.contentType);
        break;
      case 'Answer':
        answerItself(stream, fate);
        break;
      case 'Serve':
        fate.serve(stream);
        break;
      case 'LoseAnswer':
        await swallow(forward(stream, headers, upstream), fate.answered);
        reset(stream, RESET);
        break;
    }
  }

  #pass(stream: ServerHttp2Stream, answer: ClientHttp2Stream, request: ProxiedRequest): void {
    answer.on('response', (headers) => {
      if (stream.closed) return;
      stream.respond(headers);
      const { ':status': status, 'content-type': contentType = '' } = headers;
      const hasEvents = request.query.get('watch') === 'true' && status === 200;
      if (hasEvents) this.#passEvents(stream, answer, request, contentType);
      else answer.pipe(stream);
    });
    breakWith(stream, answer);
  }

  #passEvents(stream: ServerHttp2Stream, answer: ClientHttp2Stream, watch: ProxiedRequest, contentType: string): void {
    const splitter = new EventSplitter(contentType);
    answer.on('data', (chunk: Buffer) => {
      for (const event of splitter.push(chunk)) {
        this.#eventFault(
          event,
          ({ frame }) => {
            if (stream.writable) stream.write(frame);
          },
          watch,
        );
      }
    });
    answer.on('end', () => stream.end(splitter.rest));
  }

  /** All streams of the connection from this one on are void; what came before goes on. */
  #goAway(stream: ServerHttp2Stream): void {
    const { session, id = 0 } = stream;
    if (session === undefined) return;
    this.#left.add(session);
    // There is no saying that not even the first one was looked at.
    if (id > 1) session.goaway(constants.NGHTTP2_NO_ERROR, id - 2);
    else session.goaway();
    reset(stream, constants.NGHTTP2_REFUSED_STREAM);
  }

  #describe(headers: IncomingHttpHeaders): ProxiedRequest {
    const { ':method': method = '', ':path': target = '' } = headers;
    const [path = '', query = ''] = target.split('?');
    this.#requests += 1;
    const isRead = READS.has(method);
    if (!isRead) this.#writes += 1;
    const write = isRead ? undefined : this.#writes;
    const { accept = '' } = headers;
    return { method, path, query: new URLSearchParams(query), accept, index: this.#requests, write };
  }
}

/** Sends the request on. What a client cancels is cancelled at the server too. */
function forward(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  upstream: ClientHttp2Session,
): ClientHttp2Stream {
  const request = upstream.request(headers, { endStream: stream.endAfterHeaders });
  request.on('error', () => {});
  if (!stream.endAfterHeaders) stream.pipe(request);
  stream.on('close', () => request.close(constants.NGHTTP2_CANCEL));
  return request;
}

function answerItself(
  stream: ServerHttp2Stream,
  { status, retryAfter, body = '', contentType = 'text/plain' }: Extract<Fate, { readonly kind: 'Answer' }>,
): void {
  const wait = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  stream.resume();
  stream.respond({ ':status': status, 'content-type': contentType, ...wait });
  stream.end(body);
}

function truncate(
  stream: ServerHttp2Stream,
  answer: ClientHttp2Stream,
  { bytes, end }: Extract<Fate, { readonly kind: 'Truncate' }>,
): void {
  let left = bytes;
  answer.on('response', ({ 'content-length': _length, ...headers }) => {
    if (!stream.closed) stream.respond(headers);
  });
  answer.on('data', (chunk: Buffer) => {
    if (left > 0) stream.write(chunk.subarray(0, left));
    left -= chunk.length;
    if (left > 0) return;
    if (end === 'Reset') reset(stream, RESET);
    else stream.end();
    answer.close();
  });
  answer.on('close', () => stream.end());
}

function mislabel(stream: ServerHttp2Stream, answer: ClientHttp2Stream, contentType: string): void {
  answer.on('response', (headers) => {
    if (stream.closed) return;
    stream.respond({ ...headers, 'content-type': contentType });
    answer.pipe(stream);
  });
  breakWith(stream, answer);
}

/** An answer that is cut must not look like a whole one. */
function breakWith(stream: ServerHttp2Stream, answer: ClientHttp2Stream): void {
  answer.on('close', () => {
    if (answer.rstCode !== constants.NGHTTP2_NO_ERROR) reset(stream, answer.rstCode);
  });
}

/** A stream is closed only once all that came in on it was read. */
function reset(stream: ServerHttp2Stream, code: number): void {
  stream.close(code);
  stream.resume();
}

/** Resolves when the answer is complete, or has broken off. */
async function swallow(
  answer: ClientHttp2Stream,
  answered: ((status: number) => void | Promise<void>) | undefined,
): Promise<void> {
  let status = 0;
  answer.on('response', (headers) => {
    status = headers[':status'] ?? 0;
  });
  answer.resume();
  await new Promise<void>((resolve) => answer.once('close', resolve));
  await answered?.(status);
}
