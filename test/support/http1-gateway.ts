import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { authority, serverPair } from './http2-server.ts';

/** Of a connection; HTTP/2 has no such headers. */
const OF_CONNECTION = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding']);

/** Speaks HTTP/1.1 alone, and HTTP/2 with the server behind it, as some load balancers do. */
export class Http1Gateway implements AsyncDisposable {
  readonly url: URL;
  /** Of each request for a watch, in the order in which they came, the number of the connection on which it came. */
  readonly watches: number[] = [];
  readonly #server: Server;
  readonly #behind: ClientHttp2Session;

  static async start(target: URL): Promise<Http1Gateway> {
    const server = createServer({ cert: serverPair.certPem, key: serverPair.keyPem });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Http1Gateway(server, connect(target, { ca: authority.certPem }));
  }

  private constructor(server: Server, behind: ClientHttp2Session) {
    this.url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    this.#server = server;
    this.#behind = behind;
    const connections = new Map<unknown, number>();
    server.on('secureConnection', (socket) => connections.set(socket, connections.size));
    server.on('request', (request, response) => {
      const { method = '', url = '', headers } = request;
      if (url.includes('watch=')) this.watches.push(connections.get(request.socket) ?? -1);
      const passed = Object.entries(headers).filter(([name]) => !OF_CONNECTION.has(name));
      const stream = behind.request({ ...Object.fromEntries(passed), ':method': method, ':path': url });
      request.pipe(stream);
      stream.on('response', ({ ':status': status = 502, ...answered }) => {
        const rest = Object.entries(answered).filter(([name]) => !name.startsWith(':'));
        response.writeHead(status, Object.fromEntries(rest)).flushHeaders();
        stream.pipe(response);
      });
      stream.on('error', () => response.destroy());
      response.on('close', () => stream.close(constants.NGHTTP2_CANCEL));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#behind.destroy();
    await closed;
  }
}
