import type { KubeClient, KubeRequest, KubeResponse, KubeStream } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';

/** As a frame of HTTP/2, in bytes. */
const PIECE = 16_384;

export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** A stream that the test speaks into. */
export interface ScriptedStream {
  readonly request: KubeRequest;
  answer(contentType: string): void;
  refuse(error: ApiError): void;
  send(...chunks: readonly Buffer[]): void;
  end(): void;
  break(error: ApiError): void;
}

/** A client whose requests are answered by a function of the test, and whose streams by the test itself. */
export class ScriptedKubeClient implements KubeClient {
  readonly requests: KubeRequest[] = [];
  readonly streams: ScriptedStream[] = [];
  readonly #answer: (request: KubeRequest) => ScriptedAnswer | ApiError | Promise<ScriptedAnswer>;

  constructor(answer: (request: KubeRequest) => ScriptedAnswer | ApiError | Promise<ScriptedAnswer> = () => ({})) {
    this.#answer = answer;
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    this.requests.push(request);
    const answer = await this.#answer(request);
    if (answer instanceof ApiError) throw answer;
    const { status = 200, headers = { 'content-type': 'application/json' }, body = '' } = answer;
    return answerTo(request, { status, headers, body: Buffer.from(body) });
  }

  stream(request: KubeRequest, onData: (chunk: Buffer) => void): Promise<KubeStream> {
    const opened = Promise.withResolvers<KubeStream>();
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => {});
    request.signal.addEventListener('abort', () => {
      const error = new ApiError({ code: 'Aborted', status: 0, reason: '', message: 'aborted' });
      opened.reject(error);
      ended.reject(error);
    });
    this.streams.push({
      request,
      answer: (contentType) =>
        opened.resolve({ status: 200, headers: { 'content-type': contentType }, ended: ended.promise }),
      refuse: (error) => opened.reject(error),
      send: (...chunks) => {
        for (const chunk of chunks) onData(chunk);
      },
      end: () => ended.resolve(),
      break: (error) => ended.reject(error),
    });
    return opened.promise;
  }

  async close(): Promise<void> {}
}

/** What a client makes of an answer: its body goes to the sink of the request, in pieces, where there is one. */
export function answerTo({ sink }: KubeRequest, answer: KubeResponse): KubeResponse {
  const { status, headers, body } = answer;
  if (sink === undefined || status !== 200) return answer;
  sink.begin(headers);
  for (let start = 0; start < body.length; start += PIECE) sink.push(body.subarray(start, start + PIECE));
  return { status, headers, body: Buffer.alloc(0) };
}

export function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  if (last === undefined) throw new Error('expected one, but there is none');
  return last;
}
