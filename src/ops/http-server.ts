import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { OpsError } from './errors.ts';
import { type Listen, listenText } from './listen.ts';
import { SharedText } from './shared-text.ts';

export interface HttpServerOptions {
  readonly listen: Listen;
  readonly registry: { readonly contentType: string; metrics(): Promise<string> };
  readonly clock: Clock;
  /** What keeps the operator from being ready, in words; empty when it is. */
  readonly waitingFor: () => readonly string[];
  /** What is wrong although it is ready, in words; shown on the same page. */
  readonly notes?: () => readonly string[];
  /** How long a client may take to send a request, or leave an answer unread, in milliseconds; default 5,000. */
  readonly patienceMs?: number;
}

/** More than probes and scrapers ever hold at once. */
const MOST_CONNECTIONS = 64;
const MOST_HEADER_BYTES = 8_192;

interface Page {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/** Health, readiness and metrics: three pages that are read and never written. */
export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  /** The oldest first. */
  readonly #connections = new Set<Socket>();
  /** Those with a request that is not answered yet. */
  readonly #busy = new WeakSet<Socket>();
  readonly #numbers: SharedText;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { registry, clock, patienceMs = 5_000 } = options;
    this.#numbers = new SharedText(() => registry.metrics(), clock);
    this.#server = createServer(
      {
        headersTimeout: patienceMs,
        requestTimeout: patienceMs,
        keepAliveTimeout: patienceMs,
        connectionsCheckingInterval: Math.min(1_000, patienceMs),
        maxHeaderSize: MOST_HEADER_BYTES,
      },
      (request, response) => {
        if (this.#isNext(request, response)) void this.#answer(request, response);
      },
    );
    // Silence on a connection: also of clients that do not read what they asked for.
    this.#server.timeout = 2 * patienceMs;
    this.#server.on('connection', (socket) => this.#admit(socket));
  }

  /** Resolves to the port. Rejects with OpsError when the address cannot be listened on. */
  start(): Promise<number> {
    const { host, port } = this.#options.listen;
    return new Promise((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException) => reject(cannotListen(this.#options.listen, error));
      this.#server.once('error', refuse);
      this.#server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
        this.#server.off('error', refuse);
        // A connection that cannot be taken, for want of memory or file descriptors, is lost alone.
        this.#server.on('error', () => {});
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Ends all connections. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      this.#numbers.stop();
    });
  }

  /**
   * Where there are too many, the oldest makes room: whoever holds connections open must not keep the kubelet from its
   * probes.
   */
  #admit(socket: Socket): void {
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    const [oldest] = this.#connections;
    if (this.#connections.size > MOST_CONNECTIONS) oldest?.destroy();
  }

  /** Nobody sends requests ahead of answers but to have much made with little: the connection ends then. */
  #isNext({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (this.#busy.has(socket)) {
      socket.destroy();
      return false;
    }
    this.#busy.add(socket);
    response.once('finish', () => this.#busy.delete(socket));
    return true;
  }

  async #answer({ method, url = '', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const isRead = method === 'GET' || method === 'HEAD';
    const page = isRead
      ? await this.#page(url.split('?', 1)[0] ?? '')
      : { status: 405, body: 'only GET is answered\n' };
    const { status, body, type = 'text/plain; charset=utf-8' } = page;
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
      // A body is nothing that we read: what is still to come of it ends with the connection.
      ...(hasBody(headers) ? { connection: 'close' } : {}),
    });
    response.end(method === 'HEAD' ? undefined : body);
  }

  async #page(path: string): Promise<Page> {
    switch (path) {
      case '/healthz':
        return { status: 200, body: 'ok\n' };
      case '/readyz': {
        const { waitingFor, notes = () => [] } = this.#options;
        const reasons = waitingFor();
        const lines = [...(reasons.length === 0 ? ['ok'] : reasons), ...notes()];
        return { status: reasons.length === 0 ? 200 : 503, body: `${lines.join('\n')}\n` };
      }
      case '/metrics':
        try {
          return {
            status: 200,
            body: await this.#numbers.get(),
            type: this.#options.registry.contentType,
          };
        } catch (error) {
          return { status: 500, body: `${messageOf(error)}\n` };
        }
      default:
        return { status: 404, body: 'there are /healthz, /readyz and /metrics\n' };
    }
  }
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function cannotListen(listen: Listen, error: NodeJS.ErrnoException): OpsError {
  const where = `cannot listen on ${listenText(listen)}`;
  const options = { cause: error };
  return error.code === 'EADDRINUSE'
    ? new OpsError('AddressInUse', `${where}: another process does already`, options)
    : new OpsError('CannotListen', `${where}: ${error.message}`, options);
}
