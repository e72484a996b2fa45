import type { Mutant } from './list.ts';

const GATHERING = 'src/informer/gathering-state.ts';
/** Those that need no network, where they can tell: the others wait long for what does not come. */
const STATES = ['src/informer/gathering-state.test.ts', 'src/informer/reflector-state.test.ts'];
const STREAMS = ['src/informer/watch-list.test.ts'];
const SLOTS = ['src/informer/list-slots.test.ts'];

/** Of WatchLists and of how many lists run at once. */
export const WATCH_LIST_MUTANTS: readonly Mutant[] = [
  {
    name: 'reflector: takes any bookmark for the end of the initial events',
    file: GATHERING,
    find: 'return event.initialEventsEnd ? gathered(',
    replace: 'return event.type ? gathered(',
    tests: STATES,
  },
  {
    name: 'reflector: takes any value of its annotation for the end of the initial events',
    file: 'src/kube/watch-events.ts',
    find: "object.annotations[INITIAL_EVENTS_END] === 'true'",
    replace: 'object.annotations[INITIAL_EVENTS_END] !== undefined',
    tests: STREAMS,
  },
  {
    name: 'reflector: tells of initial events one by one',
    file: GATHERING,
    find: "effects: [{ kind: 'Gather', event }]",
    replace: "effects: [{ kind: 'Apply', event }]",
    tests: STATES,
  },
  {
    name: 'reflector: keeps what was deleted among the initial events',
    file: 'src/informer/reflector.ts',
    find: "if (effect.event.type === 'DELETED') this.#gathered?.delete(effect.event.object, { mayReturn: true });\n        else ",
    replace: '',
    tests: STREAMS,
  },
  {
    name: 'reflector: does not go on with the stream of a WatchList from the version of its bookmark',
    file: GATHERING,
    find: "kind: 'Watching',\n    resourceVersion,",
    replace: "kind: 'Watching',\n    resourceVersion: '',",
    tests: STATES,
  },
  {
    name: 'reflector: asks again for a WatchList that was refused',
    file: GATHERING,
    find: 'return state.begun ? lost(state, why, context) : list(WHOLE_LIST, trouble, why);',
    replace: "return backOff({ kind: 'WatchList', losses }, why, trouble, context);",
    tests: STATES,
  },
  {
    name: 'reflector: forgets that a resource needs lists',
    file: 'src/informer/reflector.ts',
    find: 'this.#watchListChoice?.preferLists(effect.error);',
    replace: '',
    tests: STREAMS,
  },
  {
    name: 'reflector: tries for ever a WatchList that ends before its bookmark',
    file: GATHERING,
    find: 'if (losses >= MOST_LOSSES)',
    replace: 'if (losses < 0)',
    tests: STATES,
  },
  {
    name: 'reflector: gives a WatchList up because the server asks to wait',
    file: GATHERING,
    find: "return backOff({ kind: 'WatchList', losses }, why, trouble, context);",
    replace: 'return lost(state, why, context);',
    tests: STATES,
  },
  {
    name: 'reflector: waits before it asks anew for a WatchList that has expired',
    file: GATHERING,
    find: 'if (!trouble.gone) return watchList({ ...trouble, gone: true }, context, losses);\n',
    replace: '',
    tests: STATES,
  },
  {
    name: 'reflector: waits for ever for the bookmark that ends the initial events',
    file: GATHERING,
    find: 'if (context.now < dueAt)',
    replace: 'if (context.now < Number.POSITIVE_INFINITY)',
    tests: STATES,
  },
  {
    name: 'reflector: takes changes for initial events',
    file: GATHERING,
    find: "event.type === 'ADDED' ? context.now : state.addedAt",
    replace: 'context.now',
    tests: STATES,
  },
  {
    name: 'reflector: takes the time in which a WatchList waits for its turn for that of the server',
    file: 'src/informer/transitions.ts',
    find: "effects: [{ kind: 'WatchList', timeoutSeconds }],",
    replace: "effects: [{ kind: 'SetTimer', ms: OPEN_WITHIN_MS }, { kind: 'WatchList', timeoutSeconds }],",
    tests: STATES,
  },
  {
    name: 'reflector: takes the time in which a watch that broke waits for its turn for that of the server',
    file: 'src/informer/transitions.ts',
    find: "effects: [{ kind: 'Watch', resourceVersion, timeoutSeconds, resumed }],",
    replace:
      "effects: [{ kind: 'Watch', resourceVersion, timeoutSeconds, resumed }, { kind: 'SetTimer', ms: OPEN_WITHIN_MS }],",
    tests: ['src/informer'],
    byRow: true,
  },
  {
    name: 'reflector: loops where a version is too large for the server',
    file: 'src/informer/reflector-state.ts',
    find: 'isResourceVersionTooLarge(error) && !trouble.tooLarge',
    replace: 'isResourceVersionTooLarge(error)',
    tests: STATES,
  },
  {
    name: 'reflector: waits where a version is too large for the server',
    file: 'src/informer/reflector-state.ts',
    find: 'isResourceVersionTooLarge(error) && !trouble.tooLarge',
    replace: 'error.code === undefined',
    tests: STATES,
  },
  {
    name: 'lists: a WatchList has its turn for as long as it watches',
    file: 'src/informer/list-slots.ts',
    find: "if (event.type === 'BOOKMARK' && event.initialEventsEnd && isMine)",
    replace: "if (event.type === 'ERROR' && isMine)",
    tests: SLOTS,
  },
  {
    name: 'lists: go on where the server asks to wait',
    file: 'src/informer/turns.ts',
    find: 'this.#pause.atLeast(ms);',
    replace: '',
    tests: SLOTS,
  },
  {
    name: 'lists: stay few after an overload',
    file: 'src/base/adaptive-width.ts',
    find: 'this.#width = Math.min(this.#most, this.now + 1);',
    replace: 'this.#width = this.now;',
    tests: SLOTS,
  },
  {
    name: 'lists: one kind that is always refused slows all others',
    file: 'src/informer/list-slots.ts',
    find: '!(error instanceof ApiError) || limited.refused',
    replace: '!(error instanceof ApiError)',
    tests: SLOTS,
  },
];
