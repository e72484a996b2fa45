import { type ApiError, isResourceVersionTooLarge } from '../kube/errors.ts';
import type { WatchEvent } from '../kube/list-watch.ts';
import { stepGathering } from './gathering-state.ts';
import type {
  BackingOff,
  ListCursor,
  Listing,
  ReflectorEffect,
  ReflectorInput,
  ReflectorState,
  Resumption,
  Step,
  StepContext,
  Watching,
} from './reflector-types.ts';
import { isResumable } from './resource-version.ts';
import {
  after,
  asked,
  backOff,
  CANCEL,
  endDueAt,
  leave,
  list,
  lookAgain,
  NO_TROUBLE,
  NOTHING,
  nextPage,
  notAnswered,
  OVERDUE_MS,
  PAGE_SIZE,
  restart,
  SILENT_MS,
  sync,
  WHOLE_LIST,
  watch,
  watchError,
  watchList,
  wordDueAt,
} from './transitions.ts';

/**
 * A page for which the server took too long, or that was too large to be read, is asked for again with so many times fewer
 * objects: the same would be so again.
 */
const SMALLER_BY = 4;
/** A watch that ends sooner than this and brought nothing new is a failure, in milliseconds. */
const SHORT_WATCH_MS = 1_000;
/** How long a watch that the server fails is tried again at its resourceVersion before a list, in milliseconds. */
export const RESUME_FOR_MS = 60_000;
/** A watch that ends no more than this before its `timeoutSeconds` was ended for these, in milliseconds. */
const IN_TIME_MS = 2_000;

/**
 * The whole behaviour of a reflector, without I/O: what an input means in a state. An input that a state does not expect (the
 * late end of a watch that was left, a timer that raced with its cancellation) changes nothing.
 */
export function step(state: ReflectorState, input: ReflectorInput, context: StepContext): Step {
  if (input.kind === 'Stop') return { state: { kind: 'Stopped' }, effects: [CANCEL] };
  if (input.kind === 'Relist') return relist(state, context);
  switch (state.kind) {
    case 'Idle':
      return input.kind === 'Start' ? sync(NO_TROUBLE, context) : { state, effects: NOTHING };
    case 'Listing':
      return stepListing(state, input, context);
    case 'Gathering':
      return stepGathering(state, input, context);
    case 'Watching':
      return stepWatching(state, input, context);
    case 'BackingOff':
      return endsBackOff(state, input) ? tryAgain(state, context) : { state, effects: NOTHING };
    case 'Stopped':
      break;
  }
  return { state, effects: NOTHING };
}

/** A list that is on its way may have been made before it was asked for anew. */
function relist(state: ReflectorState, context: StepContext): Step {
  if (state.kind === 'Idle' || state.kind === 'Stopped') return { state, effects: NOTHING };
  const isAskedToWait = state.kind === 'BackingOff' && !endsBackOff(state, { kind: 'Retry' });
  if (isAskedToWait) return { state: { ...state, next: { kind: 'Sync' } }, effects: NOTHING };
  return leave(sync(state.trouble, context));
}

/** A wait that the server asked for is not cut short. */
function endsBackOff({ error }: BackingOff, { kind }: ReflectorInput): boolean {
  return kind === 'TimerFired' || (kind === 'Retry' && error.retryAfterMs === undefined);
}

function tryAgain({ next, trouble }: BackingOff, context: StepContext): Step {
  switch (next.kind) {
    case 'Sync':
      return sync(trouble, context);
    case 'List':
      return list(next.cursor, trouble);
    case 'WatchList':
      return watchList(trouble, context, next.losses);
    case 'Watch':
      break;
  }
  return watch(next.resourceVersion, trouble, context);
}

