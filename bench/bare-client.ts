import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Access } from '../test/cluster/connection.ts';
import { readKubeconfig } from '../test/cluster/kubeconfig.ts';

const METADATA = 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export interface BareRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  /** Default: the metadata of an object, as protobuf. */
  readonly accept?: string;
}

/** Requests over one HTTP/2 connection, and nothing else: what a server can do at most, and how objects get there soon. */
export class BareClient implements Disposable {
  readonly #session: ClientHttp2Session;
  readonly #identity: OutgoingHttpHeaders;

  private constructor({ url, caPem, certPem, keyPem, token }: Access) {
    const settings = { initialWindowSize: 4 * 1024 * 1024 };
    this.#session = connect(url, { ca: caPem, cert: certPem, key: keyPem, settings });
    this.#identity = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  static async open(kubeconfig: string): Promise<BareClient> {
    return new BareClient(await readKubeconfig(kubeconfig));
  }

  /** Resolves to the status once the answer, which nobody looks at, has come. */
  send({ method, path, contentType, body, accept = METADATA }: BareRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      const type = contentType === undefined ? {} : { 'content-type': contentType };
      const stream = this.#session.request({ ':method': method, ':path': path, ...this.#identity, accept, ...type });
      let status = 0;
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('error', reject);
      stream.on('end', () => resolve(status));
      stream.resume();
      stream.end(body);
    });
  }

  /** All of them, so many in flight. Rejects at the first that is not answered by a success. */
  async sendAll(requests: Iterable<BareRequest>, width: number): Promise<void> {
    // All workers draw from the same iterator.
    const queue = requests[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        const status = await this.send(next.value);
        if (status < 200 || status > 299) throw new Error(`${next.value.method} ${next.value.path} answered ${status}`);
      }
    };
    await Promise.all(Array.from({ length: width }, worker));
  }

  [Symbol.dispose](): void {
    this.#session.close();
  }
}
