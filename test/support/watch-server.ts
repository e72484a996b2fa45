import type { ServerHttp2Stream } from 'node:http2';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { createKubeClient, type HttpKubeClient } from '../../src/kube/http-client.ts';
import { answerJson, Http2Server } from './http2-server.ts';
import {
  jsonMetadata,
  protobufAnswer,
  protobufFrame,
  protobufList,
  protobufStatus,
  type SampleMetadata,
  type SampleStatus,
} from './kube-encodings.ts';

/** How a server writes what it is asked for. */
export interface Encoding {
  readonly type: string;
  event(type: string, sample: SampleMetadata): Buffer;
  error(status: SampleStatus): Buffer;
  list(samples: readonly SampleMetadata[], resourceVersion: string): Buffer;
}

const object = (sample: SampleMetadata) => ({
  kind: 'Widget',
  metadata: jsonMetadata(sample),
  spec: { of: sample.name },
  status: { ready: true },
});
const line = (document: object) => Buffer.from(`${JSON.stringify(document)}\n`);

export const PROTOBUF_ENCODING: Encoding = {
  type: 'application/vnd.kubernetes.protobuf',
  event: (type, sample) => protobufFrame(type, protobufAnswer(sample)),
  error: (status) => protobufFrame('ERROR', protobufStatus(status)),
  list: (samples, resourceVersion) => protobufList(samples, resourceVersion),
};

export const JSON_ENCODING: Encoding = {
  type: 'application/json',
  event: (type, sample) => line({ type, object: object(sample) }),
  error: (status) => line({ type: 'ERROR', object: { kind: 'Status', ...status } }),
  list: (samples, resourceVersion) =>
    line({ kind: 'WidgetList', metadata: { resourceVersion }, items: samples.map(object) }),
};

/** A request that waits for the test to say what comes back. */
export class WatchServerCall {
  readonly query: URLSearchParams;
  /** The last part of the path. */
  readonly resource: string;
  readonly #stream: ServerHttp2Stream;
  readonly #encoding: Encoding;

  constructor(stream: ServerHttp2Stream, path: string, encoding: Encoding) {
    const url = new URL(path, 'https://server');
    this.query = url.searchParams;
    this.resource = url.pathname.split('/').at(-1) ?? '';
    this.#stream = stream;
    this.#encoding = encoding;
  }

  /** Such as `WatchList`, `Watch 150` or `List`. */
  get asked(): string {
    if (this.query.get('sendInitialEvents') === 'true') return 'WatchList';
    if (this.query.get('watch') === 'true') return `Watch ${this.query.get('resourceVersion')}`;
    return 'List';
  }

  get isOpen(): boolean {
    return !this.#stream.destroyed;
  }

  refuse(status: number, message = 'the script refuses', headers: Record<string, string> = {}): void {
    answerJson(this.#stream, status, { kind: 'Status', status: 'Failure', code: status, message }, headers);
  }

  list(samples: readonly SampleMetadata[], resourceVersion: string): void {
    this.#stream.respond({ ':status': 200, 'content-type': this.#encoding.type });
    this.#stream.end(this.#encoding.list(samples, resourceVersion));
  }

  open(): void {
    const parameter = this.#encoding === PROTOBUF_ENCODING ? ';stream=watch' : '';
    this.#stream.respond({ ':status': 200, 'content-type': `${this.#encoding.type}${parameter}` });
  }

  send(...events: ReadonlyArray<readonly [type: string, sample: SampleMetadata]>): void {
    this.#open();
    this.#stream.write(Buffer.concat(events.map(([type, sample]) => this.#encoding.event(type, sample))));
  }

  /** The bookmark with this value of the annotation that ends initial events; without it a plain one. */
  bookmark(resourceVersion: string, initialEventsEnd?: string): void {
    const annotations = initialEventsEnd === undefined ? {} : { 'k8s.io/initial-events-end': initialEventsEnd };
    this.send(['BOOKMARK', { name: '', resourceVersion, annotations }]);
  }

  error(status: SampleStatus): void {
    this.#open();
    this.#stream.write(this.#encoding.error(status));
  }

  end(): void {
    this.#open();
    this.#stream.end();
  }

  /** The connection breaks, as when a server dies. */
  break(): void {
    this.#stream.session?.destroy();
  }

  #open(): void {
    if (!this.#stream.headersSent) this.open();
  }
}

/** A server of lists and watches over HTTP/2, which does exactly what a test says, and a client to it. */
export class WatchServer implements AsyncDisposable {
  readonly client: HttpKubeClient;
  /** All requests so far, in order, such as `widgets: Watch 150`. */
  readonly asked: string[];
  readonly #server: Http2Server;
  readonly #calls: WatchServerCall[];
  readonly #waiting: Array<(call: WatchServerCall) => void>;

  private constructor(
    server: Http2Server,
    asked: string[],
    calls: WatchServerCall[],
    waiting: Array<(call: WatchServerCall) => void>,
  ) {
    this.#server = server;
    this.asked = asked;
    this.#calls = calls;
    this.#waiting = waiting;
    this.client = createKubeClient({
      credentials: server.credentials(),
      userAgent: 'watchkeeper/test',
      clock: systemClock,
      log: silentLog,
    });
  }

  static async start(encoding: Encoding): Promise<WatchServer> {
    const asked: string[] = [];
    const calls: WatchServerCall[] = [];
    const waiting: Array<(call: WatchServerCall) => void> = [];
    const server = await Http2Server.start((stream, { path }) => {
      const call = new WatchServerCall(stream, path, encoding);
      // Where the server is: it is asked before a broken watch goes on, and always has come further.
      if (call.query.get('limit') === '1') {
        call.list([], '1000000');
        return;
      }
      asked.push(`${call.resource}: ${call.asked}`);
      const waiter = waiting.shift();
      if (waiter === undefined) calls.push(call);
      else waiter(call);
    });
    return new WatchServer(server, asked, calls, waiting);
  }

  /** The next request that nobody has looked at yet, once it comes. */
  next(): Promise<WatchServerCall> {
    const call = this.#calls.shift();
    if (call !== undefined) return Promise.resolve(call);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.#server[Symbol.asyncDispose]();
  }
}
