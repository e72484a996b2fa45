import type { IncomingHttpHeaders } from 'node:http2';
import { messageOf } from '../base/errors.ts';
import { BodyPassage } from './body-passage.ts';
import type { BodySink } from './body-sink.ts';
import { ApiError } from './errors.ts';
import type { AnswerSink } from './exchange.ts';
import { tooLarge } from './malformed.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty for a stream, and where it went to a sink. */
  readonly body: Buffer;
  /** How much went to a sink; undefined where there is none. */
  readonly passedBytes: number | undefined;
  /** Only for a stream. */
  readonly ended: Promise<void> | undefined;
}

export interface ReceiverOptions {
  /** More than this is no answer that we asked for. Default 512 MiB. */
  readonly maxBodyBytes: number;
  /** With it, the body of a 200 is passed on and not kept. Never called after the end. */
  readonly onData: ((chunk: Buffer) => void) | undefined;
  /** The same, unpacked, for an answer that is one whole. */
  readonly sink: BodySink | undefined;
  /** Called when the rest of the answer is not wanted. */
  readonly cancel: () => void;
}

export const MAX_BODY_BYTES = 512 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);
/** A Status is small; what a gateway says at greater length is of no use. */
const MAX_ERROR_BODY_BYTES = 64 * 1024;

/** Gathers an answer, or passes it on as it comes. */
export class AnswerReceiver implements AnswerSink {
  /** Resolves with the whole answer, or with the head of a stream. */
  readonly answer: Promise<Answer>;
  readonly #options: ReceiverOptions;
  readonly #settle = Promise.withResolvers<Answer>();
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #headers: Readonly<Record<string, string | undefined>> = {};
  #stream: PromiseWithResolvers<void> | undefined;
  #passage: BodyPassage | undefined;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.answer = this.#settle.promise;
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = plainHeaders(headers);
    if (status !== 200) return;
    if (this.#options.sink !== undefined) this.#passage = this.#passTo(this.#options.sink);
    if (this.#options.onData === undefined) return;
    this.#stream = Promise.withResolvers();
    // Whoever gave up before it was answered does not wait for the end either.
    this.#stream.promise.catch(() => {});
    this.#settle.resolve({ ...this.#parts(), body: NOTHING, ended: this.#stream.promise });
  }

  data(chunk: Buffer): void {
    if (this.#stream !== undefined) {
      this.#pass(chunk);
      return;
    }
    if (this.#passage !== undefined) {
      this.#passage.data(chunk);
      return;
    }
    this.#size += chunk.length;
    const isError = this.#status >= 300;
    if (this.#size <= (isError ? MAX_ERROR_BODY_BYTES : this.#options.maxBodyBytes)) {
      this.#chunks.push(chunk);
      return;
    }
    this.#options.cancel();
    if (isError) this.end();
    else this.fail(tooLarge(this.#options.maxBodyBytes, this.#status));
  }

  end(): void {
    if (this.#stream !== undefined) {
      this.#stream.resolve();
      return;
    }
    if (this.#passage !== undefined) {
      this.#passage.end();
      return;
    }
    const [first, ...more] = this.#chunks;
    const body = first !== undefined && more.length === 0 ? first : Buffer.concat(this.#chunks);
    this.#settle.resolve({ ...this.#parts(), body, ended: undefined });
  }

  fail(error: ApiError): void {
    this.#passage?.stop();
    this.#stream?.reject(error);
    this.#settle.reject(error);
  }

  #pass(chunk: Buffer): void {
    try {
      this.#options.onData?.(chunk);
    } catch (error) {
      this.#options.cancel();
      this.fail(
        error instanceof ApiError
          ? error
          : badAnswer(200, `something in a stream that cannot be read: ${messageOf(error)}`, error),
      );
    }
  }

  #passTo(sink: BodySink): BodyPassage {
    const passage = new BodyPassage({
      sink,
      headers: this.#headers,
      maxBodyBytes: this.#options.maxBodyBytes,
      ended: () =>
        this.#settle.resolve({ ...this.#parts(), body: NOTHING, passedBytes: passage.size, ended: undefined }),
      failed: (error) => {
        this.#options.cancel();
        this.fail(error);
      },
    });
    return passage;
  }

  #parts(): Pick<Answer, 'status' | 'headers' | 'passedBytes'> {
    return { status: this.#status, headers: this.#headers, passedBytes: undefined };
  }
}

export function badAnswer(status: number, what: string, cause?: unknown): ApiError {
  return new ApiError({ code: 'BadResponse', status, reason: '', message: `the API server sent ${what}`, cause });
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  const plain: Record<string, string | undefined> = {};
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') plain[name] = value;
  }
  return plain;
}
