import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createAuthority } from '../cluster/certificates.ts';

/** `Answer503`: it is there and says that it cannot. `Disconnect`: every connection is closed at once. */
export type Breakage = 'Answer503' | 'Disconnect';

/**
 * An HTTPS server on loopback that kube-apiserver calls, by HTTP/2 or HTTP/1.1, and that can break and heal. It keeps its port
 * while it is broken, so that nobody else gets it.
 */
export class BreakableServer implements AsyncDisposable {
  readonly port: number;
  readonly caPem: string;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  #breakage: Breakage | undefined;
  #requests = 0;

  private constructor(server: Http2SecureServer, caPem: string, handle: Handle) {
    this.#server = server;
    this.caPem = caPem;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket: Socket) => {
      if (this.#breakage === 'Disconnect') {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('error', () => {});
      session.on('close', () => this.#sessions.delete(session));
    });
    // A client that goes away in the middle of the handshake.
    server.on('tlsClientError', () => {});
    server.on('request', (request, response) => {
      this.#requests += 1;
      response.on('error', () => {});
      if (this.#breakage === 'Answer503') {
        answer(response, 503, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 503, message: BROKEN });
        return;
      }
      void bodyOf(request).then((body) => handle(request, response, body));
    });
  }

  /** `hosts`: the names by which it is called. `handle` may answer later. */
  static async start(hosts: readonly string[], handle: Handle): Promise<BreakableServer> {
    const authority = createAuthority('breakable');
    const { certPem: cert, keyPem: key } = authority.issue({ commonName: 'breakable', hosts, usage: 'server' });
    const server = createSecureServer({ cert, key, allowHTTP1: true });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return new BreakableServer(server, authority.certPem, handle);
  }

  /** Requests that came, also those that were answered by 503. */
  get requests(): number {
    return this.#requests;
  }

  /** As in `spec.caBundle`. */
  get caBundle(): string {
    return Buffer.from(this.caPem).toString('base64');
  }

  /** What is under way ends too. */
  break(how: Breakage): void {
    this.#breakage = how;
    this.#disconnect();
  }

  heal(): void {
    this.#breakage = undefined;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#disconnect();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #disconnect(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}

export type Handle = (request: Http2ServerRequest, response: Http2ServerResponse, body: string) => void;

/** What a broken server says. */
export const BROKEN = 'this server is broken on purpose';

export function answer(
  response: Http2ServerResponse,
  status: number,
  document: unknown,
  contentType = 'application/json',
): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(JSON.stringify(document));
}

async function bodyOf(request: Http2ServerRequest): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    body += text;
  });
  await new Promise<void>((resolve) => {
    request.once('end', resolve);
    request.once('error', () => resolve());
  });
  return body;
}
