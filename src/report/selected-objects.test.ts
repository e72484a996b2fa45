import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, enforcing } from '../../test/support/compiled-policy.ts';
import { ControllerWorld, POLICIES } from '../../test/support/controller-world.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { CachedObject } from '../api/object.ts';
import { byPrecedence, evaluate } from '../policy/evaluate.ts';
import { count, noTotals } from './policy-totals.ts';
import { VerdictTable } from './verdict-table.ts';

const REQUIRE = { name: 'team', require: { labels: [{ key: 'team' }] } };
const SET = { name: 'set', set: { labels: [{ key: 'set', value: 'yes' }] } };
const NAMES = ['default', 'a', 'b', 'c'];

/** The product from watches to counts, over a cluster that selects as the API server does. */
class World extends ControllerWorld {
  readonly told: string[];
  readonly verdicts: VerdictTable;
  readonly #lives = new Map<string, number>();

  constructor() {
    const told: string[] = [];
    const clock = new ManualClock();
    const verdicts = new VerdictTable({
      clock,
      onChange: () => {},
      inForce: (name) => this.policies.get(name)?.program,
      observer: {
        changed: (_kind, { name }, { policy }, { appeared, ended }) => {
          if (appeared.length > 0) told.push(`${policy}: ${name} appeared`);
          if (ended.length > 0) told.push(`${policy}: ${name} ended`);
        },
        gone: (policy, { name }) => told.push(`${policy}: ${name} gone`),
      },
    });
    super({
      clock,
      verdicts,
      observer: {
        policyChanged: () => {},
        policyRemoved: (name) => verdicts.forgetPolicy(name),
        kindChanged: () => {},
      },
    });
    this.told = told;
    this.verdicts = verdicts;
    for (const name of NAMES)
      this.cluster.put('namespaces', cachedObject({ name, namespace: '', labels: { env: name } }));
  }

  async start(): Promise<void> {
    this.meta.start();
    await this.readLedger();
  }

  async readLedger(): Promise<void> {
    this.meta.ledgerOutdated();
    await this.ledger.load();
    this.meta.ledgerLoaded();
    await this.quiet();
  }

  coverage(policy: string) {
    const { program } = this.policies.get(policy) ?? {};
    const { status } = this.meta;
    return program && [status.coverage(program), status.state(CONFIG_MAPS, program).state];
  }

