import { afterEach, describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, enforcing } from '../../test/support/compiled-policy.ts';
import { ControllerWorld, POLICIES, systemKind } from '../../test/support/controller-world.ts';
import { ScriptedKubeClient } from '../../test/support/scripted-kube-client.ts';
import type { CachedObject } from '../api/object.ts';
import type { KubeRequest } from '../kube/client.ts';
import type { Discovery, DiscoverySnapshot } from '../kube/discovery.ts';
import { DiscoveryClient } from '../kube/discovery-client.ts';
import { ApiError } from '../kube/errors.ts';
import type { KindContext } from '../policy/program.ts';
import { TOLERATED_MS } from './kind-state.ts';
import type { Coverage } from './plan-status.ts';
import type { WriteOutcome } from './writer.ts';

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';
const API_SERVICES = 'apiservices.apiregistration.k8s.io';
const WIDGETS = 'widgets.acme.io';
const WIDGET_KIND: KindContext = {
  group: 'acme.io',
  resource: 'widgets',
  version: 'v1',
  kind: 'Widget',
  scope: 'Namespaced',
};
const INGRESSES: KindContext = {
  group: 'networking.k8s.io',
  resource: 'ingresses',
  version: 'v1',
  kind: 'Ingress',
  scope: 'Namespaced',
};
const SET = { name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } };
const REQUIRE = { name: 'team', require: { labels: [{ key: 'team' }] } };
const FROM_NAMESPACE = {
  name: 'cost',
  set: { labels: [{ key: 'cost', valueFrom: { namespaceLabel: 'cost' }, fallback: 'none' }] },
};
const on = (...kinds: readonly KindContext[]) => ({
  resources: kinds.map(({ group, resource }) => ({ group, resource })),
});
const policy = (name: string, fields: Record<string, unknown>, meta: Partial<CachedObject> = {}): CachedObject =>
  cachedObject({ name, namespace: '', body: { spec: enforcing({ rules: [SET], ...fields }) }, ...meta });
const namespace = (name: string, labels: Record<string, string> = {}): CachedObject =>
  cachedObject({ name, namespace: '', labels });
/** As `SET` leaves it. */
const ours = (name: string): CachedObject =>
  cachedObject({ name, labels: { env: 'prod' }, applied: { labels: ['env'], annotations: [] } });
/** As `SET` and another rule do. */
const oursInBoth = (name: string): CachedObject =>
  cachedObject({ name, labels: { env: 'prod', tier: 'web' }, applied: { labels: ['env', 'tier'], annotations: [] } });

interface Options {
  readonly ledger?: Readonly<Record<string, string>>;
  readonly ledgerLoaded?: boolean;
  readonly discovery?: Discovery;
}

class World extends ControllerWorld {
  readonly evaluated: string[] = [];
  readonly changed: string[] = [];
  readonly forgottenKinds: string[] = [];

  constructor({ discovery }: Options) {
    super({
      discovery,
      verdicts: {
        record: (_kind, { name }) => this.evaluated.push(name),
        forget: () => {},
        depart: () => undefined,
        forgetKind: (name) => this.forgottenKinds.push(name),
      },
      onKindChange: ({ name }) => this.changed.push(name),
      missingVerbs: async () => ['list', 'watch'],
      observer: {
        policyChanged: ({ name }) => this.changed.push(`policy ${name}`),
        policyRemoved: (name) => this.changed.push(`policy ${name} removed`),
        kindChanged: (name) => this.changed.push(name),
      },
    });
    this.cluster.put('namespaces', namespace('default'));
  }

  async start({ ledgerLoaded = true, ledger }: Options = {}): Promise<void> {
    this.stored = ledger;
    this.meta.start();
    if (ledgerLoaded) {
      await this.ledger.load();
      this.meta.ledgerLoaded();
    }
    await this.quiet();
  }

  async put(name: string, object: CachedObject): Promise<void> {
    this.cluster.put(name, object);
    await this.quiet();
  }

  state(kind: KindContext): string {
    return this.meta.status.state(kind).state;
  }

  coverage(name: string): Coverage | undefined {
    const { program } = this.policies.get(name) ?? {};
    return program && this.meta.status.coverage(program);
  }

  labels(resource: string, key: string): Readonly<Record<string, string>> | undefined {
    return this.cluster.get(resource, key)?.labels;
  }
}

const worlds: World[] = [];

function makeWorld(options: Options = {}): World {
  const world = new World(options);
  worlds.push(world);
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

describe('what must be known before anything is evaluated', () => {
  test('the policies, the CRDs, the ledger, discovery, and the Namespaces of namespaced kinds', async () => {
    const world = makeWorld();
    const { cluster, meta, writer } = world;
    cluster.put('configmaps', cachedObject({ name: 'a' }));
    cluster.put(POLICIES, policy('p', {}));
    for (const name of [POLICIES, CRDS, 'namespaces']) cluster.refuse(name, 'Unavailable');
    await world.start({ ledgerLoaded: false });
    expect(meta.waitingFor()).toEqual([
      'WatchPolicies cannot be listed: the script says Unavailable',
      'CustomResourceDefinitions cannot be listed: the script says Unavailable',
      'the ledger is not read yet',
    ]);

    const proceed = async (what: () => void | Promise<void>): Promise<void> => {
      expect([writer.writes, world.evaluated]).toEqual([[], []]);
      await what();
      await world.clock.advance(3_000);
      await world.quiet();
    };
    await proceed(() => cluster.refuse(POLICIES, undefined));
    expect(meta.waitingFor()).toHaveLength(2);
    await proceed(() => cluster.refuse(CRDS, undefined));
    expect(meta.waitingFor()).toEqual(['the ledger is not read yet']);
    expect([meta.ready, cluster.starts('configmaps')]).toEqual([false, 0]);
    await proceed(async () => {
      await world.ledger.load();
      meta.ledgerLoaded();
    });
    expect([meta.ready, meta.waitingFor(), world.state(CONFIG_MAPS)]).toEqual([true, [], 'Failed']);
    await proceed(() => cluster.refuse('namespaces', undefined));
    expect([writer.writes, world.state(CONFIG_MAPS)]).toEqual([['a'], 'Watching']);
  });

  test('discovery; until then a kind says what it waits for', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const world: World = makeWorld({
      discovery: {
        snapshot: new Map(),
        refresh: async () => {
          await promise;
          return world.cluster.discovered;
        },
      },
    });
    world.cluster.put(POLICIES, policy('p', {}));
    await world.start();
    expect(world.meta.waitingFor()).toEqual(['discovery is not read yet']);
    expect(world.meta.status.state(CONFIG_MAPS)).toEqual({
      state: 'Syncing',
      message: 'discovery is not read yet',
      version: undefined,
    });
    resolve();
    await world.quiet();
    expect(world.meta.status.state(CONFIG_MAPS)).toEqual({ state: 'Watching', message: '', version: 'v1' });
  });

  test('CRDs are known before the informers of their kinds start, so that none starts twice', async () => {
    const world = makeWorld();
    world.cluster.installCrd(WIDGET_KIND, 'uid-1');
    world.cluster.put(POLICIES, policy('p', { match: on(WIDGET_KIND) }));
    world.cluster.refuse(CRDS, 'Unavailable');
    await world.start();
    expect(world.cluster.starts(WIDGETS)).toBe(0);
    world.cluster.refuse(CRDS, undefined);
    await world.clock.advance(3_000);
    await world.quiet();
    expect(world.cluster.starts(WIDGETS)).toBe(1);
    expect(world.cluster.started.find((id) => id.startsWith(WIDGETS))).toContain('uid-1');
  });

  test('who serves aggregated kinds, or that it cannot be known, also where that is what comes last', async () => {
    const world = makeWorld();
    const { cluster, meta } = world;
    cluster.put(POLICIES, policy('p', {}));
    cluster.put('configmaps', cachedObject({ name: 'a' }));
    cluster.refuse(API_SERVICES, 'Forbidden');
    const answer = cluster.holdLists(API_SERVICES);
    await world.start();
    expect([meta.waitingFor(), world.evaluated]).toEqual([['APIServices are not listed yet'], []]);
    answer();
    await world.quiet();
    expect([meta.waitingFor(), world.evaluated]).toEqual([[], expect.arrayContaining(['a'])]);
  });
});

