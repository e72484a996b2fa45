import { constants, type ServerHttp2Stream } from 'node:http2';
import { answerJson, Http2Server, type Http2ServerOptions, type ReceivedRequest } from './http2-server.ts';

/** What an API server would say with `410 Gone`, `429` and others. */
export function statusDocument(code: number, reason: string, retryAfterSeconds?: number): object {
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: `the script says ${code}`,
    reason,
    code,
    ...details,
  };
}

/** A request for a list or a watch that waits for the test to say what comes back. */
export class ApiCall {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly request: ReceivedRequest;
  /** Resolves to the code with which it ended. */
  readonly ended: Promise<number>;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, request: ReceivedRequest) {
    const { pathname, searchParams } = new URL(request.path, 'https://server');
    this.path = pathname;
    this.query = searchParams;
    this.request = request;
    this.#stream = stream;
    this.ended = new Promise((resolve) => {
      stream.on('close', () => resolve(stream.rstCode ?? constants.NGHTTP2_NO_ERROR));
    });
  }

  /** `list`, `list CONTINUE`, or `watch VERSION`; `position`: a list of one object, for its version. */
  get what(): string {
    if (this.query.has('watch')) return `watch ${this.query.get('resourceVersion') ?? ''}`.trim();
    if (this.query.get('limit') === '1') return 'position';
    return `list ${this.query.get('continue') ?? ''}`.trim();
  }

  /** Answers a list, or a position. */
  list(resourceVersion: string, items: readonly object[] = [], next = ''): void {
    answerJson(this.#stream, 200, { kind: 'List', metadata: { resourceVersion, continue: next }, items });
  }

  /** Answers with a Status, and with `more` in it. */
  refuse(code: number, reason: string, headers: Record<string, string> = {}, more: object = {}): void {
    answerJson(this.#stream, code, { ...statusDocument(code, reason), ...more }, headers);
  }

  /** Answers with a body as it is. */
  say(body: string): void {
    this.#stream.respond({ ':status': 200, 'content-type': 'application/json' });
    this.#stream.end(body);
  }

  /** Begins a watch. */
  open(): this {
    this.#stream.respond({ ':status': 200, 'content-type': 'application/json' });
    return this;
  }

  send(type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR', object: object): this {
    this.#stream.write(`${JSON.stringify({ type, object })}\n`);
    return this;
  }

  /** Ends the watch as at its `timeoutSeconds`. */
  end(): void {
    this.#stream.end();
  }
}

/** An API server on HTTP/2 that hands its requests to the test one by one. */
export class ScriptedApi implements AsyncDisposable {
  readonly server: Http2Server;
  readonly #calls: ApiCall[];
  readonly #waiting: (() => void)[];

  private constructor(server: Http2Server, calls: ApiCall[], waiting: (() => void)[]) {
    this.server = server;
    this.#calls = calls;
    this.#waiting = waiting;
  }

  static async start(options: Http2ServerOptions = {}): Promise<ScriptedApi> {
    const calls: ApiCall[] = [];
    const waiting: (() => void)[] = [];
    const server = await Http2Server.start((stream, request) => {
      calls.push(new ApiCall(stream, request));
      waiting.shift()?.();
    }, options);
    return new ScriptedApi(server, calls, waiting);
  }

  /** As `any`; it must ask for this. */
  async next(what: string): Promise<ApiCall> {
    const call = await this.any();
    if (call.what !== what) throw new Error(`expected ${what}, but was asked for ${call.what}`);
    return call;
  }

  /** The next request that was not looked at yet, now or when it comes. */
  async any(): Promise<ApiCall> {
    for (;;) {
      const call = this.#calls.shift();
      if (call !== undefined) return call;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Requests that came and were not looked at. */
  get unseen(): readonly string[] {
    return this.#calls.map(({ what }) => what);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}