  async policy(name: string, fields: object, generation = 1): Promise<void> {
    const spec = enforcing({ mode: 'Audit', rules: [REQUIRE], ...fields });
    const { uid } = this.cluster.get(POLICIES, name) ?? { uid: this.#newUid(name) };
    this.cluster.put(POLICIES, cachedObject({ name, namespace: '', uid, generation, body: { spec } }));
    await this.quiet();
  }

  async object(name: string, labels: Readonly<Record<string, string>>, namespace = 'default'): Promise<void> {
    const before = this.cluster.get('configmaps', `${namespace}/${name}`);
    const own = Object.fromEntries((before?.applied.labels ?? []).map((key) => [key, before?.labels[key] ?? '']));
    const { uid } = before ?? { uid: this.#newUid(name) };
    const object = cachedObject({ name, namespace, uid, ...before, labels: { ...labels, ...own } });
    this.cluster.put('configmaps', object);
    await this.quiet();
  }

  /** Of the first of its name it is `uid-NAME`. */
  #newUid(name: string): string {
    const life = (this.#lives.get(name) ?? 0) + 1;
    this.#lives.set(name, life);
    return life === 1 ? `uid-${name}` : `uid-${name}-${life}`;
  }

  get selected(): readonly string[] {
    const [kind] = this.meta.of('configmaps');
    return [...(kind?.informer.store.keys() ?? [])].toSorted();
  }

  matched(policy: string): number {
    return this.verdicts.totals(policy).matched;
  }

  /**
   * What all objects of the server come to, each evaluated by itself: counts by policy, and keys that are not as they
   * should be.
   */
  expected(all: readonly CachedObject[]) {
    const programs = this.policies.entries().flatMap(({ program }) => program ?? []);
    const totals = new Map(programs.map(({ policy }) => [policy, noTotals()]));
    const wrong: string[] = [];
    for (const object of all) {
      const { verdicts, desired } = evaluate({
        object,
        kind: CONFIG_MAPS,
        programs: programs.toSorted(byPrecedence),
        held: this.meta.held.on(CONFIG_MAPS, object),
        namespaceOf: (name) => this.cluster.get('namespaces', name),
      });
      for (const [i, { policy }] of programs.toSorted(byPrecedence).entries()) {
        const verdict = verdicts[i];
        const total = totals.get(policy);
        if (verdict !== undefined && total !== undefined) count(total, verdict, 1);
      }
      if (desired !== undefined && this.writer.differs(object, desired)) wrong.push(object.name);
    }
    return { totals, wrong };
  }
}

const worlds: World[] = [];

async function startedWorld(): Promise<World> {
  const world = new World();
  worlds.push(world);
  await world.start();
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

const select = (env: string) => ({
  match: { resources: [{ group: '', resource: 'configmaps' }], objectSelector: { matchLabels: { env } } },
});
const ANY = { match: { resources: [{ group: '', resource: 'configmaps' }] } };

describe('row 43: an object that leaves what is selected', () => {
  test('is not counted any more, its results have ended, and they come again with it; one that is deleted is gone', async () => {
    const world = await startedWorld();
    await world.policy('p', select('prod'));
    await world.object('x', { env: 'prod' });
    await world.object('y', { env: 'prod' });
    await world.object('z', { env: 'dev' });
    expect([world.selected, world.matched('p')]).toEqual([['default/x', 'default/y'], 2]);
    await world.object('x', { env: 'dev' });
    world.cluster.remove('configmaps', 'default/y');
    await world.quiet();
    expect([world.selected, world.matched('p'), world.verdicts.violations('p', 9)]).toEqual([[], 0, []]);
    await world.object('x', { env: 'prod' });
    expect(world.matched('p')).toBe(1);
    expect(world.told).toEqual(['p: x appeared', 'p: y appeared', 'p: x ended', 'p: y gone', 'p: x appeared']);
  });

  test('and is still selected for another policy is told of to both', async () => {
    const world = await startedWorld();
    await world.policy('p', select('prod'));
    await world.policy('q', select('dev'));
    await world.object('x', { env: 'prod' });
    await world.object('x', { env: 'dev' });
    expect(world.told).toEqual(['p: x appeared', 'p: x ended', 'q: x appeared']);
  });
});

describe('row 43: where others are selected', () => {
  test('a policy that stays is complete all the time; one that comes is not before its objects are listed', async () => {
    const world = await startedWorld();
    await world.object('x', { env: 'prod' });
    await world.object('y', { env: 'dev' });
    await world.policy('p', select('prod'));
    const starts = world.cluster.starts('configmaps');
    expect([world.selected, world.coverage('p')]).toEqual([['default/x'], ['All', 'Watching']]);
    world.cluster.refuse('configmaps', 'Unavailable');
    await world.policy('q', ANY);
    expect([world.coverage('p'), world.coverage('q')]).toEqual([
      ['All', 'Watching'],
      ['Pending', 'Syncing'],
    ]);
    world.cluster.refuse('configmaps', undefined);
    await world.clock.advance(10_000);
    await world.quiet();
    expect([world.coverage('p'), world.coverage('q')]).toEqual([
      ['All', 'Watching'],
      ['All', 'Watching'],
    ]);
    expect([world.selected, world.matched('q')]).toEqual([['default/x', 'default/y'], 2]);
    expect(world.cluster.starts('configmaps')).toBe(starts + 1);
    expect(world.told).toEqual(['p: x appeared', 'q: x appeared', 'q: y appeared']);
  });

  test('a policy that writes has all objects seen, until nothing of it is left', async () => {
    const world = await startedWorld();
    await world.object('x', { env: 'prod' });
    await world.object('y', { env: 'dev' });
    // It owns nothing, and keeps nothing on record.
    await world.policy('p', { ...select('prod'), mode: 'Enforce' });
    await world.policy('w', { ...select('prod'), mode: 'Enforce', rules: [SET] });
    expect(world.selected).toEqual(['default/x', 'default/y']);
    await world.object('x', { env: 'dev' });
    expect(world.cluster.get('configmaps', 'default/x')?.labels).toEqual({ env: 'dev' });
    await world.object('x', { env: 'prod' });
    expect(world.cluster.get('configmaps', 'default/x')?.labels).toEqual({ env: 'prod', set: 'yes' });
    world.cluster.remove(POLICIES, 'w');
    await world.quiet();
    expect(world.cluster.get('configmaps', 'default/x')?.labels).toEqual({ env: 'prod' });
    expect([world.selected, [...world.ledger.kinds]]).toEqual([['default/x'], []]);
  });
});

/** One that is not selected carries a key, and whoever led says so; lists of the kind fail. */
async function takenOver(policy: object, stored: Readonly<Record<string, string>>): Promise<World> {
  const world = await startedWorld();
  const ours = { labels: { env: 'dev', set: 'yes' }, applied: { labels: ['set'], annotations: [] } };
  world.cluster.put('configmaps', cachedObject({ name: 'y', ...ours }));
  await world.policy('p', policy);
  expect(world.selected).toEqual([]);
  world.cluster.refuse('configmaps', 'Unavailable');
  world.stored = stored;
  await world.readLedger();
  return world;
}

async function answered(world: World): Promise<void> {
  world.cluster.refuse('configmaps', undefined);
  await world.clock.advance(10_000);
  await world.quiet();
}

describe('where somebody else has led and written meanwhile', () => {
  test('a kind is not let go as clean before all its objects were seen', async () => {
    const world = await takenOver(select('prod'), { kinds: 'configmaps' });
    // Those that are known are looked at, and there is nothing to do.
    await world.policy('q', select('prod'));
    expect([...world.ledger.kinds]).toEqual(['configmaps']);
    await answered(world);
    expect(world.cluster.get('configmaps', 'default/y')?.labels).toEqual({ env: 'dev' });
    expect([[...world.ledger.kinds], world.selected]).toEqual([[], []]);
  });

  test('what is held for a policy is counted once all objects were seen, and said to be complete no sooner', async () => {
    const record = { name: 'p', labels: ['set'], annotations: [], resources: ['configmaps'] };
    const stored = { kinds: 'configmaps', 'policy.uid-p': JSON.stringify(record) };
    const world = await takenOver({ ...select('prod'), rules: [SET] }, stored);
    expect(world.coverage('p')).toEqual(['Pending', 'Syncing']);
    await answered(world);
    expect([world.coverage('p'), world.verdicts.totals('p')]).toEqual([
      ['All', 'Watching'],
      { ...noTotals(), owned: 1, violating: 1, results: 1 },
    ]);
  });
});

// ---- Whatever happens ------------------------------------------------------------------------------------------------

const env = fc.constantFrom('prod', 'dev');
const labels = fc.record({ env, team: fc.constant('t') }, { requiredKeys: ['env'] });
const name = fc.constantFrom('x', 'y');
const namespace = fc.constantFrom('default', 'a', 'b');
const objectSelector = fc.oneof(
  env.map((one) => ({ matchLabels: { env: one } })),
  env.map((one) => ({ matchExpressions: [{ key: 'env', operator: 'NotIn', values: [one] }] })),
);
const names = fc.constantFrom(['x'], ['y*']);
const namespaces = fc.constantFrom(['a'], ['a', 'b'], ['a*', 'default']);
const resource = fc.constantFrom({ group: '', resource: 'configmaps' }, { group: '*', resource: 'config*' });
const match = fc
  .tuple(
    resource,
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ objectSelector }) },
      fc.record({ objectSelector, namespaces }),
      fc.record({ namespaces }),
      fc.record({ names, objectSelector }),
      fc.record({ objectSelector, namespaceSelector: fc.constant({ matchLabels: { env: 'a' } }) }),
      fc.constant({}),
    ),
  )
  .map(([one, terms]) => ({ resources: [one], ...terms }));
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ object: name, namespace, labels }) },
  { weight: 1, arbitrary: fc.record({ gone: name, namespace }) },
  {
    weight: 3,
    arbitrary: fc.record({
      policy: fc.constantFrom('p', 'q'),
      match,
      mode: fc.constantFrom('Audit', 'Audit', 'Enforce', 'Enforce', 'Suspended'),
      rules: fc.constantFrom([REQUIRE], [SET], [REQUIRE, SET]),
    }),
  },
  { weight: 1, arbitrary: fc.record({ policyGone: fc.constantFrom('p', 'q') }) },
);