describe('a ledger that is read anew', () => {
  test('is followed before anything is evaluated again, however long planning takes', async () => {
    const world = makeWorld();
    await world.start();
    await world.put('configmaps', cachedObject({ name: 'a' }));
    await world.put(POLICIES, policy('p', {}));
    const [kind] = world.meta.of('configmaps');
    if (kind === undefined) throw new Error('ConfigMaps are not watched');
    expect(world.meta.isReady(kind)).toBe(true);
    const clock = world.clock.monotonic.bind(world.clock);
    let spent = 0;
    world.clock.monotonic = () => {
      spent += 5;
      return clock() + spent;
    };
    world.meta.ledgerOutdated();
    world.meta.ledgerLoaded();
    expect([world.meta.ready, world.meta.isReady(kind)]).toEqual([true, false]);
    world.evaluated.length = 0;
    kind.beginAnew();
    world.objects.enqueue(kind, 'default/a');
    await world.clock.settle();
    expect(world.evaluated).toEqual([]);
    for (let i = 0; i < 50 && world.evaluated.length === 0; i++) await world.quiet();
    expect([world.meta.isReady(kind), world.evaluated]).toEqual([true, ['a']]);
  });
});

describe('a ledger that was lost', () => {
  test('is mended by what objects carry, without a write of theirs, so that nothing stays of a policy that goes', async () => {
    const world = makeWorld();
    world.cluster.put(POLICIES, policy('p', {}));
    world.cluster.put('configmaps', ours('a'));
    await world.start();
    expect([world.writer.writes, world.stored?.['kinds']]).toEqual([[], 'configmaps']);
    world.cluster.remove(POLICIES, 'p');
    await world.quiet();
    expect([world.writer.writes, world.labels('configmaps', 'default/a'), world.stored]).toEqual([
      ['a'],
      {},
      { kinds: '' },
    ]);
  });

  test.each(['Audit', 'Suspended'])('takes nothing from a policy that is in %s meanwhile', async (mode) => {
    const world = makeWorld();
    world.cluster.put(POLICIES, policy('p', { mode }, { uid: 'p' }));
    world.cluster.put(POLICIES, policy('q', { rules: [{ name: 'b', set: { labels: [{ key: 'b', value: 'b' }] } }] }));
    world.cluster.put('configmaps', ours('a'));
    await world.start();
    expect([world.labels('configmaps', 'default/a'), JSON.parse(world.stored?.['policy.p'] ?? '')]).toMatchObject([
      { env: 'prod', b: 'b' },
      { name: 'p', labels: ['env'] },
    ]);
  });
});

test('a ledger that lacks a kind, but was there, has all policies: one that never was enforced holds nothing', async () => {
  const world = makeWorld();
  world.cluster.put(POLICIES, policy('p', { mode: 'Audit' }));
  world.cluster.put('configmaps', ours('a'));
  await world.start({ ledger: { kinds: '' } });
  expect([world.labels('configmaps', 'default/a'), world.stored]).toEqual([{}, { kinds: '' }]);
});

