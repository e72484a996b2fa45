import { ApiError } from '../kube/errors.ts';
import type {
  Gathering,
  ListCursor,
  PageListed,
  ReflectorEffect,
  RestartCause,
  Resumption,
  Step,
  StepContext,
  Trouble,
  Watching,
} from './reflector-types.ts';

/** Objects on the first page of a list. */
export const PAGE_SIZE = 500;
/** And on a later one: as many as make up so many bytes, of what the server sends of them, */
const PAGE_BYTES = 16 * 2 ** 20;
/** but no more than this. */
const MOST_IN_PAGE = 5_000;
/** The server must answer a watch within this time, in milliseconds. */
export const OPEN_WITHIN_MS = 60_000;
/** How long after `timeoutSeconds` a watch may still go on before it counts as dead, in milliseconds. */
export const OVERDUE_MS = 15_000;
/**
 * A watch in which a bookmark came has one each minute from then on (kube-apiserver 1.36, `defaultBookmarkFrequency`;
 * before that it has none until the server has gone beyond the version where it began). One that is silent for so long
 * leads nowhere any more; in milliseconds.
 */
export const SILENT_MS = 100_000;

export const NO_TROUBLE: Trouble = { failingSince: undefined, gone: false, tooLarge: false };
export const WHOLE_LIST: ListCursor = { limit: PAGE_SIZE, most: MOST_IN_PAGE, continue: '', resourceVersion: '' };
export const NOTHING: readonly ReflectorEffect[] = [];
export const CANCEL: ReflectorEffect = { kind: 'Cancel' };

/** Asks for all that there is. */
export function sync(trouble: Trouble, context: StepContext): Step {
  return context.watchList() ? watchList(trouble, context) : list(WHOLE_LIST, trouble);
}

export function list(cursor: ListCursor, trouble: Trouble, instead?: ApiError): Step {
  return {
    state: { kind: 'Listing', cursor, trouble, instead },
    effects: [{ kind: 'List', continue: cursor.continue, limit: cursor.limit }],
  };
}

/**
 * Each page is work of its own for both sides, as much as some hundred small objects; of large ones many would be more than the
 * server should hold at once.
 */
export function nextPage(cursor: ListCursor, { itemBytes, ...page }: PageListed): ListCursor {
  const { limit, most } = cursor;
  const next = { ...cursor, continue: page.continue };
  if (limit === undefined || itemBytes === undefined) return next;
  return { ...next, limit: Math.max(1, Math.min(Math.floor(PAGE_BYTES / itemBytes), most)) };
}

export function watchList(trouble: Trouble, context: StepContext, losses = 0): Step {
  const timeoutSeconds = watchSeconds(context);
  return {
    state: {
      kind: 'Gathering',
      timeoutSeconds,
      openedAt: undefined,
      addedAt: context.now,
      begun: false,
      losses,
      trouble,
    },
    effects: [{ kind: 'WatchList', timeoutSeconds }],
  };
}

export function watch(resourceVersion: string, trouble: Trouble, context: StepContext, resumed = true): Step {
  const timeoutSeconds = watchSeconds(context);
  return {
    state: {
      kind: 'Watching',
      resourceVersion,
      timeoutSeconds,
      openedAt: undefined,
      heardAt: undefined,
      progressed: false,
      trouble,
    },
    effects: [{ kind: 'Watch', resourceVersion, timeoutSeconds, resumed }],
  };
}

/** The request goes out now: what it waited for before that was no fault of the server. */
export function asked(state: Gathering | Watching): Step {
  return { state, effects: [{ kind: 'SetTimer', ms: OPEN_WITHIN_MS }] };
}

/** When an open watch is to be looked at, whatever comes until then. */
export function lookAgain(state: Watching, { now }: StepContext): ReflectorEffect {
  return { kind: 'SetTimer', ms: Math.max(0, Math.min(endDueAt(state), wordDueAt(state)) - now) };
}

/** By when the server must have ended the watch, on the monotonic clock. */
export function endDueAt({ openedAt, timeoutSeconds }: Watching): number {
  return openedAt === undefined ? Number.POSITIVE_INFINITY : openedAt + timeoutSeconds * 1_000 + OVERDUE_MS;
}

/** By when the server must have said something, on the monotonic clock. */
export function wordDueAt({ heardAt }: Watching): number {
  return heardAt === undefined ? Number.POSITIVE_INFINITY : heardAt + SILENT_MS;
}

/** Spread over 5 minutes, so that watches which began together do not end together. */
function watchSeconds({ random }: StepContext): number {
  return 300 + Math.floor(random() * 300);
}

export function backOff(next: Resumption, error: ApiError, trouble: Trouble, context: StepContext): Step {
  const ms = Math.max(context.nextDelay(), error.retryAfterMs ?? 0);
  return {
    state: { kind: 'BackingOff', until: context.now + ms, next, error, trouble },
    effects: [{ kind: 'SetTimer', ms }],
  };
}

/** The stream that we had ends with it. */
export function leave(next: Step): Step {
  return after([CANCEL], next);
}

/** What went wrong with a watch that the server did not refuse. */
export function watchError(code: 'BadResponse' | 'Timeout', message: string): ApiError {
  return new ApiError({ code, status: code === 'Timeout' ? 0 : 200, reason: '', message });
}

export function notAnswered(): ApiError {
  return watchError('Timeout', `the server did not answer the watch within ${OPEN_WITHIN_MS / 1_000} s`);
}

export function restart(cause: RestartCause, next: Step): Step {
  return after([{ kind: 'CountRestart', cause }], next);
}

export function after(effects: readonly ReflectorEffect[], next: Step): Step {
  return { state: next.state, effects: [...effects, ...next.effects] };
}
