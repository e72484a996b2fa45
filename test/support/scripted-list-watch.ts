import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CachedObject } from '../../src/api/object.ts';
import { ApiError, type ApiErrorCode } from '../../src/kube/errors.ts';
import type { ListOptions, ListPage, ListWatch, WatchEvent, WatchOptions } from '../../src/kube/list-watch.ts';

export function apiError(code: ApiErrorCode, fields: { readonly retryAfterMs?: number } = {}): ApiError {
  return new ApiError({ code, status: 0, reason: '', message: `the script says ${code}`, ...fields });
}

/** That of an object here. */
const ITEM_BYTES = 8_192;

export interface ListCall {
  readonly kind: 'list';
  readonly options: ListOptions;
  answer(items: readonly CachedObject[], resourceVersion: string, next?: string): void;
  /** A real client rejects with nothing but ApiError. */
  fail(error: unknown): void;
}

export interface WatchCall {
  readonly kind: 'watch';
  readonly options: WatchOptions;
  open(): void;
  send(...events: readonly WatchEvent[]): void;
  end(): void;
  fail(error: unknown): void;
}

/** A list-watch whose every request waits for the test to say what comes back. */
export class ScriptedListWatch implements ListWatch {
  readonly calls: Array<ListCall | WatchCall> = [];
  /** Requests that are neither answered nor aborted. */
  running = 0;
  #seen = 0;

  list(options: ListOptions): Promise<ListPage> {
    const { promise, resolve, reject } = this.#request<ListPage>(options.signal);
    this.calls.push({
      kind: 'list',
      options,
      answer: (items, resourceVersion, next = '') =>
        resolve({ items, resourceVersion, continue: next, bytes: ITEM_BYTES * items.length }),
      fail: reject,
    });
    return promise;
  }

  /** Says nothing, unless the test does. */
  position = async (_signal: AbortSignal): Promise<string> => '';

  watch(options: WatchOptions): Promise<void> {
    const { promise, resolve, reject } = this.#request<void>(options.signal);
    options.onAsked?.();
    this.calls.push({
      kind: 'watch',
      options,
      open: () => options.onOpen?.(),
      send: (...events) => {
        for (const event of events) options.onEvent(event);
      },
      end: () => resolve(),
      fail: reject,
    });
    return promise;
  }

  /** The next request that was not looked at yet, which must be a list. */
  async nextList(): Promise<ListCall> {
    const call = await this.#next();
    if (call.kind !== 'list') throw new Error('expected a list, but a watch was asked for');
    return call;
  }

  async nextWatch(): Promise<WatchCall> {
    const call = await this.#next();
    if (call.kind !== 'watch') throw new Error('expected a watch, but a list was asked for');
    return call;
  }

  /** Whether requests came that were not looked at yet. */
  async quiet(): Promise<boolean> {
    await nextTurn();
    return this.calls.length === this.#seen;
  }

  async #next(): Promise<ListCall | WatchCall> {
    await nextTurn();
    const call = this.calls[this.#seen];
    if (call === undefined) throw new Error('expected a request, but none came');
    this.#seen += 1;
    return call;
  }

  #request<T>(signal: AbortSignal): PromiseWithResolvers<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.running += 1;
    const onAbort = () => reject(apiError('Aborted'));
    const settle = () => {
      this.running -= 1;
      signal.removeEventListener('abort', onAbort);
    };
    promise.then(settle, settle);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return { promise, resolve, reject };
  }
}