describe('policies', () => {
  test('that our watch still owes when we begin to lead are known before anything is evaluated', async () => {
    const world = makeWorld();
    await world.start();
    await world.put('configmaps', cachedObject({ name: 'a' }));
    world.cluster.mute(POLICIES);
    await world.put(POLICIES, policy('p', {}));
    expect(world.writer.writes).toEqual([]);
    const answer = world.cluster.holdLists(POLICIES);
    world.meta.ledgerOutdated();
    world.meta.policiesOutdated();
    world.meta.ledgerLoaded();
    await world.quiet();
    expect([world.meta.waitingFor(), world.evaluated]).toEqual([['WatchPolicies are not listed yet'], []]);
    answer();
    await world.quiet();
    expect([world.meta.waitingFor(), world.writer.writes]).toEqual([[], ['a']]);
  });

  test('CRDs too: a kind whose CRD our watch still owes stays on record', async () => {
    const world = makeWorld();
    world.cluster.put(POLICIES, policy('p', { match: on(WIDGET_KIND) }));
    await world.start();
    world.cluster.mute(CRDS);
    world.cluster.installCrd(WIDGET_KIND, 'one');
    world.cluster.put(WIDGETS, ours('a'));
    // Who led until now has put it there.
    world.stored = { kinds: WIDGETS, customKinds: WIDGETS };
    world.meta.ledgerOutdated();
    world.meta.policiesOutdated();
    await world.ledger.load();
    world.meta.ledgerLoaded();
    await world.quiet();
    expect(world.stored).toMatchObject({ kinds: WIDGETS, customKinds: WIDGETS });
  });

  test('that come and go make the informers of their kinds start and stop', async () => {
    const world = makeWorld();
    await world.start();
    expect([world.cluster.starts('configmaps'), world.cluster.starts('namespaces')]).toEqual([0, 0]);
    await world.put('configmaps', cachedObject({ name: 'a' }));
    await world.put(POLICIES, policy('p', {}));
    expect(world.writer.writes).toEqual(['a']);
    expect(world.cluster.watching('configmaps')).toBe(1);
    world.cluster.remove(POLICIES, 'p');
    await world.quiet();
    // The label is taken back, and only then we let go.
    expect(world.writer.writes).toEqual(['a', 'a']);
    expect(world.labels('configmaps', 'default/a')).toEqual({});
    expect([world.cluster.watching('configmaps'), world.stored]).toEqual([0, { kinds: '' }]);
    expect(world.changed).toContain('policy p removed');
  });

  test("with an interval have their objects evaluated again, and nobody else's", async () => {
    const world = makeWorld();
    await world.start();
    for (const name of ['a', 'b']) await world.put('configmaps', cachedObject({ name }));
    await world.put(POLICIES, policy('p', { mode: 'Audit', reevaluateSeconds: 10 }));
    await world.put(POLICIES, policy('q', { match: { resources: [{ group: '', resource: 'namespaces' }] } }));
    const evaluated = async (ms: number): Promise<readonly string[]> => {
      world.evaluated.length = 0;
      await world.clock.advance(ms);
      await world.quiet();
      return world.evaluated.toSorted();
    };
    expect(await evaluated(9_000)).toEqual([]);
    expect(await evaluated(1_000)).toEqual(['a', 'b']);
    expect(await evaluated(10_000)).toEqual(['a', 'b']);
    expect(world.coverage('p')).toBe('All');
    world.cluster.remove(POLICIES, 'p');
    await world.quiet();
    expect(await evaluated(30_000)).toEqual([]);
  });

  test('are not evaluated before what they are about is planned', async () => {
    const world = makeWorld();
    await world.start();
    await world.put(POLICIES, policy('p', { match: { resources: [{ group: '*.late.io', resource: '*' }] } }));
    expect(world.coverage('p')).toBe('All');
    world.policies.upsert(policy('p', { match: { resources: [{ group: '', resource: '*' }] } }, { generation: 2 }));
    expect(world.coverage('p')).toBe('Pending');
  });

  test('share one informer for each kind, and one more of them only evaluates again', async () => {
    const world = makeWorld();
    await world.start();
    await world.put('configmaps', cachedObject({ name: 'a' }));
    await world.put(POLICIES, policy('p', {}));
    await world.put(POLICIES, policy('q', { rules: [{ ...SET, set: { labels: [{ key: 'x', value: 'y' }] } }] }));
    expect(world.cluster.starts('configmaps')).toBe(1);
    expect(world.labels('configmaps', 'default/a')).toEqual({ env: 'prod', x: 'y' });
    expect(world.coverage('q')).toBe('All');
  });

  test('a status edit of a policy plans nothing', async () => {
    const world = makeWorld();
    await world.start();
    await world.put(POLICIES, policy('p', {}));
    world.changed.length = 0;
    await world.put(POLICIES, policy('p', {}));
    expect(world.changed).toEqual(['policy p']);
  });

  test('may name a kind that we watch for ourselves', async () => {
    const world = makeWorld();
    const crds = systemKind('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition');
    world.cluster.installCrd(WIDGET_KIND, 'uid-1');
    await world.start();
    await world.put(POLICIES, policy('p', { match: on(crds) }));
    expect([world.writer.writes, world.state(crds)]).toEqual([[WIDGETS], 'Watching']);
    world.cluster.remove(POLICIES, 'p');
    await world.quiet();
    expect([world.writer.writes.length, world.cluster.watching(CRDS), world.cluster.starts(CRDS)]).toEqual([2, 1, 1]);
  });

  test('suspended after it was enforced: its keys stay, also in the next process', async () => {
    const world = makeWorld();
    await world.start();
    await world.put('configmaps', cachedObject({ name: 'a' }));
    await world.put(POLICIES, policy('p', {}));
    await world.put(POLICIES, policy('p', { mode: 'Suspended' }, { generation: 2 }));
    expect([world.writer.writes, world.labels('configmaps', 'default/a')]).toEqual([['a'], { env: 'prod' }]);

    const next = makeWorld();
    next.cluster.put('configmaps', ours('a'));
    next.cluster.put(POLICIES, policy('p', { mode: 'Suspended' }, { generation: 2 }));
    await next.start(world.stored === undefined ? {} : { ledger: world.stored });
    expect([next.writer.writes, next.meta.held.records.held.size]).toEqual([[], 1]);
    // Its kind is still watched, as something of ours is there.
    expect(next.cluster.watching('configmaps')).toBe(1);
  });
});

const crd = (name: string, uid = 'uid-1'): CachedObject => cachedObject({ name, namespace: '', uid });

