import { EventEmitter } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Carrier, CarrierStream } from './carrier.ts';
import { endPointOf } from './end-point.ts';

/** Says that the connection takes no more requests, as HTTP/2 does by GOAWAY: every request that was sent was looked at. */
const NO_MORE = ['goaway', constants.NGHTTP2_NO_ERROR, Number.POSITIVE_INFINITY] as const;

/**
 * One connection to a server, or to somebody on the way, that does not speak HTTP/2: one request at a time, and no
 * PING: whether it still leads anywhere is asked by the kernel alone. Emits what an HTTP/2 session does: `goaway`, `error`, `close`.
 */
export class Http1Carrier extends EventEmitter implements Carrier {
  readonly #server: URL;
  readonly #socket: Duplex;
  readonly #agent: Agent;
  #stream: Http1Stream | undefined;
  #closed = false;

  constructor(server: URL, socket: Duplex) {
    super();
    this.#server = server;
    this.#socket = socket;
    this.#agent = new OneConnection(socket);
    socket.on('error', (error: Error) => this.emit('error', error));
    socket.once('close', () => {
      this.#closed = true;
      this.#agent.destroy();
      this.emit('close');
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  request(headers: OutgoingHttpHeaders, { endStream }: { readonly endStream: boolean }): CarrierStream {
    const { ':method': method, ':path': path, ...fields } = headers;
    const request = requestHttp({
      agent: this.#agent,
      ...endPointOf(this.#server),
      method: String(method),
      path: String(path),
      headers: { host: this.#server.host, ...fields },
    });
    const stream = new Http1Stream(request, () => this.#takeNoMore());
    this.#stream = stream;
    stream.once('close', () => {
      this.#stream = undefined;
      if (this.#closed) this.#socket.destroy();
    });
    if (endStream) request.end();
    return stream;
  }

  close(): void {
    this.#closed = true;
    if (this.#stream === undefined) this.#socket.destroy();
  }

  destroy(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  ping(): boolean {
    return false;
  }

  #takeNoMore(): void {
    this.#closed = true;
    this.emit(...NO_MORE);
  }
}

/** Keeps the connection for the next request, which fails where it comes when the server has just closed. */
class OneConnection extends Agent {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
  }

  override createConnection(_options: unknown, made: (error: Error | null, socket: Duplex) => void): undefined {
    // Node says nothing more of a socket that is gone already.
    made(this.#socket.destroyed ? new Error('the server has closed the connection') : null, this.#socket);
  }
}

class Http1Stream extends EventEmitter implements CarrierStream {
  /** The server may have looked at it: HTTP/1.1 has no way to say that it did not. */
  readonly id = 0;
  readonly #request: ClientRequest;
  readonly #onLast: () => void;
  #rstCode: number = constants.NGHTTP2_NO_ERROR;
  #isClosed = false;

  /** `onLast`: the connection ends with this request. */
  constructor(request: ClientRequest, onLast: () => void) {
    super();
    this.#request = request;
    this.#onLast = onLast;
    request.on('response', (response) => this.#answered(response));
    request.on('error', (error) => this.emit('error', error));
    request.once('close', () => {
      this.#isClosed = true;
      this.emit('close');
    });
  }

  get rstCode(): number {
    return this.#rstCode;
  }

  get destroyed(): boolean {
    return this.#isClosed;
  }

  close(code: number = constants.NGHTTP2_NO_ERROR): void {
    if (this.#isClosed) return;
    this.#rstCode = code;
    // The rest of an answer can only be given up with the connection.
    this.#onLast();
    this.#request.destroy();
  }

  end(body: Buffer | string): void {
    this.#request.end(body);
  }

  #answered(response: IncomingMessage): void {
    if (!this.#request.shouldKeepAlive) this.#onLast();
    this.emit('response', { ...response.headers, ':status': response.statusCode });
    response.on('data', (chunk: Buffer) => this.emit('data', chunk));
    response.on('end', () => this.emit('end'));
    response.on('error', (error) => this.emit('error', error));
  }
}
