import { ApiError } from './errors.ts';
import type { WatchEvent } from './list-watch.ts';
import type { WatchDecoder } from './watch-events.ts';

/**
 * One watch's way from chunks to events. What cannot be read becomes one last ERROR event, and the stream is broken off:
 * the events behind it are lost, and whoever keeps a copy must list again.
 */
export class WatchReader {
  readonly #onEvent: (event: WatchEvent) => void;
  readonly #stop: AbortController;
  #decoder: WatchDecoder | undefined;
  /** Chunks that came before it was known how to read them. */
  #early: Buffer[] = [];
  #isBroken = false;

  /** `stop` ends the stream; once it is aborted, by whomever, no event is delivered any more. */
  constructor(onEvent: (event: WatchEvent) => void, stop: AbortController) {
    this.#onEvent = onEvent;
    this.#stop = stop;
  }

  /** True once something came that could not be read. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  open(decoder: WatchDecoder): void {
    this.#decoder = decoder;
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) this.push(chunk);
  }

  push(chunk: Buffer): void {
    if (this.#stop.signal.aborted) return;
    if (this.#decoder === undefined) {
      this.#early.push(chunk);
      return;
    }
    try {
      this.#decoder.push(chunk, this.#emit);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#isBroken = true;
      this.#emit({ type: 'ERROR', error });
      this.#stop.abort(error);
    }
  }

  /** To be called when the server has ended the stream. Throws ApiError 'Network' when it did so within an event. */
  end(): void {
    if (this.#decoder?.isMidEvent !== true) return;
    throw new ApiError({
      code: 'Network',
      status: 0,
      reason: '',
      message: 'the watch ended in the middle of an event',
    });
  }

  readonly #emit = (event: WatchEvent): void => {
    if (!this.#stop.signal.aborted) this.#onEvent(event);
  };
}