describe('a policy that is edited and then suspended', () => {
  const two = { rules: [SET, { name: 'tier', set: { labels: [{ key: 'tier', value: 'web' }] } }] };
  const NAMES = Array.from({ length: 8 }, (_, i) => `o${i}`);
  const left = (world: World) =>
    NAMES.filter((name) => world.labels('configmaps', `default/${name}`)?.['tier'] === 'web');

  test.each<[mode: string, lost: string, Record<string, unknown>]>([
    ['Suspended', 'a rule', { rules: [SET] }],
    ['Audit', 'a rule', { rules: [SET] }],
    ['Suspended', 'all rules but one that judges', { rules: [REQUIRE] }],
    ['Suspended', 'its namespace', { ...two, match: { ...on(CONFIG_MAPS), namespaces: ['other'] } }],
  ])('%s after it lost %s keeps what is still there of that', async (mode, _lost, fields) => {
    const world = makeWorld();
    for (const name of NAMES) world.cluster.put('configmaps', oursInBoth(name));
    world.cluster.put(POLICIES, policy('p', two));
    await world.start();
    expect(world.stored?.['kinds']).toBe('configmaps');
    // Four of them are under way when it is suspended.
    const { promise, resolve } = Promise.withResolvers<undefined>();
    world.writer.answer = () => promise;
    await world.put(POLICIES, policy('p', fields, { generation: 2 }));
    expect(world.writer.writes).toHaveLength(4);
    await world.put(POLICIES, policy('p', { ...fields, mode }, { generation: 3 }));
    world.writer.answer = () => undefined;
    resolve(undefined);
    await world.quiet();
    expect([left(world).length, world.writer.writes.length]).toEqual([4, 4]);
  });

  test('keeps what is still there of that too where the record could not be written, and nothing of the kind was', async () => {
    const world = makeWorld();
    for (const name of NAMES) world.cluster.put('configmaps', oursInBoth(name));
    world.cluster.put(POLICIES, policy('p', two));
    await world.start();
    world.ledgerFailure = new Error('no answer');
    const edited = { rules: [{ name: 'zone', set: { labels: [{ key: 'zone', value: 'a' }] } }] };
    await world.put(POLICIES, policy('p', edited, { generation: 2 }));
    await world.put(POLICIES, policy('p', { ...edited, mode: 'Suspended' }, { generation: 3 }));
    world.ledgerFailure = undefined;
    await world.clock.advance(60_000);
    await world.quiet();
    expect([left(world).length, world.writer.writes]).toEqual([NAMES.length, []]);
  });

  test('once all of it is gone it is not on record any more', async () => {
    const world = makeWorld();
    for (const name of NAMES) world.cluster.put('configmaps', oursInBoth(name));
    world.cluster.put(POLICIES, policy('p', two, { uid: 'p' }));
    await world.start();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    world.writer.answer = () => promise;
    await world.put(POLICIES, policy('p', {}, { uid: 'p', generation: 2 }));
    const recorded = (): unknown => JSON.parse(world.stored?.['policy.p'] ?? '');
    expect(recorded()).toMatchObject({ labels: ['env', 'tier'] });
    resolve(undefined);
    await world.quiet();
    expect([left(world), recorded()]).toMatchObject([[], { labels: ['env'] }]);
  });
});

const handedOver = (world: World) => world.meta.held.handedOver(CONFIG_MAPS, cachedObject({ name: 'a' }));

describe('a policy that sets, and then says Retain', () => {
  test.each(['Enforce', 'Suspended'])(
    'in %s leaves it all, also where it is deleted in the same moment',
    async (mode) => {
      const world = makeWorld();
      world.cluster.put('configmaps', ours('a'));
      world.cluster.put(POLICIES, policy('p', {}));
      await world.start();
      world.cluster.put(POLICIES, policy('p', { mode, removalPolicy: 'Retain' }, { generation: 2 }));
      await expect.poll(() => world.policies.get('p')?.program?.removal).toBe('Retain');
      world.cluster.remove(POLICIES, 'p');
      await world.quiet();
      expect([world.writer.writes, world.labels('configmaps', 'default/a')]).toEqual([['a'], { env: 'prod' }]);
    },
  );

  test('leaves nothing later of what others set, once its own is handed over', async () => {
    const world = makeWorld();
    world.cluster.put('configmaps', ours('a'));
    world.cluster.put(POLICIES, policy('p', {}));
    await world.start();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    world.writer.answer = () => promise;
    await world.put(POLICIES, policy('p', { removalPolicy: 'Retain' }, { generation: 2 }));
    expect(handedOver(world)).toHaveLength(1);
    resolve(undefined);
    await world.quiet();
    expect([handedOver(world), world.writer.writes]).toEqual([[], ['a']]);
  });
});

describe('an API server that went back in time', () => {
  test('has what it has on record kept beside what was, and nothing is evaluated before that', async () => {
    const world = makeWorld();
    world.cluster.serve(INGRESSES);
    await world.start();
    await world.put(POLICIES, policy('p', {}));
    await world.put('configmaps', cachedObject({ name: 'a' }));
    world.cluster.put('ingresses.networking.k8s.io', ours('again'));
    world.stored = { kinds: 'ingresses.networking.k8s.io' };
    world.meta.serverWentBack('leases.coordination.k8s.io');
    expect(world.meta.waitingFor()).toEqual([
      'WatchPolicies are not listed yet',
      'CustomResourceDefinitions are not listed yet',
      'APIServices are not listed yet',
    ]);
    await world.quiet();
    expect(world.labels('ingresses.networking.k8s.io', 'default/again')).toEqual({});
    expect(world.stored).toMatchObject({ kinds: 'configmaps' });
  });
});

describe('a kind that comes late', () => {
  test('also the policies themselves, whose list is asked for as soon as their CRD is there', async () => {
    const world = makeWorld();
    world.cluster.refuse(POLICIES, 'NotFound');
    await world.start();
    await world.clock.advance(300_000);
    await world.quiet();
    world.cluster.refuse(POLICIES, undefined);
    world.cluster.put(POLICIES, policy('p', {}));
    world.cluster.put('configmaps', cachedObject({ name: 'a' }));
    expect(world.meta.ready).toBe(false);
    world.cluster.put('customresourcedefinitions.apiextensions.k8s.io', crd(POLICIES));
    await world.quiet();
    expect(world.meta.ready).toBe(true);
    await world.quiet();
    expect(world.writer.writes).toEqual(['a']);
  });

  test('is waited for, and works when its CRD is there', async () => {
    const world = makeWorld();
    world.cluster.put('configmaps', cachedObject({ name: 'a' }));
    world.cluster.put(POLICIES, policy('p', { match: on(CONFIG_MAPS, WIDGET_KIND) }));
    await world.start();
    expect(world.writer.writes).toEqual(['a']);
    expect(world.meta.status.state(WIDGET_KIND)).toEqual({
      state: 'NotServed',
      message: 'the API server does not serve widgets.acme.io yet',
      version: undefined,
    });
    expect(world.coverage('p')).toBe('All');
    await world.clock.advance(10_000);

    world.cluster.installCrd(WIDGET_KIND, 'uid-1', { discovered: false });
    world.cluster.put(WIDGETS, cachedObject({ name: 'w' }));
    await world.clock.advance(700);
    expect(world.state(WIDGET_KIND)).toBe('NotServed');
    world.cluster.discover();
    await world.clock.advance(300);
    await world.quiet();
    expect([world.state(WIDGET_KIND), world.writer.writes]).toEqual(['Watching', ['a', 'w']]);
  });

  test('also when its CRD came before the policy, and discovery shows it only after both', async () => {
    const world = makeWorld();
    await world.start();
    await world.clock.advance(10_000);
    world.cluster.installCrd(WIDGET_KIND, 'uid-1', { discovered: false });
    await world.clock.advance(5_000);
    await world.put(POLICIES, policy('p', { match: on(WIDGET_KIND) }));
    world.cluster.discover();
    await world.clock.advance(100);
    await world.quiet();
    expect(world.state(WIDGET_KIND)).toBe('Watching');
  });

  test('a status edit of the CRD that is waited for makes us look at once; one of another CRD does not', async () => {
    const world = makeWorld();
    world.cluster.put(POLICIES, policy('p', { match: on(WIDGET_KIND) }));
    world.cluster.put(CRDS, crd(WIDGETS));
    world.cluster.put(CRDS, crd('gears.other.io'));
    await world.start();
    await world.clock.advance(90_000);
    const asked = world.cluster.discoveryAsked;
    await world.put(CRDS, crd('gears.other.io'));
    expect(world.cluster.discoveryAsked).toBe(asked);
    await world.put(CRDS, crd(WIDGETS));
    expect(world.cluster.discoveryAsked).toBe(asked + 1);
  });
});