test('whatever happens, counts are what all objects of the server come to, and no key of ours is left behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (steps) => {
      const world = new World();
      await world.start();
      const keys = new Set(['default/x', 'a/x', 'a/y', 'b/y']);
      for (const [i, key] of [...keys].entries()) {
        const [where = '', called = ''] = key.split('/');
        await world.object(called, { env: i % 2 === 0 ? 'prod' : 'dev' }, where);
      }
      const here = () => [...keys].flatMap((key) => world.cluster.get('configmaps', key) ?? []);
      let generation = 0;
      for (const each of steps) {
        generation += 1;
        if ('object' in each) {
          keys.add(`${each.namespace}/${each.object}`);
          await world.object(each.object, each.labels, each.namespace);
        } else if ('gone' in each) {
          const key = `${each.namespace}/${each.gone}`;
          if (world.cluster.get('configmaps', key) !== undefined) world.cluster.remove('configmaps', key);
        } else if ('policy' in each) {
          const { policy, ...fields } = each;
          await world.policy(policy, fields, generation);
        } else if (world.cluster.get(POLICIES, each.policyGone) !== undefined) {
          world.cluster.remove(POLICIES, each.policyGone);
        }
        await world.quiet();
        const { totals, wrong } = world.expected(here());
        const refused = world.policies.entries().filter(({ acceptance }) => !acceptance.ok);
        expect([wrong, refused]).toEqual([[], []]);
        for (const { policy } of world.policies.entries().flatMap(({ program }) => program ?? [])) {
          expect([policy, world.verdicts.totals(policy)]).toEqual([policy, totals.get(policy)]);
        }
      }
      await world.stop();
    }),
    { numRuns: 60 },
  );
});
