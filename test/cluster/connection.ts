import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';

/** How to reach an API server, and as whom: by client certificate or by token. */
export interface Access {
  readonly url: string;
  readonly caPem: string;
  readonly certPem?: string | undefined;
  readonly keyPem?: string | undefined;
  readonly token?: string | undefined;
}

export interface Call {
  /** Default GET. */
  readonly method?: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds without any byte from the server. Default 60,000. */
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const MAX_SOCKETS = 64;

/** Plain HTTPS with kept connections. It answers with whatever status came and throws only when none did. */
export class Connection {
  readonly #access: Access;
  readonly #agent: Agent;

  constructor(access: Access) {
    this.#access = access;
    const { caPem: ca, certPem: cert, keyPem: key } = access;
    this.#agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, ca, cert, key });
  }

  async call(call: Call): Promise<Answer> {
    try {
      return await this.#send(call);
    } catch (error) {
      if (error instanceof StaleConnection) return this.#send(call);
      throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(call: Call): Promise<Answer> {
    const { token, url } = this.#access;
    const { method = 'GET', body, timeoutMs = 60_000 } = call;
    const headers: Record<string, string> = { 'user-agent': 'test-admin', ...call.headers };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const sent = request(new URL(call.path, url), { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const { statusCode: status = 0, headers: received } = response;
          resolve({ status, headers: received, body: Buffer.concat(chunks).toString('utf8') });
        });
      });
      sent.setTimeout(timeoutMs, () =>
        sent.destroy(new Error(`no answer to ${method} ${call.path} in ${timeoutMs} ms`)),
      );
      sent.once('error', (error) => {
        const stale = sent.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      sent.end(body);
    });
  }
}

/** The server had closed an idle connection in the moment it was used again. */
class StaleConnection extends Error {
  override readonly name = 'StaleConnection';
}