async function withWidgets(): Promise<World> {
  const world = makeWorld();
  world.cluster.installCrd(WIDGET_KIND, 'uid-1');
  world.cluster.put(WIDGETS, cachedObject({ name: 'w' }));
  world.cluster.put('configmaps', cachedObject({ name: 'a' }));
  world.cluster.put(POLICIES, policy('p', { match: on(CONFIG_MAPS, WIDGET_KIND) }));
  await world.start();
  expect(world.writer.writes.toSorted()).toEqual(['a', 'w']);
  return world;
}

describe('a CRD', () => {
  test('row 46: whose kind is another one at the same uid: objects are written as what they are, by the watch that runs', async () => {
    const world = await withWidgets();
    world.cluster.serve({ ...WIDGET_KIND, kind: 'Gizmo', scope: 'Cluster' });
    await world.put(CRDS, { ...crd(WIDGETS), uid: 'uid-1', generation: 2 });
    await world.clock.advance(100);
    await world.quiet();
    expect(world.meta.of(WIDGETS)[0]?.context).toMatchObject({ kind: 'Gizmo', scope: 'Cluster' });
    expect([world.cluster.starts(WIDGETS), world.state(WIDGET_KIND)]).toEqual([1, 'Watching']);
  });

  test('that changes has its failing kind tried at once, and not more than four times a second', async () => {
    const world = await withWidgets();
    world.cluster.refuse(WIDGETS, 'ServerError');
    await world.clock.advance(100_000);
    const asked = () => world.cluster.asked(WIDGETS);
    const before = asked();
    for (let i = 0; i < 50; i += 1) await world.put(CRDS, { ...crd(WIDGETS), uid: 'uid-1' });
    expect(asked() - before).toBe(1);
    await world.clock.advance(250);
    expect(asked() - before).toBe(2);
    world.cluster.refuse(WIDGETS, undefined);
    await world.clock.advance(250);
    await world.put(CRDS, { ...crd(WIDGETS), uid: 'uid-1' });
    expect(world.state(WIDGET_KIND)).toBe('Watching');
  });

  test('rows 46 and 47: whose status, description or stored version is edited restarts nothing and plans nothing', async () => {
    const world = await withWidgets();
    const started = world.cluster.started.length;
    const asked = world.cluster.asked(WIDGETS);
    world.changed.length = 0;
    for (let i = 0; i < 5; i++) {
      // The generation stays where it is only when the status was edited. A stored version is none that discovery tells of.
      for (const generation of [i + 1, i + 2]) await world.put(CRDS, { ...crd(WIDGETS), generation });
      await world.clock.advance(3_000);
      await world.quiet();
    }
    expect([world.cluster.started.length, world.cluster.asked(WIDGETS), world.changed]).toEqual([started, asked, []]);
    expect(world.state(WIDGET_KIND)).toBe('Watching');
  });

  test('row 46: that serves versions more, or fewer, restarts its own informer where the version that is watched changes, once, and no other', async () => {
    const world = await withWidgets();
    const widgets = () =>
      world.cluster.started.filter((id) => id.startsWith(`${WIDGETS} `)).map((id) => id.split(' ')[1]);
    const others = () => world.cluster.started.filter((id) => !id.startsWith(`${WIDGETS} `)).length;
    const before = others();
    const serve = async (...versions: readonly string[]) => {
      world.cluster.serve(WIDGET_KIND, undefined, versions);
      await world.put(CRDS, { ...crd(WIDGETS), generation: versions.length });
      await world.clock.advance(1_000);
      await world.quiet();
      return widgets().map((version) => version?.split('/').at(-1));
    };
    expect(await serve('v1')).toEqual(['v1']);
    // One more that is not preferred, and gone again.
    expect(await serve('v1', 'v1beta1')).toEqual(['v1']);
    expect(await serve('v1')).toEqual(['v1']);
    // The one that is watched is not served any more.
    expect(await serve('v1beta1')).toEqual(['v1', 'v1beta1']);
    expect(await serve('v2', 'v1beta1')).toEqual(['v1', 'v1beta1', 'v2']);
    expect(await serve('v2')).toEqual(['v1', 'v1beta1', 'v2']);
    expect([others(), world.cluster.watching(WIDGETS), world.state(WIDGET_KIND)]).toEqual([before, 1, 'Watching']);
    expect(world.writer.writes.toSorted()).toEqual(['a', 'w']);
  });

  test('row 46: whose versions are all switched off ends its own informer alone, and begins it once when one is on again', async () => {
    const world = await withWidgets();
    world.cluster.unserve(WIDGETS);
    await world.put(CRDS, { ...crd(WIDGETS), generation: 2 });
    await world.clock.advance(1_000);
    await world.quiet();
    expect([world.state(WIDGET_KIND), world.cluster.watching(WIDGETS)]).toEqual(['NotServed', 0]);
    const asked = world.cluster.asked(WIDGETS);
    await world.clock.advance(600_000);
    expect(world.cluster.asked(WIDGETS)).toBe(asked);
    world.cluster.serve(WIDGET_KIND);
    await world.put(CRDS, { ...crd(WIDGETS), generation: 3 });
    await world.clock.advance(1_000);
    await world.quiet();
    expect([world.cluster.starts(WIDGETS), world.cluster.starts('configmaps')]).toEqual([2, 1]);
    expect(world.state(WIDGET_KIND)).toBe('Watching');
  });

  test('row 44: that goes stops its own informer, and no other starts in its place; the rest goes on', async () => {
    const world = await withWidgets();
    await world.clock.advance(90_000);
    world.cluster.removeCrd(WIDGETS);
    await world.quiet();
    expect([world.state(WIDGET_KIND), world.cluster.starts(WIDGETS)]).toEqual(['NotServed', 1]);
    world.cluster.discover();
    await world.clock.advance(1_000);
    await world.quiet();
    expect(world.meta.status.state(WIDGET_KIND).message).toBe('the API server does not serve widgets.acme.io yet');
    expect(world.cluster.starts(WIDGETS)).toBe(1);
    const asked = world.cluster.asked(WIDGETS);
    await world.clock.advance(3_600_000);
    await world.quiet();
    expect([world.cluster.asked(WIDGETS), world.cluster.watching(WIDGETS)]).toEqual([asked, 0]);
    expect(world.forgottenKinds).toEqual([WIDGETS]);
    await world.put('configmaps', cachedObject({ name: 'b' }));
    expect(world.writer.writes.at(-1)).toBe('b');
    expect(world.cluster.starts('configmaps')).toBe(1);
  });

  test('row 45: that is made again is another kind: its informer starts anew', async () => {
    const world = await withWidgets();
    world.cluster.removeCrd(WIDGETS);
    world.cluster.installCrd(WIDGET_KIND, 'uid-2');
    world.cluster.put(WIDGETS, cachedObject({ name: 'w2' }));
    await world.quiet();
    await world.clock.advance(1_000);
    await world.quiet();
    expect(world.cluster.started.filter((id) => id.startsWith(WIDGETS)).map((id) => id.split(' ').at(-1))).toEqual([
      'uid-1',
      'uid-2',
    ]);
    expect(world.labels(WIDGETS, 'default/w2')).toEqual({ env: 'prod' });
    expect(world.cluster.watching(WIDGETS)).toBe(1);
  });
});

