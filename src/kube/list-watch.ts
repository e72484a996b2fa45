import type { CachedObject } from '../api/object.ts';
import type { ApiError } from './errors.ts';

export interface ListOptions {
  /** Page size; the server may send fewer or, for resourceVersion '0', more. */
  readonly limit?: number | undefined;
  /** Token of the next page; resourceVersion must then be absent. */
  readonly continue?: string | undefined;
  /** Absent or '': consistent read. */
  readonly resourceVersion?: string | undefined;
  readonly signal: AbortSignal;
}

export interface ListPage {
  readonly items: readonly CachedObject[];
  readonly resourceVersion: string;
  /** '' on the last page. */
  readonly continue: string;
  /** How many the server sent, unpacked. */
  readonly bytes: number;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: CachedObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly type: 'ERROR'; readonly error: ApiError };

export interface WatchOptions {
  readonly resourceVersion: string;
  /**
   * A WatchList: the stream begins with all that there is as ADDED events, in no order, among them what happens
   * meanwhile, and a bookmark tells that they are over. With resourceVersion '' it is a consistent read. Servers that
   * cannot do so refuse, or never send the bookmark.
   */
  readonly sendInitialEvents?: boolean | undefined;
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  /** Called when the request goes out: it may have to wait for its turn. */
  readonly onAsked?: (() => void) | undefined;
  /** Called once, when the server has answered 200. */
  readonly onOpen?: (() => void) | undefined;
  /** Called synchronously for each event, in order. Must not throw and must not wait. */
  readonly onEvent: (event: WatchEvent) => void;
}

/** One group/version/resource, cluster-wide or in one namespace, in one representation. */
export interface ListWatch {
  /** Rejects with ApiError. */
  list(options: ListOptions): Promise<ListPage>;
  /** The resourceVersion at which a list would be now. Rejects with ApiError. */
  position(signal: AbortSignal): Promise<string>;
  /** Resolves at a clean end of the stream; rejects with ApiError. Bookmarks are always asked for. */
  watch(options: WatchOptions): Promise<void>;
}
