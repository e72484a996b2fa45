import { STORE_MUTANTS } from './store.ts';
import { WATCH_LIST_MUTANTS } from './watch-lists.ts';

/** One way in which the product could be wrong. */
export interface Mutant {
  /** What it then does. */
  readonly name: string;
  readonly file: string;
  /** There exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Folders or files whose units should notice. */
  readonly tests: readonly string[];
  /** A test that names a row of docs/informers.md must be among those that notice. Default false. */
  readonly byRow?: boolean;
}

const CONTROLLER = ['src/controller'];
const PLAN = ['src/watchplan', 'src/controller'];
const REPORT = ['src/report'];
const SELECTION = ['src/informer/selection.test.ts'];

export const MUTANTS: readonly Mutant[] = [
  ...WATCH_LIST_MUTANTS,
  ...STORE_MUTANTS,
  {
    name: 'reconciler: evaluates a kind that cannot be relied on',
    file: 'src/controller/object-controller.ts',
    find: '} else if (!isReady(kind) || (isToGo(object, protection) && !isKnown(kind))) {',
    replace: '} else if (false) {',
    tests: CONTROLLER,
  },
  {
    name: 'ledger: writes over what stands there otherwise than it was written',
    file: 'src/controller/ledger.ts',
    find: '      this.#found(found);\n',
    replace: '',
    tests: CONTROLLER,
  },
  {
    name: 'ledger: a policy whose writes wait for the record has nothing left of before',
    file: 'src/controller/ledger-upkeep.ts',
    find: ' || kind.holdsWrites()',
    replace: '',
    tests: CONTROLLER,
  },
  {
    name: 'writer: a refusal holds whatever is wanted by then',
    file: 'src/controller/refusals.ts',
    find: ' && isDeepStrictEqual(standing.desired, desired)',
    replace: '',
    tests: CONTROLLER,
  },
  {
    name: 'elector: does not see that time went back',
    file: 'src/ops/elector.ts',
    find: 'if (isEarlier(lease.resourceVersion, seen.lease.resourceVersion)) this.#options.onWentBack?.();',
    replace: '',
    tests: ['src/ops'],
  },
  {
    name: 'reconciler: does not mend a ledger that was lost',
    file: 'src/controller/object-controller.ts',
    find: ' || (isToGo(object, protection) && !isKnown(kind))',
    replace: '',
    tests: CONTROLLER,
  },
  {
    name: 'reconciler: lets a kind go by an old picture of it',
    file: 'src/controller/watched-kind.ts',
    find: 'if (!this.#isVerified) this.informer.relist();',
    replace: '',
    tests: CONTROLLER,
  },
  {
    name: 'reconciler: forgets at once what a policy was enforced with before',
    file: 'src/controller/ledger.ts',
    find: 'const record = before === undefined ? present : unionOf(before, present);',
    replace: 'const record: PolicyRecord = present;',
    tests: CONTROLLER,
  },
  {
    name: 'reconciler: keeps what was said about an object that is gone',
    file: 'src/controller/departures.ts',
    find: '      this.#verdicts.forget(kind.name, key);\n',
    replace: '',
    tests: CONTROLLER,
  },
  {
    name: 'gates: each waits for an object that the other one holds',
    file: 'src/controller/kind-gates.ts',
    find: '    this.#rights.wait(key);\n    // If',
    replace: '    this.#rights.wait(key);\n    return;\n    // If',
    tests: CONTROLLER,
  },
  {
    name: 'gates: wait for an object that waits by itself',
    file: 'src/controller/kind-writer.ts',
    find: 'standing === undefined || this.#gates.isTrying(key)',
    replace: 'standing === undefined',
    tests: CONTROLLER,
  },
  {
    name: 'reconciler: writes a kind before it is on record in the ledger',
    file: 'src/controller/kind-writer.ts',
    find: 'const isRecorded = !this.#gates.admits(key) || (await this.#ensureRecord(key));',
    replace: 'const isRecorded = !this.#gates.admits(key) || this.#ensureRecord(key) !== undefined;',
    tests: CONTROLLER,
  },
  {
    name: 'reconciler: takes a write that was made on an old picture for done',
    file: 'src/controller/kind-writer.ts',
    find: "      case 'Stale':\n        return { kind: 'Retry' };",
    replace: "      case 'Stale':\n        return DONE;",
    tests: CONTROLLER,
  },
  {
    name: 'reconciler: what was asked for during a refused write has it made again at once',
    file: 'src/controller/kind-writer.ts',
    find: 'afterMs: REFUSED_RETRY_MS, askedAnew: true',
    replace: 'afterMs: REFUSED_RETRY_MS',
    tests: CONTROLLER,
  },
  {
    name: 'registry: that the server went back in time is known to the watch alone that shows it',
    file: 'src/informer/registry.ts',
    find: '    for (const { informer } of this.#running.values()) informer.relist();\n',
    replace: '',
    tests: ['src/informer/registry.test.ts'],
  },
  {
    name: 'planner: watches for suspended policies',
    file: 'src/watchplan/plan.ts',
    find: "    if (program.mode === 'Suspended') continue;\n",
    replace: '',
    tests: PLAN,
  },
  {
    name: 'planner: forgets kinds that may carry keys of policies that are gone',
    file: 'src/watchplan/plan.ts',
    find: "  for (const name of written) draftOf(drafts, watchedName(name, discovery)).owners.add('cleanup');\n",
    replace: '',
    tests: PLAN,
  },
  {
    name: 'planner: does not watch Namespaces for what is in them',
    file: 'src/watchplan/plan.ts',
    find: "  if (drafts.size > 0) draftOf(drafts, NAMESPACES).owners.add('source');\n",
    replace: '',
    tests: PLAN,
  },
  {
    name: 'planner: a CRD that was made again keeps the informer of the one before',
    file: 'src/watchplan/kind-plan.ts',
    find: '      incarnation,\n',
    replace: '      incarnation: undefined,\n',
    tests: PLAN,
  },
  {
    name: 'status writer: writes what stands there already',
    file: 'src/report/policy-status.ts',
    find: 'if (isDeepStrictEqual(status, this.#standing)) {',
    replace: 'if (isDeepStrictEqual(status, undefined)) {',
    tests: REPORT,
  },
  {
    name: 'status writer: writes more than once a second',
    file: 'src/report/policy-status.ts',
    find: 'const MIN_GAP_MS = 1_000;',
    replace: 'const MIN_GAP_MS = 0;',
    tests: REPORT,
  },
  {
    name: 'status writer: gives up after a write that failed',
    file: 'src/report/policy-status.ts',
    find: '        this.#backoff ??= new Backoff(RETRY, clock, random);\n        this.#dirty = true;\n',
    replace: '        this.#backoff ??= new Backoff(RETRY, clock, random);\n',
    tests: REPORT,
  },
  {
    name: 'status writer: counts an object again and again',
    file: 'src/report/verdict-table.ts',
    find: 'count(policy.totals, verdict, -1);',
    replace: '',
    tests: REPORT,
  },
  {
    name: 'elector: may write after its deadline until a timer says so',
    file: 'src/ops/elector.ts',
    find: 'return leads(this.#election, this.#options, this.#options.clock.monotonic());',
    replace: "return this.#election.role.kind === 'Leading';",
    tests: ['src/ops'],
  },
  {
    name: 'selectors: a bad request for a later page counts as a refusal of them',
    file: 'src/informer/selector-refusals.ts',
    find: 'options.continue === undefined ? page.catch(notice) : page',
    replace: 'page.catch(notice)',
    tests: SELECTION,
  },
  {
    name: 'selectors: once refused they are never tried again',
    file: 'src/informer/informer.ts',
    find: '      this.#takesNoSelector = undefined;\n      this.select(this.#wanted);',
    replace: '',
    tests: SELECTION,
  },
  {
    name: 'credentials: nobody minds when a plugin says that they end',
    file: 'src/kube/expiry.ts',
    find: '[life, tokenLife',
    replace: '[tokenLife',
    tests: ['src/kube/expiry.test.ts', 'src/kube/credentials.test.ts'],
  },
  {
    name: 'credentials: a plugin is kept after its credentials were refused',
    file: 'src/kube/kubeconfig-source.ts',
    find: 'if (fresh.text !== loaded.text || !usesOpenId(loaded.config)) loaded = fresh;',
    replace: 'if (fresh.text !== loaded.text) loaded = fresh;',
    tests: ['src/kube/credentials.test.ts'],
  },
];
