import {
  createSecureServer,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Credentials, TlsMaterial } from '../../src/kube/credentials.ts';
import { createAuthority } from '../cluster/certificates.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly session: Http2Session;
  /** Which connection it came on, counted from 0. */
  readonly connection: number;
  /** Common name of the client's certificate, where clients show one. */
  readonly clientName: string | undefined;
}

/** Answers one request, now or later. `index` counts all requests of the server from 0. */
export type Answering = (stream: ServerHttp2Stream, request: ReceivedRequest, index: number) => void;

export interface Http2ServerOptions {
  readonly settings?: Settings;
  /** Asks for client certificates of its own authority. */
  readonly clientCertificates?: boolean;
}

export const authority = createAuthority('loopback');
export const serverPair = authority.issue({ commonName: 'server', hosts: ['127.0.0.1', 'localhost'], usage: 'server' });

/** An HTTP/2 server on loopback that answers as a test says. */
export class Http2Server {
  readonly url: URL;
  readonly caPem = authority.certPem;
  /** Open connections. */
  readonly sessions: Set<ServerHttp2Session>;
  /** All requests in the order in which they came. */
  readonly requests: ReceivedRequest[];
  readonly #close: () => Promise<void>;

  private constructor(
    url: URL,
    sessions: Set<ServerHttp2Session>,
    requests: ReceivedRequest[],
    close: () => Promise<void>,
  ) {
    this.url = url;
    this.sessions = sessions;
    this.requests = requests;
    this.#close = close;
  }

  static async start(answer: Answering, options: Http2ServerOptions = {}): Promise<Http2Server> {
    const sessions = new Set<ServerHttp2Session>();
    const numbers = new Map<Http2Session, number>();
    const requests: ReceivedRequest[] = [];
    const server = createSecureServer({
      cert: serverPair.certPem,
      key: serverPair.keyPem,
      ca: authority.certPem,
      requestCert: options.clientCertificates === true,
      ...(options.settings === undefined ? {} : { settings: options.settings }),
    });
    server.on('session', (session) => {
      sessions.add(session);
      numbers.set(session, numbers.size);
      session.on('close', () => sessions.delete(session));
      session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => {
      let body = '';
      stream.on('error', () => {});
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        body += text;
      });
      stream.on('end', () => {
        const { session } = stream;
        if (session === undefined || stream.destroyed) return;
        const request = {
          method: headers[':method'] ?? '',
          path: headers[':path'] ?? '',
          headers,
          body,
          session,
          connection: numbers.get(session) ?? -1,
          clientName: options.clientCertificates === true ? clientName(session) : undefined,
        };
        answer(stream, request, requests.push(request) - 1);
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    return new Http2Server(
      new URL(`https://127.0.0.1:${port}`),
      sessions,
      requests,
      () =>
        new Promise((resolve) => {
          for (const session of sessions) session.destroy();
          server.close(() => resolve());
        }),
    );
  }

  /** Credentials for this server that never change, unless `overrides` says otherwise. */
  credentials(overrides: Partial<Credentials> = {}): Credentials {
    const tls: TlsMaterial = { ca: this.caPem, rejectUnauthorized: true };
    const unchanging: Credentials = {
      server: this.url,
      namespace: 'operator',
      tlsGeneration: 0,
      tls: () => Promise.resolve(tls),
      headers: () => Promise.resolve({ authorization: 'Bearer token' }),
      refresh: () => Promise.resolve(),
    };
    // A spread would read the getters among them.
    return Object.defineProperties(unchanging, Object.getOwnPropertyDescriptors(overrides));
  }

  /** Resolves when no connection is left. */
  async deserted(): Promise<void> {
    const ends = [...this.sessions].map(
      (session) =>
        new Promise<void>((resolve) => {
          session.on('close', resolve);
        }),
    );
    await Promise.all(ends);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

function clientName(session: Http2Session): string | undefined {
  // All connections of this server are TLS, which the type of a session cannot say.
  const name = (session.socket as TLSSocket).getPeerCertificate().subject.CN;
  return Array.isArray(name) ? name[0] : name;
}

/** Answers with a JSON body. */
export function answerJson(
  stream: ServerHttp2Stream,
  status: number,
  document: unknown,
  headers: Record<string, string> = {},
): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
  stream.end(JSON.stringify(document));
}
