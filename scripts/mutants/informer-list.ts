import type { Mutant } from './list.ts';

const STATE = 'src/informer/reflector-state.ts';
const TRANSITIONS = 'src/informer/transitions.ts';
const DRIVER = 'src/informer/reflector.ts';
const INFORMER = 'src/informer/informer.ts';
const STORE = 'src/informer/store.ts';
const REGISTRY = 'src/informer/registry.ts';
const LANES = 'src/controller/lanes.ts';
const QUEUE = 'src/controller/write-queue.ts';
const REFLECTOR_TESTS = ['reflector-state', 'reflector', 'over-http2'].map((name) => `src/informer/${name}.test.ts`);
const INFORMER_TESTS = ['store', 'informer', 'registry', 'selection'].map((name) => `src/informer/${name}.test.ts`);
const QUEUE_TESTS = ['src/controller/lanes.test.ts', 'src/controller/write-queue.test.ts'];

/** Ways in which reflector, store, informer and queues could be wrong; a row of docs/informers.md notices each. */
export const INFORMER_MUTANTS: readonly Mutant[] = [
  ...[
    {
      name: 'reflector: watches from the version of the last page',
      file: STATE,
      find: "const resourceVersion = cursor.continue === '' ? input.resourceVersion : cursor.resourceVersion;",
      replace: 'const resourceVersion = input.resourceVersion;',
    },
    {
      name: 'reflector: lists in pages again when a page has expired',
      file: STATE,
      find: 'return list({ ...WHOLE_LIST, limit: undefined }, trouble);',
      replace: 'return list(WHOLE_LIST, trouble);',
    },
    {
      name: 'reflector: asks for as many large objects in a page as for small ones',
      file: TRANSITIONS,
      find: 'if (limit === undefined || itemBytes === undefined) return next;',
      replace: 'return next;',
    },
    {
      name: 'reflector: keeps what earlier pages held when it lists anew',
      file: DRIVER,
      find: '  #beginAnew(): void {\n    this.#items = [];\n',
      replace: '  #beginAnew(): void {\n',
    },
    {
      name: 'reflector: comes back before the time that the server asked for',
      file: TRANSITIONS,
      find: 'const ms = Math.max(context.nextDelay(), error.retryAfterMs ?? 0);',
      replace: 'const ms = context.nextDelay();',
    },
    {
      name: 'reflector: lists when a watch is told to come back later',
      file: STATE,
      find: 'it may say so for as long as it likes.\n      return resume(state, error, context);',
      replace:
        "it may say so for as long as it likes.\n      return backOff({ kind: 'List', cursor: WHOLE_LIST }, error, state.trouble, context);",
    },
    {
      name: 'reflector: only the first bookmark is a sign of life',
      file: STATE,
      find: 'const next = advance(state, resourceVersion, context.now);',
      replace: 'const next = advance(state, resourceVersion, state.heardAt ?? context.now);',
    },
    {
      name: 'reflector: watches on where history is gone',
      file: STATE,
      find: 'if (!state.trouble.gone) return sync({ ...state.trouble, gone: true }, context);',
      replace: 'if (!state.trouble.gone) return resume(state, error, context);',
    },
    {
      name: 'reflector: lists without end where history is gone again and again',
      file: STATE,
      find: 'return sync({ ...state.trouble, gone: true }, context);',
      replace: 'return sync({ ...state.trouble, gone: false }, context);',
    },
    {
      name: 'reflector: never lists however long the server fails a watch',
      file: STATE,
      find: 'if (context.now - failingSince < RESUME_FOR_MS) {',
      replace: 'if (context.now >= failingSince) {',
    },
    {
      name: 'reflector: lists after each watch that ended in its time',
      file: STATE,
      find: "return restart(\n    'Ended',\n    isResumable(resourceVersion)",
      replace: "return restart(\n    'Ended',\n    resourceVersion === 'never'",
    },
    {
      name: 'reflector: takes a watch that ends at once for a good one',
      file: STATE,
      find: 'if (!state.progressed && !hasLasted(state, context)) {',
      replace: 'if (!state.progressed && state.timeoutSeconds < 0) {',
    },
    {
      name: 'reflector: does not move on with a bookmark',
      file: STATE,
      find: 'const next = advance(state, resourceVersion, context.now);',
      replace: "const next = advance(state, '', context.now);",
    },
    {
      name: 'reflector: believes the versions of the objects that a watch begins with',
      file: STATE,
      find: "const synthetic = event.type === 'ADDED' && !isResumable(state.resourceVersion);",
      replace: 'const synthetic = false;',
    },
    {
      name: 'reflector: stays with a watch that goes on past its time',
      file: STATE,
      find: "    case 'TimerFired':\n      return overdue(state, context);\n",
      replace: "    case 'TimerFired':\n",
    },
    {
      name: 'reflector: stays with a watch that has fallen silent',
      file: TRANSITIONS,
      find: 'return heardAt === undefined ? Number.POSITIVE_INFINITY : heardAt + SILENT_MS;',
      replace: 'return heardAt === -1 ? heardAt : Number.POSITIVE_INFINITY;',
    },
    {
      name: 'reflector: delivers what a watch says after it was left',
      file: DRIVER,
      find: "if (current()) this.#dispatch({ kind: 'WatchEvent', event });",
      replace: "this.#dispatch({ kind: 'WatchEvent', event });",
    },
    {
      name: 'reflector: leaves its request running when it stops',
      file: DRIVER,
      find: '        this.#flight?.abort();\n',
      replace: '',
    },
  ].map((mutant) => ({ ...mutant, tests: REFLECTOR_TESTS, byRow: true })),
  ...[
    {
      name: 'store: a list forgets to say what it does not have any more',
      file: STORE,
      find: '        removed.push(previous);\n        this.#indices.changed(previous, undefined);',
      replace: '        this.#indices.changed(previous, undefined);',
    },
    {
      name: 'store: an object made again is the old one, changed',
      file: STORE,
      find: "      return { kind: 'Recreated', previous };",
      replace: "      return { kind: 'Changed', previous };",
    },
    {
      name: 'store: an older event takes the place of what we wrote',
      file: STORE,
      find: "if (isOlder(object, previous)) return { kind: 'Unchanged' };",
      replace: '',
    },
    {
      name: 'store: a list takes back an answer that came while it was on its way',
      file: STORE,
      find: 'if (this.#answered.get(key) === this.#listsStarted && isOlder(item, previous)) {',
      replace: 'if (this.#answered.get(key) === -1 && isOlder(item, previous)) {',
    },
    {
      name: 'store: tells of the version again that it has',
      file: STORE,
      find: "if (previous.resourceVersion === object.resourceVersion) return { kind: 'Unchanged' };",
      replace: '',
    },
    {
      name: 'informer: counts as synced before the first list was told',
      file: INFORMER,
      find: '    const { isListed } = this.#watches;\n    const unselected',
      replace: '    const { isListed } = this.#watches;\n    this.#synced = true;\n    const unselected',
    },
    {
      name: 'informer: waits for what is not selected any more',
      file: INFORMER,
      find: "      if (!isListed || this.#life === 'Stopped') return;\n",
      replace: '      if (!isListed || !this.#synced) return;\n',
    },
    {
      name: 'informer: one handler that throws ends the telling',
      file: INFORMER,
      find: '    } catch (thrown) {\n      failed(thrown);\n    }',
      replace: '    } catch (thrown) {\n      failed(thrown);\n      return;\n    }',
    },
    {
      name: 'informer: tells a late handler nothing of what is there',
      file: INFORMER,
      find: 'tell([registration], (to) => to.change(object, undefined, origin), this.#failed);',
      replace: 'void object;',
    },
    {
      name: 'registry: stops an informer as soon as one owner leaves',
      file: REGISTRY,
      find: '      if (this.#wanted(id) !== undefined) continue;',
      replace: '      if ((this.#wanted(id)?.owners.size ?? 0) > 1) continue;',
    },
    {
      name: 'registry: starts a new informer beside one that is still ending',
      file: REGISTRY,
      find: '      if (this.#stopping.has(id)) {',
      replace: '      if (this.#stopping.has(`${id}-`)) {',
    },
  ].map((mutant) => ({ ...mutant, tests: INFORMER_TESTS, byRow: true })),
  ...[
    {
      name: 'queue: the many starve while changes come',
      file: LANES,
      find: 'const isBulksTurn = this.#changes.size === 0 || (',
      replace: 'const isBulksTurn = this.#changes.size === 0 && (',
    },
    {
      name: 'queue: the many have no larger share however long they wait',
      file: LANES,
      find: '    if (isBulksTurn) this.#bulkWaitedMs = now - taken.at;\n',
      replace: '',
    },
    {
      name: 'queue: a key that changes stays among the many',
      file: LANES,
      find: '      this.#changes.add(owner, item, this.#bulk.delete(owner, item) ?? at);',
      replace: '      if (!this.#bulk.has(owner, item)) this.#changes.add(owner, item, at);',
    },
    {
      name: 'queue: works on a key twice at once',
      file: QUEUE,
      find: "} else if (entry.state.kind === 'Running') {",
      replace: "} else if (entry.state.kind === 'Running' && this.#stopped) {",
    },
    {
      name: 'queue: forgets what is asked for while a key is worked on',
      file: QUEUE,
      find: "meanwhile.kind === 'Forgotten' || (turn.kind === 'Done' && meanwhile.kind === 'Nothing')) {",
      replace: "meanwhile.kind === 'Forgotten' || turn.kind === 'Done') {",
    },
    {
      name: 'queue: the last of several delays counts, not the shortest',
      file: QUEUE,
      find: 'if (dueAt < entry.state.dueAt) this.#delay(entry, withinMs);',
      replace: 'if (dueAt > 0) this.#delay(entry, withinMs);',
    },
    {
      name: 'queue: does not wait for the work under way when it stops',
      file: QUEUE,
      find: 'if (this.#running > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));',
      replace: '',
    },
  ].map((mutant) => ({ ...mutant, tests: QUEUE_TESTS, byRow: true })),
];