function stepListing(state: Listing, input: ReflectorInput, context: StepContext): Step {
  const { cursor, trouble, instead } = state;
  if (input.kind === 'PageListed') {
    const resourceVersion = cursor.continue === '' ? input.resourceVersion : cursor.resourceVersion;
    if (input.continue !== '') {
      return list({ ...nextPage(cursor, input), resourceVersion }, trouble, instead);
    }
    const watching = after([{ kind: 'Replace', resourceVersion }], watch(resourceVersion, trouble, context, false));
    return instead === undefined ? watching : after([{ kind: 'PreferLists', error: instead }], watching);
  }
  if (input.kind === 'ListFailed') {
    const { error } = input;
    // All our lists are consistent reads, of no version in particular: it says nothing about the next one, nor about
    // the size of pages.
    if (isResourceVersionTooLarge(error) && !trouble.tooLarge) return list(WHOLE_LIST, { ...trouble, tooLarge: true });
    const size = sizeAfter(error, cursor);
    if (cursor.continue === '')
      return backOff({ kind: 'List', cursor: { ...WHOLE_LIST, ...size } }, error, trouble, context);
    // The history that the continue token names is compacted. Paging anew could lose the same race again.
    if (error.code === 'Gone') return list({ ...WHOLE_LIST, limit: undefined }, trouble);
    // An overloaded server must not be asked for all earlier pages again.
    return backOff(
      { kind: 'List', cursor: isTransient(error) ? { ...cursor, ...size } : WHOLE_LIST },
      error,
      trouble,
      context,
    );
  }
  return { state, effects: NOTHING };
}

function sizeAfter(error: ApiError, { limit = PAGE_SIZE, most }: ListCursor): Pick<ListCursor, 'limit' | 'most'> {
  const isTooMuch = error.code === 'TooLarge' || (error.code === 'Timeout' && !isResourceVersionTooLarge(error));
  if (!isTooMuch) return { limit, most };
  const smaller = Math.max(1, Math.floor(limit / SMALLER_BY));
  return { limit: smaller, most: smaller };
}

function stepWatching(state: Watching, input: ReflectorInput, context: StepContext): Step {
  switch (input.kind) {
    case 'WatchAsked':
      return asked(state);
    case 'WatchOpened': {
      const open = { ...state, openedAt: context.now };
      return { state: open, effects: [lookAgain(open, context)] };
    }
    case 'WatchEvent':
      return received(state, input.event, context);
    case 'WatchEnded':
      return ended(state, context);
    case 'WatchFailed':
      return failed(state, input.error, context);
    case 'TimerFired':
      return overdue(state, context);
    case 'Start':
    case 'PageListed':
    case 'ListFailed':
    case 'Retry':
    case 'Relist':
    case 'Stop':
      break;
  }
  return { state, effects: NOTHING };
}

function received(state: Watching, event: WatchEvent, context: StepContext): Step {
  if (event.type === 'ERROR') return leave(failed(state, event.error, context));
  if (event.type === 'BOOKMARK') {
    const { resourceVersion } = event;
    const next = advance(state, resourceVersion, context.now);
    const told: ReflectorEffect = { kind: 'Bookmark', resourceVersion };
    return { state: next, effects: state.heardAt === undefined ? [told, lookAgain(next, context)] : [told] };
  }
  // The ADDED events with which a watch from '' or '0' begins are in no order: their versions say nothing about the watch.
  const synthetic = event.type === 'ADDED' && !isResumable(state.resourceVersion);
  return {
    state: synthetic
      ? state
      : advance(state, event.object.resourceVersion, state.heardAt === undefined ? undefined : context.now),
    effects: [{ kind: 'Apply', event }],
  };
}

function advance(state: Watching, resourceVersion: string, heardAt: number | undefined): Watching {
  if (resourceVersion === '' || resourceVersion === state.resourceVersion) return { ...state, heardAt };
  return { ...state, heardAt, resourceVersion, progressed: true, trouble: NO_TROUBLE };
}

function ended(state: Watching, context: StepContext): Step {
  if (!state.progressed && !hasLasted(state, context)) {
    const error = watchError('BadResponse', `the watch ended within ${SHORT_WATCH_MS} ms and brought nothing`);
    return restart('EndedEarly', resumeForAWhile(state, error, context));
  }
  const { resourceVersion } = state;
  return restart(
    'Ended',
    isResumable(resourceVersion)
      ? watch(resourceVersion, NO_TROUBLE, context, !hasEndedInTime(state, context))
      : sync(NO_TROUBLE, context),
  );
}

