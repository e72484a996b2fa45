import type { ApiError, ApiErrorCode } from '../kube/errors.ts';
import type { WatchEvent } from '../kube/list-watch.ts';

/** Where a list stands. The items so far are with the driver. */
export interface ListCursor {
  /** Objects per page; undefined for all at once. */
  readonly limit: number | undefined;
  /** More than this were too many for the server. */
  readonly most: number;
  /** Token of the page to ask for; '' for the first. */
  readonly continue: string;
  /** Of the first page: later pages show the same moment, and a watch from a later one would miss what happened between. */
  readonly resourceVersion: string;
}

export type Resumption =
  /** All that there is, in whichever way is the right one for the kind. */
  | { readonly kind: 'Sync' }
  | { readonly kind: 'List'; readonly cursor: ListCursor }
  | { readonly kind: 'WatchList'; readonly losses: number }
  | { readonly kind: 'Watch'; readonly resourceVersion: string };

/** What went wrong since the last watch that worked. */
export interface Trouble {
  /** Since when the server fails every watch (5xx, unreadable, ended early), on the monotonic clock. */
  readonly failingSince: number | undefined;
  /** True once a watch was Gone. */
  readonly gone: boolean;
  /** True once a consistent list was refused as one of a version that the server has not come to. */
  readonly tooLarge: boolean;
}

interface Troubled {
  readonly trouble: Trouble;
}

export interface Listing extends Troubled {
  readonly kind: 'Listing';
  readonly cursor: ListCursor;
  /** Why it is not a WatchList, where one was tried right before. */
  readonly instead: ApiError | undefined;
}

/** A WatchList whose initial events are not over. Those that came are with the driver. */
export interface Gathering extends Troubled {
  readonly kind: 'Gathering';
  readonly timeoutSeconds: number;
  /** When the server answered, on the monotonic clock; undefined until then. */
  readonly openedAt: number | undefined;
  /** When something came last that can be an initial event. */
  readonly addedAt: number;
  /** Whether any event came. */
  readonly begun: boolean;
  /** WatchLists right before it that were lost on the way. */
  readonly losses: number;
}

export interface Watching extends Troubled {
  readonly kind: 'Watching';
  /** Of the last event or bookmark, else where the watch began. */
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  /** When the server answered, on the monotonic clock; undefined until then. */
  readonly openedAt: number | undefined;
  /** When anything came last, on the monotonic clock; undefined until a bookmark has shown that there are any in this watch. */
  readonly heardAt: number | undefined;
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

export type ReflectorState =
  | { readonly kind: 'Idle' }
  | Listing
  | Gathering
  | Watching
  | BackingOff
  | { readonly kind: 'Stopped' };

export interface PageListed {
  readonly kind: 'PageListed';
  readonly resourceVersion: string;
  readonly continue: string;
  /** Of an object, on the average, as the server sent it; undefined where there was none. */
  readonly itemBytes?: number | undefined;
}

export type ReflectorInput =
  | { readonly kind: 'Start' }
  | PageListed
  | { readonly kind: 'ListFailed'; readonly error: ApiError }
  /** A watch goes out now: it had its turn, and what had to be known before it is known. */
  | { readonly kind: 'WatchAsked' }
  | { readonly kind: 'WatchOpened' }
  | { readonly kind: 'WatchEvent'; readonly event: WatchEvent }
  | { readonly kind: 'WatchEnded' }
  | { readonly kind: 'WatchFailed'; readonly error: ApiError }
  | { readonly kind: 'TimerFired' }
  /** Something changed that may have mended what failed. */
  | { readonly kind: 'Retry' }
  /** What was listed is not to be built on before it is listed once more. */
  | { readonly kind: 'Relist' }
  | { readonly kind: 'Stop' };

/**
 * Why a watch was left: an error's code, a clean end, an end too soon, no end in its time, silence where bookmarks were due, or
 * initial events that were never said to be over.
 */
export type RestartCause = ApiErrorCode | 'Ended' | 'EndedEarly' | 'Overdue' | 'Silent' | 'NoInitialEventsEnd';

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
  /** Gather all that there is from the initial events of a watch; what was gathered before is dropped. */
  | { readonly kind: 'WatchList'; readonly timeoutSeconds: number }
  | { readonly kind: 'Gather'; readonly event: ObjectEvent }
  /** A list did what a WatchList did not: remember it for the kind. */
  | { readonly kind: 'PreferLists'; readonly error: ApiError }
  /** One timer at most; a new one takes the place of the old. */
  | { readonly kind: 'SetTimer'; readonly ms: number }
  /** All pages are there, or all initial events: hand the items over. */
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
  /** Whether all that there is is to come by a WatchList. */
  readonly watchList: () => boolean;
}

export interface Step {
  readonly state: ReflectorState;
  readonly effects: readonly ReflectorEffect[];
}