/** What the server answers at `/api` or `/apis`, by groups. */
function documentsOf(discovered: DiscoverySnapshot, path: string) {
  const names = new Set(
    [...discovered.values()].map(({ group }) => group).filter((name) => (name === '') === (path === '/api')),
  );
  return [...names].map((name) => ({
    metadata: { name },
    versions: [
      {
        version: 'v1',
        resources: [...discovered.values()]
          .filter(({ group }) => group === name)
          .flatMap(({ resource, versions }) =>
            versions.map(({ kind, scope, verbs }) => ({ resource, responseKind: { kind }, scope, verbs })),
          ),
      },
    ],
  }));
}

describe('row 48: discovery that tells only a part', () => {
  test('because it cannot be read at all leaves every informer running', async () => {
    const cluster: { failure?: ApiError } = {};
    const world = makeWorld({
      discovery: {
        snapshot: new Map(),
        refresh: async () => {
          if (cluster.failure !== undefined) throw cluster.failure;
          return world.cluster.discovered;
        },
      },
    });
    world.cluster.installCrd(WIDGET_KIND, 'uid-1');
    world.cluster.put(POLICIES, policy('p', { match: on(CONFIG_MAPS, WIDGET_KIND) }));
    await world.start();
    const started = world.cluster.started.length;
    cluster.failure = new ApiError({ code: 'Unavailable', status: 503, reason: '', message: 'not now' });
    for (let i = 0; i < 3; i++) {
      await world.put(CRDS, { ...crd(WIDGETS), generation: i + 2 });
      await world.clock.advance(30_000);
      await world.quiet();
    }
    world.cluster.put(WIDGETS, cachedObject({ name: 'during' }));
    await world.quiet();
    expect([world.cluster.started.length, world.state(WIDGET_KIND)]).toEqual([started, 'Watching']);
    expect(world.writer.writes).toEqual(['during']);
  });

  test('because the server of a group is away leaves the informers of that group running, and those of all others', async () => {
    let answer: (path: string) => readonly object[] = (path) => documentsOf(world.cluster.discovered, path);
    const items = ({ path }: KubeRequest) => JSON.stringify({ kind: 'APIGroupDiscoveryList', items: answer(path) });
    const client = new ScriptedKubeClient((request) => ({ body: items(request) }));
    const world = makeWorld({ discovery: new DiscoveryClient(client) });
    world.cluster.installCrd(WIDGET_KIND, 'uid-1');
    world.cluster.put(POLICIES, policy('p', { match: on(CONFIG_MAPS, WIDGET_KIND) }));
    await world.start();
    expect(world.state(WIDGET_KIND)).toBe('Watching');
    const started = world.cluster.started.length;
    const withoutWidgets = (freshness: string) => (path: string) => [
      ...documentsOf(world.cluster.discovered, path).filter(({ metadata }) => metadata.name !== 'acme.io'),
      ...(path === '/api' ? [] : [{ metadata: { name: 'acme.io' }, versions: [{ version: 'v1', freshness }] }]),
    ];
    answer = withoutWidgets('Stale');
    await world.put(CRDS, { ...crd(WIDGETS), generation: 2 });
    await world.clock.advance(90_000);
    await world.put(WIDGETS, cachedObject({ name: 'during' }));
    expect([world.cluster.started.length, world.state(WIDGET_KIND)]).toEqual([started, 'Watching']);
    expect(world.writer.writes).toEqual(['during']);
    // Said for certain, it is gone.
    answer = withoutWidgets('Current');
    await world.put(CRDS, { ...crd(WIDGETS), generation: 3 });
    await world.clock.advance(1_000);
    await world.quiet();
    expect(world.state(WIDGET_KIND)).toBe('NotServed');
  });
});

