import { type ApiError, isResourceVersionTooLarge } from '../kube/errors.ts';
import type { WatchEvent } from '../kube/list-watch.ts';
import type { Gathering, ReflectorInput, Step, StepContext, Watching } from './reflector-types.ts';
import {
  asked,
  backOff,
  leave,
  list,
  lookAgain,
  NO_TROUBLE,
  NOTHING,
  notAnswered,
  restart,
  WHOLE_LIST,
  watchError,
  watchList,
} from './transitions.ts';

/**
 * How long after the last initial event the bookmark may be due that ends them, in milliseconds. Aggregated servers that ignore
 * `sendInitialEvents` never send it; a server that knows it sends it right after the last of them.
 */
export const INITIAL_EVENTS_END_WITHIN_MS = 30_000;
/** How long all initial events may take, in milliseconds: objects that are made now look the same as those that were there. */
export const INITIAL_EVENTS_WITHIN_MS = 300_000;
/** WatchLists in a row that are lost before their initial events are over, until a list is asked for. */
export const MOST_LOSSES = 3;

/** The first part of a WatchList: what its events say is gathered, and nobody is told before all of it is there. */
export function stepGathering(state: Gathering, input: ReflectorInput, context: StepContext): Step {
  switch (input.kind) {
    case 'WatchAsked':
      return asked(state);
    case 'WatchOpened':
      return {
        state: { ...state, openedAt: context.now, addedAt: context.now },
        effects: [{ kind: 'SetTimer', ms: INITIAL_EVENTS_END_WITHIN_MS }],
      };
    case 'WatchEvent':
      return received(state, input.event, context);
    case 'WatchEnded':
      return restart(
        'EndedEarly',
        lost(state, watchError('BadResponse', 'the watch ended within its initial events'), context),
      );
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

function received(state: Gathering, event: WatchEvent, context: StepContext): Step {
  if (event.type === 'ERROR') return leave(failed(state, event.error, context));
  if (event.type === 'BOOKMARK') {
    return event.initialEventsEnd ? gathered(state, event.resourceVersion, context) : { state, effects: NOTHING };
  }
  const addedAt = event.type === 'ADDED' ? context.now : state.addedAt;
  return { state: { ...state, begun: true, addedAt }, effects: [{ kind: 'Gather', event }] };
}

/** All of it is there, and the same stream goes on as the watch. */
function gathered(state: Gathering, resourceVersion: string, context: StepContext): Step {
  const { timeoutSeconds, openedAt = context.now } = state;
  const watching: Watching = {
    kind: 'Watching',
    resourceVersion,
    timeoutSeconds,
    openedAt,
    heardAt: undefined,
    progressed: true,
    trouble: NO_TROUBLE,
  };
  return { state: watching, effects: [{ kind: 'Replace', resourceVersion }, lookAgain(watching, context)] };
}

function failed(state: Gathering, why: ApiError, context: StepContext): Step {
  return restart(why.code, afterFailure(state, why, context));
}

function afterFailure(state: Gathering, why: ApiError, context: StepContext): Step {
  const { trouble, losses } = state;
  if (isResourceVersionTooLarge(why)) {
    if (!trouble.tooLarge) return watchList({ ...trouble, tooLarge: true }, context, losses);
    return lost(state, why, context);
  }
  switch (why.code) {
    case 'TooManyRequests':
      // Not the server's failure: it may say so for as long as it likes.
      return backOff({ kind: 'WatchList', losses }, why, trouble, context);
    case 'Gone':
      if (!trouble.gone) return watchList({ ...trouble, gone: true }, context, losses);
      return lost(state, why, context);
    case 'Network':
    case 'Aborted':
    case 'Unavailable':
    case 'Timeout':
      return lost(state, why, context);
    case 'BadRequest':
    case 'Unauthorized':
    case 'Forbidden':
    case 'NotFound':
    case 'MethodNotAllowed':
    case 'NotAcceptable':
    case 'Conflict':
    case 'UnsupportedMediaType':
    case 'Invalid':
    case 'ServerError':
    case 'BadResponse':
    case 'TooLarge':
    case 'NotLeading':
    case 'Other':
      break;
  }
  return state.begun ? lost(state, why, context) : list(WHOLE_LIST, trouble, why);
}

/** Tried again a few times, ever more rarely. Something on the way may end all long answers, and then it would go on for ever. */
function lost(state: Gathering, why: ApiError, context: StepContext): Step {
  const losses = state.losses + 1;
  if (losses >= MOST_LOSSES) return list(WHOLE_LIST, state.trouble, why);
  return backOff({ kind: 'WatchList', losses }, why, state.trouble, context);
}

function overdue(state: Gathering, context: StepContext): Step {
  const { openedAt, addedAt, trouble } = state;
  if (openedAt === undefined) {
    return leave(restart('Overdue', lost(state, notAnswered(), context)));
  }
  // The timer is not set anew with each event: there may be many.
  const dueAt = Math.min(addedAt + INITIAL_EVENTS_END_WITHIN_MS, openedAt + INITIAL_EVENTS_WITHIN_MS);
  if (context.now < dueAt) return { state, effects: [{ kind: 'SetTimer', ms: dueAt - context.now }] };
  const why = watchError('BadResponse', 'the server did not say that the initial events of the watch are over');
  return leave(restart('NoInitialEventsEnd', list(WHOLE_LIST, trouble, why)));
}
