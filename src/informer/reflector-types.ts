import type { ApiError, ApiErrorCode } from '../kube/errors.ts';
import type { WatchEvent } from '../kube/list-watch.ts';

/** Where a list stands. The items so far are with the driver. */
export interface ListCursor {
  /** Objects per page; undefined for all at once. */
  readonly limit: number | undefined;
  /** Token of the page to ask for; '' for the first. */
  readonly continue: string;
  /** Of the first page: later pages show the same moment, and a watch from a later one would miss what happened between. */
  readonly resourceVersion: string;
}

export type Resumption =
  | { readonly kind: 'List'; readonly cursor: ListCursor }
  | { readonly kind: 'Watch'; readonly resourceVersion: string };

/** What went wrong since the last watch that worked. */
export interface Trouble {
  /** Since when the server fails every watch (5xx, unreadable, ended early), on the monotonic clock. */
  readonly failingSince: number | undefined;
  /** True once a watch was Gone. */
  readonly gone: boolean;
}

interface Troubled {
  readonly trouble: Trouble;
}

export interface Listing extends Troubled {
  readonly kind: 'Listing';
  readonly cursor: ListCursor;
}

export interface Watching extends Troubled {
  readonly kind: 'Watching';
  /** Of the last event or bookmark, else where the watch began. */
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  /** When the server answered, on the monotonic clock; undefined until then. */
  readonly openedAt: number | undefined;
  /** True once an event or bookmark of this watch moved the resourceVersion on. */
  readonly progressed: boolean;
}

export interface BackingOff extends Troubled {
  readonly kind: 'BackingOff';
  /** On the monotonic clock. */
  readonly until: number;
  readonly next: Resumption;
  readonly error: ApiError;
}

export type ReflectorState = { readonly kind: 'Idle' } | Listing | Watching | BackingOff | { readonly kind: 'Stopped' };

export type ReflectorInput =
  | { readonly kind: 'Start' }
  | { readonly kind: 'PageListed'; readonly resourceVersion: string; readonly continue: string }
  | { readonly kind: 'ListFailed'; readonly error: ApiError }
  | { readonly kind: 'WatchOpened' }
  | { readonly kind: 'WatchEvent'; readonly event: WatchEvent }
  | { readonly kind: 'WatchEnded' }
  | { readonly kind: 'WatchFailed'; readonly error: ApiError }
  | { readonly kind: 'TimerFired' }
  /** Something changed that may have mended what failed. */
  | { readonly kind: 'Retry' }
  | { readonly kind: 'Stop' };

/** Why a watch was left: an error's code, a clean end, an end too soon, or silence past its time. */
export type RestartCause = ApiErrorCode | 'Ended' | 'EndedEarly' | 'Overdue';

export type ObjectEvent = Exclude<WatchEvent, { type: 'BOOKMARK' | 'ERROR' }>;

/** What the driver must do, in this order. */
export type ReflectorEffect =
  /** Abort the running request and clear the timer. */
  | { readonly kind: 'Cancel' }
  /** Ask for one page; items so far are dropped when `continue` is ''. */
  | { readonly kind: 'List'; readonly continue: string; readonly limit: number | undefined }
  /** `resumed`: after a watch that did not end as it should; the server may be another one, or one that went back in time. */
  | {
      readonly kind: 'Watch';
      readonly resourceVersion: string;
      readonly timeoutSeconds: number;
      readonly resumed: boolean;
    }
  /** One timer at most; a new one takes the place of the old. */
  | { readonly kind: 'SetTimer'; readonly ms: number }
  /** The list is whole: hand all its items over. */
  | { readonly kind: 'Replace'; readonly resourceVersion: string }
  | { readonly kind: 'Apply'; readonly event: ObjectEvent }
  | { readonly kind: 'Bookmark'; readonly resourceVersion: string }
  | { readonly kind: 'CountRestart'; readonly cause: RestartCause };

export interface StepContext {
  /** On the monotonic clock, in milliseconds. */
  readonly now: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** The growing, jittered delay before the next try, in milliseconds. */
  readonly nextDelay: () => number;
}

export interface Step {
  readonly state: ReflectorState;
  readonly effects: readonly ReflectorEffect[];
}
