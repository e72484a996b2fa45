import type { CachedObject } from '../api/object.ts';
import { ApiError } from './errors.ts';
import type { ListPage } from './list-watch.ts';
import type { ListMetadata } from './metadata-rules.ts';

/** Large enough that a failed try costs little beside what is read, small enough to be read in less than a millisecond or two. */
const STEP = 64 * 1024;

/**
 * Reads a list while it is still arriving: each item as soon as all of it is there, so that the bytes need not be kept.
 * One for each answer.
 */
export abstract class ListDecoder {
  protected readonly items: CachedObject[] = [];
  /** Of the bytes that `read` has now, how many it is done with. */
  protected done = 0;
  readonly #step: number;
  #parts: Buffer[] = [];
  /** Of the parts. */
  #size = 0;
  /** Of all that came. */
  #bytes = 0;
  #needed: number;

  /** `step`: how many bytes are gathered before they are read. */
  constructor(step = STEP) {
    this.#step = step;
    this.#needed = step;
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    this.#bytes += chunk.length;
    if (this.#size < this.#needed) return;
    try {
      this.#read(false);
    } catch (error) {
      // Half of something is no different from nonsense, until the rest has come.
      if (!(error instanceof ApiError)) throw error;
    }
    // A large item is tried again when twice as much of it is there: all tries together cost no more than two.
    this.#needed = this.#size + Math.max(this.#step, this.#size);
  }

  /** To be called when the answer is over. Throws ApiError 'BadResponse' where it was no whole list. */
  end(): ListPage {
    this.#read(true);
    return { ...this.finish(), items: this.items, bytes: this.#bytes };
  }

  /**
   * Takes what is whole of `bytes`, and keeps `done` up to date on the way. Throws ApiError for what cannot be read, or
   * not yet.
   */
  protected abstract read(bytes: Buffer, isLast: boolean): void;
  protected abstract finish(): ListMetadata;

  #read(isLast: boolean): void {
    const [first, ...more] = this.#parts;
    const bytes = first !== undefined && more.length === 0 ? first : Buffer.concat(this.#parts, this.#size);
    this.done = 0;
    try {
      this.read(bytes, isLast);
    } finally {
      this.#parts = this.done < bytes.length ? [bytes.subarray(this.done)] : [];
      this.#size = bytes.length - this.done;
    }
  }
}
