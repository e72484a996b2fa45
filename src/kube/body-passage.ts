import { createGunzip, type Gunzip } from 'node:zlib';
import { messageOf } from '../base/errors.ts';
import type { BodySink } from './body-sink.ts';
import { ApiError } from './errors.ts';
import { malformed, tooLarge } from './malformed.ts';

/** Each chunk goes to another thread and back, so that small ones cost more than what is in them; in bytes. */
const UNPACKED_CHUNK = 128 * 1024;

export interface BodyPassageOptions {
  readonly sink: BodySink;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Of the body, unpacked. */
  readonly maxBodyBytes: number;
  /** All of it went to the sink. One of `ended` and `failed` is called, once. */
  readonly ended: () => void;
  readonly failed: (error: ApiError) => void;
}

/** The way of one body to its sink, unpacked where it comes packed. */
export class BodyPassage {
  readonly #options: BodyPassageOptions;
  readonly #gunzip: Gunzip | undefined;
  #size = 0;
  #isOver = false;

  constructor(options: BodyPassageOptions) {
    this.#options = options;
    const { sink, headers } = options;
    sink.begin(headers);
    if (headers['content-encoding'] !== 'gzip') return;
    this.#gunzip = createGunzip({ chunkSize: UNPACKED_CHUNK });
    this.#gunzip.on('data', (chunk: Buffer) => this.#pass(chunk));
    this.#gunzip.on('end', () => this.#end());
    this.#gunzip.on('error', (error) => {
      this.#fail(malformed(`a packed body that cannot be read: ${messageOf(error)}`, error));
    });
  }

  /** Bytes that went to the sink. */
  get size(): number {
    return this.#size;
  }

  data(chunk: Buffer): void {
    if (this.#gunzip === undefined) this.#pass(chunk);
    else if (!this.#isOver) this.#gunzip.write(chunk);
  }

  /** The answer is over; what is still being unpacked comes first. */
  end(): void {
    if (this.#gunzip === undefined) this.#end();
    else if (!this.#isOver) this.#gunzip.end();
  }

  /** Nothing goes to the sink any more, and neither `ended` nor `failed` is called. */
  stop(): void {
    this.#isOver = true;
    this.#gunzip?.destroy();
  }

  #pass(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#size += chunk.length;
    const { sink, maxBodyBytes } = this.#options;
    if (this.#size > maxBodyBytes) {
      this.#fail(tooLarge(maxBodyBytes));
      return;
    }
    try {
      sink.push(chunk);
    } catch (error) {
      this.#fail(
        error instanceof ApiError ? error : malformed(`a body that cannot be read: ${messageOf(error)}`, error),
      );
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.ended();
  }

  #fail(error: ApiError): void {
    if (this.#isOver) return;
    this.stop();
    this.#options.failed(error);
  }
}