describe('a kind that cannot be watched', () => {
  test('says which right is missing, while the others go on; its objects are written once it is there', async () => {
    const world = makeWorld();
    world.cluster.installCrd(WIDGET_KIND, 'uid-1');
    world.cluster.refuse(WIDGETS, 'Forbidden');
    world.cluster.put(WIDGETS, cachedObject({ name: 'w' }));
    world.cluster.put('configmaps', cachedObject({ name: 'a' }));
    world.cluster.put(POLICIES, policy('p', { match: on(CONFIG_MAPS, WIDGET_KIND) }));
    await world.start();
    expect(world.writer.writes).toEqual(['a']);
    expect(world.meta.status.state(WIDGET_KIND)).toMatchObject({
      state: 'Forbidden',
      message: expect.stringContaining('resources: ["widgets"], verbs: ["list", "watch"]'),
    });
    expect(world.state(CONFIG_MAPS)).toBe('Watching');
    expect(world.coverage('p')).toBe('Partial');
    world.cluster.refuse(WIDGETS, undefined);
    await world.clock.advance(2_000);
    await world.quiet();
    expect([world.writer.writes, world.state(WIDGET_KIND)]).toEqual([['a', 'w'], 'Watching']);
    expect(world.coverage('p')).toBe('All');
  });

  test('nothing of it is written while the right is gone, and what changed meanwhile is made up for', async () => {
    const world = makeWorld();
    world.cluster.put('configmaps', cachedObject({ name: 'a' }));
    world.cluster.put(POLICIES, policy('p', {}));
    await world.start();
    world.cluster.refuse('configmaps', 'Forbidden');
    await world.quiet();
    await world.put(POLICIES, policy('q', { rules: [{ ...SET, set: { labels: [{ key: 'x', value: 'y' }] } }] }));
    expect(world.writer.writes).toEqual(['a']);
    world.cluster.refuse('configmaps', undefined);
    await world.clock.advance(2_000);
    await world.quiet();
    expect([world.writer.writes, world.labels('configmaps', 'default/a')]).toEqual([
      ['a', 'a'],
      { env: 'prod', x: 'y' },
    ]);
  });

  test('for a while is no matter; after half a minute it is Failed, without a further event', async () => {
    const world = makeWorld();
    world.cluster.put(POLICIES, policy('p', {}));
    await world.start();
    world.cluster.refuse('configmaps', 'Unavailable');
    await world.clock.advance(TOLERATED_MS - 1);
    expect(world.state(CONFIG_MAPS)).toBe('Watching');
    world.changed.length = 0;
    await world.clock.advance(1);
    expect([world.state(CONFIG_MAPS), world.changed.includes('configmaps')]).toEqual(['Failed', true]);
  });

  test('Namespaces: every namespaced kind says so, and is told', async () => {
    const world = makeWorld();
    world.cluster.put(POLICIES, policy('p', {}));
    await world.start();
    world.changed.length = 0;
    world.cluster.refuse('namespaces', 'Forbidden');
    await world.quiet();
    expect(world.meta.status.state(CONFIG_MAPS)).toMatchObject({
      state: 'Forbidden',
      message: expect.stringContaining('resources: ["namespaces"]'),
    });
    expect(world.changed).toContain('configmaps');
  });

  test('because it cannot be listed is Failed with that reason', async () => {
    const world = makeWorld();
    world.cluster.serve(WIDGET_KIND, ['get', 'create']);
    world.cluster.put(POLICIES, policy('p', { match: on(WIDGET_KIND), rules: [REQUIRE] }));
    await world.start();
    expect(world.meta.status.state(WIDGET_KIND)).toMatchObject({
      state: 'Failed',
      message: expect.stringContaining('list'),
    });
    expect(world.cluster.starts(WIDGETS)).toBe(0);
  });
});

async function withNamespaces(fields: Record<string, unknown>): Promise<World> {
  const world = makeWorld();
  for (const name of ['shop', 'bank']) world.cluster.put('namespaces', namespace(name, { cost: '1' }));
  for (const where of ['shop', 'bank']) {
    world.cluster.put('configmaps', cachedObject({ name: `in-${where}`, namespace: where }));
  }
  world.cluster.put(POLICIES, policy('p', fields));
  await world.start();
  world.writer.writes.length = 0;
  world.evaluated.length = 0;
  return world;
}

describe('a Namespace', () => {
  test('whose labels change has its own objects evaluated, and no others', async () => {
    const world = await withNamespaces({ rules: [FROM_NAMESPACE] });
    await world.put('namespaces', namespace('shop', { cost: '2' }));
    expect(new Set(world.evaluated)).toEqual(new Set(['in-shop', 'shop']));
    expect(world.labels('configmaps', 'shop/in-shop')).toEqual({ cost: '2' });
  });

  test('whose labels no policy reads has no object evaluated', async () => {
    const world = await withNamespaces({ rules: [SET] });
    await world.put('namespaces', namespace('shop', { cost: '2' }));
    expect(world.evaluated).toEqual(['shop']);
  });

  test('whose annotations change has no object evaluated', async () => {
    const world = await withNamespaces({ rules: [FROM_NAMESPACE] });
    await world.put('namespaces', { ...namespace('shop', { cost: '1' }), annotations: { a: 'b' } });
    expect(world.evaluated).toEqual(['shop']);
  });

  test('that terminates has its objects evaluated, which are not written any more', async () => {
    const world = await withNamespaces({ rules: [SET] });
    await world.put('namespaces', { ...namespace('shop', { cost: '1' }), deleting: true });
    expect(world.evaluated).toContain('in-shop');
    await world.put('configmaps', cachedObject({ name: 'in-shop', namespace: 'shop' }));
    expect(world.writer.writes).toEqual([]);
  });

  test('that comes after its objects has them evaluated', async () => {
    const world = await withNamespaces({ rules: [FROM_NAMESPACE] });
    await world.put('configmaps', cachedObject({ name: 'early', namespace: 'late' }));
    expect(world.labels('configmaps', 'late/early')).toEqual({});
    await world.put('namespaces', namespace('late', { cost: '9' }));
    expect(world.labels('configmaps', 'late/early')).toEqual({ cost: '9' });
  });
});

test('a kind of the ledger that a policy writes stays on record, also while it has no object', async () => {
  const world = makeWorld();
  world.cluster.put(POLICIES, policy('p', {}));
  await world.start({ ledger: { kinds: 'configmaps' } });
  expect(world.stored?.['kinds']).toBe('configmaps');
  await world.put('configmaps', cachedObject({ name: 'a' }));
  world.cluster.remove('configmaps', 'default/a');
  await world.quiet();
  expect([world.writer.writes, world.stored?.['kinds']]).toEqual([['a'], 'configmaps']);
});

