import type { CachedObject } from '../../src/api/object.ts';
import { objectKey } from '../../src/api/object.ts';
import { groupResourceName } from '../../src/api/resource.ts';
import { HeldKeys } from '../../src/controller/held-keys.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { DiscoverySnapshot } from '../../src/kube/discovery.ts';
import { createListWatch } from '../../src/kube/list-watch-client.ts';
import { byPrecedence, evaluate } from '../../src/policy/evaluate.ts';
import type { Program, Sight } from '../../src/policy/program.ts';
import { count, noTotals } from '../../src/report/policy-totals.ts';
import type { KindPlan, ViewPlan } from '../../src/watchplan/kind-plan.ts';
import type { PolicyRecord } from '../../src/watchplan/ledger-room.ts';
import { planWatches } from '../../src/watchplan/plan.ts';
import { nextWrite, type WriteStep } from '../../src/write/plan-write.ts';
import type { PolicyModel } from './policy-model.ts';

/** What should stand in one policy's status. */
export interface ExpectedStatus {
  readonly accepted: boolean;
  /** Undefined where nothing is in force. */
  readonly summary: Readonly<Record<string, number>> | undefined;
  /** One line for each result, sorted. */
  readonly results: readonly string[];
}

export interface Expectation {
  /** Objects that are not as they should be, with the write that is missing. Empty when all is at rest. */
  readonly unsettled: readonly string[];
  /** By policy. */
  readonly statuses: Readonly<Record<string, ExpectedStatus>>;
  readonly objects: number;
  /** Names of the kinds that must be watched. */
  readonly kinds: readonly string[];
}

export interface Scope {
  readonly policies: Iterable<PolicyModel>;
  readonly namespaces: readonly string[];
  /** What the ledger says of the policy of this name and uid. */
  readonly recorded?: (policy: string, uid: string) => PolicyRecord | undefined;
  /** Kinds that may carry keys of ours, whatever the policies are now about. */
  readonly written: readonly string[];
}

const signal = new AbortController().signal;
const SOURCES: ReadonlySet<string> = new Set(['namespaces']);
/** What globs of a history fit and the operator has no right to. */
const FORBIDDEN: ReadonlySet<string> = new Set(['serviceaccounts']);
const COUNTED = ['matched', 'compliant', 'violating', 'errors', 'yielded', 'owned'] as const;

/**
 * What the pure core says of a cluster as it stands, computed from scratch: the objects, their namespaces and what discovery
 * serves as they are read now, and the policies as their history leaves them.
 */
export async function expectation(
  client: KubeClient,
  discovery: DiscoverySnapshot,
  scope: Scope,
): Promise<Expectation> {
  const models = [...scope.policies];
  const programs = models.flatMap(({ program }) => program ?? []);
  const records = models.flatMap((model) => {
    const { name, uid } = model.version;
    const record = model.held(scope.recorded?.(name, uid));
    return record === undefined ? [] : [[name, record] as const];
  });
  const held = new HeldKeys({ held: new Map(records), handedOver: [] });
  const plan = planWatches({
    programs,
    discovery,
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(scope.written.filter((name) => discovery.has(name))),
  });
  const namespaces = await namespacesOf(client, scope.namespaces);
  const unsettled: string[] = [];
  const totals = new Map(programs.map((program) => [program.policy, noTotals()]));
  const results = new Map<string, string[]>(programs.map(({ policy }) => [policy, []]));
  let objects = 0;
  for (const kind of plan.kinds.values()) {
    const [{ context }] = kind.views;
    if (SOURCES.has(groupResourceName(context)) || FORBIDDEN.has(groupResourceName(context))) continue;
    const sorted = kind.programs.toSorted(byPrecedence);
    const [main = [], ...others] = await Promise.all(
      kind.views.map(async (view) => objectsOf(client, view, scope.namespaces)),
    );
    for (const object of main) {
      objects += 1;
      const { desired, verdicts } = evaluate({
        object,
        kind: context,
        sightOf: (program) => sightOf(kind, program, object, others),
        programs: sorted,
        held: held.on(context, object),
        namespaceOf: (name) => namespaces.get(name),
      });
      const missing = desired === undefined ? undefined : nextWrite(object, desired);
      if (missing !== undefined)
        unsettled.push(`${groupResourceName(context)} ${objectKey(object)}: ${shown(missing)}`);
      for (const [i, verdict] of verdicts.entries()) {
        const policy = sorted[i]?.policy ?? '';
        const total = totals.get(policy);
        if (total !== undefined) count(total, verdict, 1);
        for (const { rule, result, message } of verdict.results)
          results.get(policy)?.push(`${context.kind} ${objectKey(object)} ${rule} ${result}: ${message}`);
      }
    }
  }
  const statuses = models.map(({ version: { name }, program, accepted }) => {
    const total = totals.get(name);
    const speaks = total !== undefined && program?.mode !== 'Suspended';
    return [
      name,
      {
        accepted,
        summary: speaks ? Object.fromEntries(COUNTED.map((field) => [field, total[field]])) : undefined,
        results: speaks ? (results.get(name)?.toSorted() ?? []) : [],
      },
    ] as const;
  });
  return { unsettled, statuses: Object.fromEntries(statuses), objects, kinds: [...plan.kinds.keys()].toSorted() };
}

async function namespacesOf(client: KubeClient, names: readonly string[]): Promise<ReadonlyMap<string, CachedObject>> {
  const gvr = { group: '', version: 'v1', resource: 'namespaces' };
  const { items } = await createListWatch(client, { gvr, representation: { kind: 'Metadata' } }).list({ signal });
  return new Map(items.filter(({ name }) => names.includes(name)).map((namespace) => [namespace.name, namespace]));
}

/** `others`: the objects of the views beside the main one. */
function sightOf(
  { views, versions }: KindPlan,
  program: Program,
  object: CachedObject,
  others: readonly (readonly CachedObject[])[],
): Sight {
  const [main] = views;
  const version = versions.get(program) ?? main.context.version;
  const at = views.findIndex(({ context }) => context.version === version);
  const view = views[at];
  if (view === undefined) return 'NotServed';
  if (view === main) return { object, kind: main.context };
  const seen = others[at - 1]?.find((other) => objectKey(other) === objectKey(object));
  return seen === undefined ? 'Pending' : { object: { ...object, body: seen.body }, kind: view.context };
}

async function objectsOf(
  client: KubeClient,
  { spec }: ViewPlan,
  namespaces: readonly string[],
): Promise<CachedObject[]> {
  const { gvr, representation } = spec;
  const lists = await Promise.all(
    namespaces.map((namespace) => createListWatch(client, { gvr, namespace, representation }).list({ signal })),
  );
  return lists.flatMap(({ items }) => items);
}

function shown(step: WriteStep): string {
  if (step.kind === 'CleanUp') {
    const { labels, annotations } = step.cleanUp;
    return `should not have ${JSON.stringify([...labels, ...annotations])}`;
  }
  if (step.kind === 'Rewrite') return `should be written anew: ${JSON.stringify(step.rewrite)}`;
  const { fieldManager, keys } = step.apply;
  return `${fieldManager} should own ${JSON.stringify([...keys.labels, ...keys.annotations])}`;
}
