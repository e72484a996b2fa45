import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, enforcing, NAMESPACES } from '../../test/support/compiled-policy.ts';
import { FakeCluster } from '../../test/support/fake-cluster.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { quietKindSet } from '../../test/support/quiet-kind-set.ts';
import { quietLedger } from '../../test/support/quiet-ledger.ts';
import { silentLog } from '../base/log.ts';
import { InformerRegistry } from '../informer/registry.ts';
import { Incarnations } from './incarnations.ts';
import { PlanReconciler } from './plan-reconciler.ts';
import { PolicySet } from './policy-set.ts';

const stops: (() => Promise<void>)[] = [];

/** Turns of the event loop until it holds. */
async function turnsUntil(holds: () => boolean): Promise<number> {
  let turns = 0;
  for (; !holds() && turns < 200; turns++) await turn();
  return turns;
}

/** A reconciler on whose clock each step of planning takes a whole slice. */
function setUp() {
  const clock = new ManualClock();
  let broken = false;
  const retries: number[] = [];
  const cluster = new FakeCluster();
  cluster.serve(NAMESPACES);
  cluster.serve(CONFIG_MAPS);
  const createListWatch: typeof cluster.createListWatch = (target) => {
    if (broken && target.gvr.resource === 'configmaps') throw new Error('it cannot be made');
    return cluster.createListWatch(target);
  };
  const registry = new InformerRegistry({
    clock,
    random: () => 0,
    log: silentLog,
    createListWatch,
    prepare: () => {},
  });
  const stored: { data: Record<string, string> } = { data: {} };
  const ledger = quietLedger({ read: async () => stored.data });
  const policies = new PolicySet();
  const told = { met: true, policies: [] as string[] };
  let spent = 0;
  const reconciler = new PlanReconciler({
    clock: {
      monotonic: () => {
        spent += 5;
        return spent;
      },
      after: (ms, run) => {
        retries.push(ms);
        return clock.after(ms, run);
      },
    },
    log: silentLog,
    namespaces: undefined,
    policies,
    ledger,
    upkeep: { flush: () => {} },
    discovery: {
      get snapshot() {
        return cluster.discovered;
      },
      trigger: () => {},
    },
    incarnations: new Incarnations(),
    prerequisites: {
      get met() {
        return told.met;
      },
    },
    registry,
    kinds: quietKindSet({ clock }),
    reevaluation: { set: () => {} },
    observer: { policyChanged: ({ name }) => told.policies.push(name), kindChanged: () => {} },
  });
  stops.push(async () => {
    reconciler.stop();
    await registry.stopAll();
  });
  const put = (name: string, generation = 1): void => {
    const spec = enforcing({ rules: [{ name: 'r', set: { labels: [{ key: `k${generation}`, value: 'v' }] } }] });
    policies.upsert(cachedObject({ name, namespace: '', uid: name, generation, body: { spec } }));
    reconciler.replanSoon();
  };
  const planned = () => [...reconciler.plan.parts.keys()];
  const breakWatches = (isBroken: boolean): void => {
    broken = isBroken;
  };
  return { clock, reconciler, registry, ledger, stored, policies, told, put, planned, breakWatches, retries };
}

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

describe('a plan that is too long for one turn of the event loop', () => {
  test('row 42: is made in several, and until it is whole the one before is in force', async () => {
    const { reconciler, put, planned } = setUp();
    put('p0');
    await turnsUntil(() => planned().length === 1);
    const before = reconciler.plan;
    for (let i = 1; i < 10; i++) put(`p${i}`);
    expect(await turnsUntil(() => reconciler.plan !== before)).toBeGreaterThan(10);
    expect(planned()).toHaveLength(10);
    expect(reconciler.plan.kinds.get('configmaps')?.programs).toHaveLength(10);
  });

  test('becomes whole while changes go on and on, and what came meanwhile is in a later one', async () => {
    const { reconciler, policies, put, planned } = setUp();
    const plans = new Set([reconciler.plan]);
    const generations: (number | undefined)[] = [];
    for (let generation = 1; generation <= 60; generation++) {
      put('p', generation);
      await turn();
      if (plans.has(reconciler.plan)) continue;
      plans.add(reconciler.plan);
      generations.push(reconciler.plan.parts.get('p')?.program.generation);
    }
    expect(generations.length).toBeGreaterThan(3);
    const isLast = () => reconciler.plan.parts.get('p')?.program === policies.get('p')?.program;
    await turnsUntil(isLast);
    expect(isLast()).toBe(true);
    policies.remove('p');
    reconciler.replanSoon();
    await turnsUntil(() => planned().length === 0);
    expect(planned()).toEqual([]);
  });

  test('tells of the policies that are there when it is whole', async () => {
    const { policies, told, put } = setUp();
    put('a');
    put('b');
    await turn();
    policies.remove('a');
    put('c');
    expect(told.policies).toEqual([]);
    await turnsUntil(() => told.policies.length > 0);
    expect(told.policies).toEqual(['b', 'c']);
  });

  test('is dropped when the ledger is read anew, and nothing counts until there is one that knows it', async () => {
    const { reconciler, ledger, stored, put } = setUp();
    put('p');
    await turnsUntil(() => reconciler.followsLedger);
    const before = reconciler.plan;
    put('q');
    await turn();
    reconciler.ledgerOutdated();
    expect(reconciler.followsLedger).toBe(false);
    stored.data = { kinds: 'gadgets.acme.io' };
    await ledger.load();
    reconciler.ledgerLoaded();
    expect(reconciler.followsLedger).toBe(false);
    await turnsUntil(() => reconciler.plan !== before);
    expect(reconciler.followsLedger).toBe(true);
    expect(reconciler.plan.absent.has('gadgets.acme.io')).toBe(true);
  });

  test('row 42: is not carried out where what must be known is not known any more', async () => {
    const { reconciler, told, put } = setUp();
    put('p');
    await turn();
    told.met = false;
    await turnsUntil(() => reconciler.plan.parts.size > 0);
    expect(reconciler.plan.parts.size).toBe(0);
    told.met = true;
    reconciler.replanSoon();
    await turnsUntil(() => reconciler.plan.parts.size > 0);
    expect(reconciler.plan.parts.size).toBe(1);
  });

  test('goes no further when it is stopped', async () => {
    const { reconciler, put } = setUp();
    put('p');
    await turn();
    reconciler.stop();
    put('q');
    reconciler.ledgerLoaded();
    await turnsUntil(() => reconciler.plan.parts.size > 0);
    expect(reconciler.plan.parts.size).toBe(0);
  });
});

test('row 42: a watch that could not be made is tried again by itself, ever more rarely, and no more when it is there', async () => {
  const { clock, registry, put, planned, breakWatches, retries } = setUp();
  const isThere = () => [...registry.entries()].some(([, { gvr }]) => gvr.resource === 'configmaps');
  breakWatches(true);
  put('p');
  await turnsUntil(() => planned().length === 1);
  await clock.advance(60_000);
  expect(isThere()).toBe(false);
  expect(retries.length).toBeGreaterThan(2);
  expect(retries).toEqual(retries.toSorted((a, b) => a - b));
  breakWatches(false);
  await clock.advance(60_000);
  expect(isThere()).toBe(true);
  const { length } = retries;
  await clock.advance(600_000);
  expect(retries).toHaveLength(length);
});