describe('a kind of the ledger that no policy is on', () => {
  test('is swept, then let go', async () => {
    const world = makeWorld();
    world.cluster.put('configmaps', ours('a'));
    world.cluster.put('configmaps', cachedObject({ name: 'foreign', labels: { env: 'prod' } }));
    await world.start({ ledger: { kinds: 'configmaps' } });
    expect(world.writer.writes).toEqual(['a']);
    expect([world.labels('configmaps', 'default/a'), world.labels('configmaps', 'default/foreign')]).toEqual([
      {},
      { env: 'prod' },
    ]);
    expect([world.stored, world.cluster.watching('configmaps'), world.cluster.watching('namespaces')]).toEqual([
      { kinds: '' },
      0,
      0,
    ]);
  });

  test('is swept by another name when the server has its objects under that alone, then let go', async () => {
    const world = makeWorld();
    world.cluster.serve(INGRESSES);
    world.cluster.put('ingresses.networking.k8s.io', ours('a'));
    await world.start({ ledger: { kinds: 'ingresses.extensions' } });
    expect([world.writer.writes, world.labels('ingresses.networking.k8s.io', 'default/a')]).toEqual([['a'], {}]);
    expect([world.stored, world.cluster.watching('ingresses.networking.k8s.io')]).toEqual([{ kinds: '' }, 0]);
  });

  test('leaves the record later when the ledger cannot be written now', async () => {
    const world = makeWorld();
    world.cluster.put('configmaps', ours('a'));
    world.ledgerFailure = new Error('no answer');
    // It is on record already, so the object itself is written.
    await world.start({ ledger: { kinds: 'configmaps' } });
    expect([world.writer.writes, world.stored]).toEqual([['a'], { kinds: 'configmaps' }]);
    world.ledgerFailure = undefined;
    await world.clock.advance(10_000);
    await world.quiet();
    expect(world.stored).toEqual({ kinds: '' });
  });

  test('is listed anew before it is let go: our watch may owe what somebody else wrote', async () => {
    const world = makeWorld();
    await world.start();
    world.cluster.put(POLICIES, policy('p', {}));
    await world.put('configmaps', cachedObject({ name: 'a' }));
    world.cluster.mute('configmaps');
    world.cluster.put('configmaps', ours('b'));
    world.cluster.remove(POLICIES, 'p');
    await world.quiet();
    expect([world.labels('configmaps', 'default/a'), world.labels('configmaps', 'default/b'), world.stored]).toEqual([
      {},
      {},
      { kinds: '' },
    ]);
  });

  test('is listed anew where a write had no answer, and not each time', async () => {
    const world = makeWorld();
    world.cluster.put(POLICIES, policy('judge', { rules: [REQUIRE], mode: 'Audit' }));
    await world.start();
    await world.put('configmaps', cachedObject({ name: 'a' }));
    const asked = async (uid: string) => {
      const before = world.cluster.asked('configmaps');
      await world.put(POLICIES, policy('p', {}, { uid }));
      world.cluster.remove(POLICIES, 'p');
      await world.quiet();
      expect([world.labels('configmaps', 'default/a'), world.stored]).toEqual([{}, { kinds: '' }]);
      return world.cluster.asked('configmaps') - before;
    };
    const first = await asked('one');
    const again = await asked('two');
    let isMade = false;
    world.writer.answer = () => {
      if (isMade) return undefined;
      isMade = true;
      world.cluster.mute('configmaps');
      world.cluster.put('configmaps', ours('a'));
      return { kind: 'Unknown', message: 'no answer' };
    };
    expect([first - again, (await asked('three')) - again]).toEqual([2, 2]);
  });

  test('stays as long as a write of it is under way, whose label would be left behind', async () => {
    const world = makeWorld();
    await world.start();
    const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
    world.writer.answer = () => promise;
    await world.put('configmaps', cachedObject({ name: 'a' }));
    await world.put(POLICIES, policy('p', {}));
    world.cluster.remove(POLICIES, 'p');
    await world.quiet();
    expect([world.writer.writes, world.cluster.watching('configmaps')]).toEqual([['a'], 1]);
    world.writer.answer = () => undefined;
    resolve({ kind: 'Written', answer: ours('a') });
    await world.quiet();
    expect([world.writer.writes, world.labels('configmaps', 'default/a')]).toEqual([['a', 'a'], {}]);
    expect(world.cluster.watching('configmaps')).toBe(0);
  });

  test('that is not served any more stays on record and costs nothing', async () => {
    const world = makeWorld();
    await world.start({ ledger: { kinds: WIDGETS } });
    expect([world.stored, world.cluster.starts(WIDGETS)]).toEqual([{ kinds: WIDGETS }, 0]);
  });

  test('that went with its CRD leaves the record, and Namespaces are not watched for it any more', async () => {
    const world = makeWorld();
    world.cluster.put(CRDS, crd(WIDGETS));
    world.cluster.serve(WIDGET_KIND);
    world.cluster.put(POLICIES, policy('p', { match: on(WIDGET_KIND) }));
    await world.start();
    await world.put(WIDGETS, cachedObject({ name: 'a' }));
    expect([world.writer.writes, world.stored?.['kinds']]).toEqual([['a'], WIDGETS]);
    world.cluster.remove(POLICIES, 'p');
    world.cluster.unserve(WIDGETS);
    world.cluster.remove(CRDS, WIDGETS);
    await world.clock.advance(2_000);
    await world.quiet();
    expect([world.stored, world.cluster.watching(WIDGETS), world.cluster.watching('namespaces')]).toEqual([
      { kinds: '' },
      0,
      0,
    ]);
  });
});

test('stop leaves no request, no timer and no plan', async () => {
  const world = makeWorld();
  world.cluster.put(POLICIES, policy('p', {}));
  await world.start();
  world.cluster.put(POLICIES, policy('q', { match: on(WIDGET_KIND) }));
  await world.objects.stop();
  await world.meta.stop();
  const started = world.cluster.started.length;
  await world.clock.advance(120_000);
  expect([world.cluster.started.length, world.clock.pending]).toEqual([started, 0]);
  for (const name of [POLICIES, CRDS, 'configmaps', 'namespaces']) expect(world.cluster.watching(name)).toBe(0);
});