function overdue(state: Watching, context: StepContext): Step {
  const { openedAt, timeoutSeconds } = state;
  if (openedAt === undefined) return leave(restart('Overdue', resumeForAWhile(state, notAnswered(), context)));
  if (context.now >= endDueAt(state)) {
    const message = `the server did not end the watch ${OVERDUE_MS / 1_000} s after its ${timeoutSeconds} s`;
    return leave(restart('Overdue', resume(state, watchError('Timeout', message), context)));
  }
  // The timer is not set anew with each event: there may be many.
  if (context.now < wordDueAt(state)) return { state, effects: [lookAgain(state, context)] };
  const message = `nothing came in the watch for ${SILENT_MS / 1_000} s, though the server had sent bookmarks in it`;
  return leave(restart('Silent', resume(state, watchError('Timeout', message), context)));
}

/** A watch that was refused, broke, or said ERROR. */
function failed(state: Watching, error: ApiError, context: StepContext): Step {
  return restart(error.code, afterFailure(state, error, context));
}

function afterFailure(state: Watching, error: ApiError, context: StepContext): Step {
  switch (error.code) {
    case 'Gone':
      // At once, as long as this is news; a server that says Gone again and again is asked ever more rarely.
      if (!state.trouble.gone) return sync({ ...state.trouble, gone: true }, context);
      return backOff({ kind: 'Sync' }, error, state.trouble, context);
    case 'Network':
    case 'Aborted':
      // A connection that worked and broke says nothing about the next one.
      if (hasLasted(state, context) && isResumable(state.resourceVersion))
        return watch(state.resourceVersion, NO_TROUBLE, context);
      return resume(state, error, context);
    case 'TooManyRequests':
      // Not the server's failure: it may say so for as long as it likes.
      return resume(state, error, context);
    case 'ServerError':
    case 'Unavailable':
    case 'Timeout':
    case 'BadResponse':
    case 'TooLarge':
      return resumeForAWhile(state, error, context);
    case 'BadRequest':
    case 'Unauthorized':
    case 'Forbidden':
    case 'NotFound':
    case 'MethodNotAllowed':
    case 'NotAcceptable':
    case 'Conflict':
    case 'UnsupportedMediaType':
    case 'Invalid':
    case 'NotLeading':
    case 'Other':
      break;
  }
  return backOff({ kind: 'Sync' }, error, state.trouble, context);
}

/** Back off, then watch on where it stopped: the cheapest thing to ask of a server in trouble. */
function resume(state: Watching, error: ApiError, context: StepContext): Step {
  const { resourceVersion, trouble } = state;
  const next: Resumption = isResumable(resourceVersion) ? { kind: 'Watch', resourceVersion } : { kind: 'Sync' };
  return backOff(next, error, trouble, context);
}

/** As `resume`, but a server that fails this watch for RESUME_FOR_MS is asked for a list. */
function resumeForAWhile(state: Watching, error: ApiError, context: StepContext): Step {
  // One that stayed open for as long has worked in between.
  const hasWorked = state.openedAt !== undefined && context.now - state.openedAt >= RESUME_FOR_MS;
  const failingSince = (hasWorked ? undefined : state.trouble.failingSince) ?? context.now;
  if (context.now - failingSince < RESUME_FOR_MS) {
    return resume({ ...state, trouble: { ...state.trouble, failingSince } }, error, context);
  }
  return backOff({ kind: 'Sync' }, error, { ...state.trouble, failingSince: undefined }, context);
}

/** A server that is stopped ends its watches before their time. */
function hasEndedInTime({ openedAt, timeoutSeconds }: Watching, { now }: StepContext): boolean {
  return openedAt !== undefined && now - openedAt >= timeoutSeconds * 1_000 - IN_TIME_MS;
}

function hasLasted({ openedAt }: Watching, { now }: StepContext): boolean {
  return openedAt !== undefined && now - openedAt >= SHORT_WATCH_MS;
}

function isTransient({ code }: ApiError): boolean {
  return (
    code === 'Network' ||
    code === 'Aborted' ||
    code === 'TooManyRequests' ||
    code === 'ServerError' ||
    code === 'Unavailable' ||
    code === 'Timeout' ||
    code === 'TooLarge'
  );
}
