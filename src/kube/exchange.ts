import type { IncomingHttpHeaders, IncomingHttpStatusHeader, OutgoingHttpHeaders } from 'node:http2';
import { constants } from 'node:http2';
import type { CarrierStream } from './carrier.ts';
import type { ApiError } from './errors.ts';
import { networkError } from './network-error.ts';
import type { Session } from './session.ts';
import type { Opening, SessionPool } from './session-pool.ts';

/** Where an answer goes. One of `end` and `fail` comes last; nothing comes after `cancel`. */
export interface AnswerSink {
  head(status: number, headers: IncomingHttpHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  fail(error: ApiError): void;
}

/** One request and its answer on one stream; on a second one when the first session will not have looked at it. */
export class Exchange implements Opening {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | string | undefined;
  readonly #pool: Pick<SessionPool, 'open' | 'forget'>;
  readonly #sink: AnswerSink;
  readonly #refusal: () => ApiError | undefined;
  #avoid: Session | undefined;
  #stream: CarrierStream | undefined;
  /** On which the stream is. */
  #session: Session | undefined;
  #answered = false;
  #over = false;

  /** `refusal`: why it must not be sent, asked each time it is about to be. */
  constructor(
    pool: Pick<SessionPool, 'open' | 'forget'>,
    headers: OutgoingHttpHeaders,
    body: Buffer | string | undefined,
    sink: AnswerSink,
    refusal: () => ApiError | undefined,
  ) {
    this.#pool = pool;
    this.#refusal = refusal;
    this.headers = headers;
    this.body = body;
    this.#sink = sink;
  }

  get avoid(): Session | undefined {
    return this.#avoid;
  }

  refusal(): ApiError | undefined {
    return this.#refusal();
  }

  start(): void {
    this.#pool.open(this);
  }

  /**
   * Tells the server that nobody listens any more. The sink hears nothing from now on. `overdue`: because the answer took too
   * long, which is a word about the connection too.
   */
  cancel({ overdue = false } = {}): void {
    if (this.#over) return;
    this.#over = true;
    this.#pool.forget(this);
    if (overdue && !this.#answered) this.#session?.brokeOff();
    this.#stream?.close(constants.NGHTTP2_CANCEL);
  }

  opened(stream: CarrierStream, session: Session): void {
    this.#stream = stream;
    this.#session = session;
    let expected: number | undefined;
    let received = 0;
    // Node tells of an answer in its next tick only. Where it reads within something else, such as the end of a write, it
    // tells of the data that came with the answer before.
    const early: Buffer[] = [];
    let cause: unknown;
    stream.on('response', (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      if (this.#over) return;
      this.#answered = true;
      session.answered();
      const { ':status': status = 0, 'content-length': length } = headers;
      // That of a 304 is the length of what is not sent (RFC 9110, 8.6).
      if (length !== undefined && status !== 304) expected = Number(length);
      this.#sink.head(status, headers);
      for (const chunk of early.splice(0)) if (!this.#over) this.#sink.data(chunk);
    });
    stream.on('data', (chunk: Buffer) => {
      if (this.#over) return;
      received += chunk.length;
      if (this.#answered) this.#sink.data(chunk);
      else early.push(chunk);
    });
    stream.on('error', (error) => {
      cause = error;
    });
    // A stream that the connection's end cuts off can end without an error; its code and its length tell.
    stream.on('end', () => {
      if (this.#over || stream.destroyed || stream.rstCode !== constants.NGHTTP2_NO_ERROR || !this.#answered) return;
      if (expected !== undefined && received < expected) return;
      this.#over = true;
      this.#sink.end();
    });
    stream.on('close', () => {
      if (this.#over) return;
      if (!this.#answered && this.#avoid === undefined && session.neverProcessed(stream)) {
        this.#avoid = session;
        this.start();
        return;
      }
      if (!this.#answered) session.brokeOff();
      this.failed(session.failure() ?? networkError('the API server broke the answer off', cause));
    });
  }

  failed(error: ApiError): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.fail(error);
  }
}
