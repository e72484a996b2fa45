import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { type GroupResourceName, groupResourceName, parseGroupResourceName } from '../api/resource.ts';
import { watchId } from '../informer/watch-spec.ts';
import type { DiscoverySnapshot, ServedResource, ServedVersion } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import { isExact } from '../policy/resource-terms.ts';
import { kindId, kindIds } from './limits.ts';
import { type Plan, type PlanInput, planInSteps, planWatches } from './plan.ts';
import { missingVersions } from './versions.ts';

const ALL_VERBS = ['get', 'list', 'watch', 'patch'];

const served = (
  version: string,
  { verbs = ALL_VERBS, kind = 'Kind', scope = 'Namespaced' }: Partial<ServedVersion> = {},
): ServedVersion => ({
  version,
  kind,
  scope,
  verbs,
});

function discovery(resources: Readonly<Record<GroupResourceName, readonly ServedVersion[]>>): DiscoverySnapshot {
  return new Map(
    Object.entries(resources).map(([name, versions]): [string, ServedResource] => [
      name,
      { ...parseGroupResourceName(name), versions, stale: false },
    ]),
  );
}

const CLUSTER = discovery({
  namespaces: [served('v1', { kind: 'Namespace', scope: 'Cluster' })],
  configmaps: [served('v1', { kind: 'ConfigMap' })],
  'widgets.acme.io': [served('v1', { kind: 'Widget' }), served('v1beta1', { kind: 'Widget' })],
  'gadgets.acme.io': [served('v1', { kind: 'Gadget', scope: 'Cluster' })],
});

type Target = Readonly<Record<string, string>>;
const CONFIG_MAPS: Target = { group: '', resource: 'configmaps' };
const WIDGETS: Target = { group: 'acme.io', resource: 'widgets' };
const NAMESPACE: Target = { group: '', resource: 'namespaces' };
const GADGETS: Target = { group: 'acme.io', resource: 'gadgets' };

const REQUIRES = { require: { labels: [{ key: 'team' }] } };
const SETS = { set: { labels: [{ key: 'team', value: 'a' }] } };
const reads = (jsonPath: string) => ({ set: { labels: [{ key: 'k', valueFrom: { jsonPath } }] } });

function policy(name: string, targets: readonly Target[], action: object = REQUIRES, fields: object = {}): Program {
  return programOf(name, { match: { resources: targets }, rules: [{ name: 'r1', ...action }], ...fields });
}

function plan(programs: readonly Program[], input: Partial<PlanInput> = {}): Plan {
  return planWatches({
    programs,
    discovery: CLUSTER,
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(),
    ...input,
  });
}

/** For each kind that is watched: how, and for whom. */
function watched({ kinds }: Plan) {
  return Object.fromEntries(
    [...kinds].map(([name, { views, owners }]) => {
      const shapes = views.map(({ spec: { gvr, representation } }) => {
        return `${gvr.version} ${representation.kind === 'Metadata' ? 'metadata' : representation.fields.join('+')}`;
      });
      return [name, `${shapes.join(' and ')} for ${[...owners].toSorted().join(', ')}`];
    }),
  );
}

const NAMESPACES_AS_SOURCE = { namespaces: 'v1 metadata for source' };

describe('what is watched', () => {
  test('nothing without policies', () => {
    expect(plan([])).toEqual({ kinds: new Map(), absent: new Map(), parts: new Map(), refused: new Map() });
  });

  test('the kinds that a policy names, as metadata, and Namespaces', () => {
    expect(watched(plan([policy('p', [CONFIG_MAPS, WIDGETS])]))).toEqual({
      configmaps: 'v1 metadata for policy/p',
      'widgets.acme.io': 'v1 metadata for policy/p',
      ...NAMESPACES_AS_SOURCE,
    });
  });

  test('Namespaces once, when a policy is about them', () => {
    expect(watched(plan([policy('p', [{ group: '', resource: 'namespaces' }])]))).toEqual({
      namespaces: 'v1 metadata for policy/p, source',
    });
  });

  test('what evaluation needs to know of a kind', () => {
    const kind = plan([policy('p', [GADGETS])]).kinds.get('gadgets.acme.io');
    expect(kind?.views[0].context).toEqual({
      group: 'acme.io',
      resource: 'gadgets',
      version: 'v1',
      kind: 'Gadget',
      scope: 'Cluster',
    });
    expect(kind?.views[0].spec).toEqual({
      gvr: { group: 'acme.io', version: 'v1', resource: 'gadgets' },
      representation: { kind: 'Metadata' },
      incarnation: undefined,
    });
  });

  test('a kind once for all its policies, with all that any of them reads', () => {
    const versioned = { ...WIDGETS, version: 'v1' };
    const programs = [
      policy('a', [WIDGETS]),
      policy('b', [versioned], reads('$.status.phase')),
      policy('c', [versioned], reads('$.spec.size')),
      policy('d', [versioned], reads('$.spec.color')),
    ];
    const result = plan(programs);
    expect(watched(result)['widgets.acme.io']).toBe('v1 spec+status for policy/a, policy/b, policy/c, policy/d');
    expect(result.kinds.get('widgets.acme.io')?.programs).toEqual(programs);
  });

  test('a kind that another policy reads more of stays metadata for itself', () => {
    const programs = [policy('a', [{ ...WIDGETS, version: 'v1' }], reads('$.spec.size')), policy('b', [CONFIG_MAPS])];
    expect(watched(plan(programs))['configmaps']).toBe('v1 metadata for policy/b');
  });

  test('a CRD that was made again is another watch', () => {
    for (const uid of ['u1', 'u2']) {
      const { kinds } = plan([policy('p', [WIDGETS])], { crdUids: new Map([['widgets.acme.io', uid]]) });
      expect(kinds.get('widgets.acme.io')?.views[0].spec.incarnation).toBe(uid);
    }
  });
});

describe('an aggregated API server', () => {
  const apiServiceUids = new Map([['v1.acme.io', 'u1']]);

  test('that was registered anew is another watch, for the versions that it serves', () => {
    const beta = policy('p', [{ ...WIDGETS, version: 'v1beta1' }], reads('$.spec.size'));
    const incarnations = [policy('p', [WIDGETS]), beta].map(
      (program) => plan([program], { apiServiceUids }).kinds.get('widgets.acme.io')?.views[0].spec.incarnation,
    );
    expect(incarnations).toEqual(['u1', undefined]);
  });

  test('that the API server cannot reach has its unknown kinds Failed, not NotServed; other groups are not touched', () => {
    const stale = Object.assign(new Map(CLUSTER), { staleGroups: new Set(['late.io']) });
    const late = { group: 'late.io', resource: 'things' };
    const { kinds, absent } = plan([policy('p', [late, WIDGETS])], { discovery: stale });
    expect(kinds.has('widgets.acme.io')).toBe(true);
    expect(absent.get('things.late.io')).toEqual({
      state: 'Failed',
      message: expect.stringContaining('cannot reach the aggregated API server of group late.io'),
    });
  });
});

test('a kind whose CRD is there and that is not served says where to look', () => {
  const late = { group: 'late.io', resource: 'things' };
  const { absent } = plan([policy('p', [late])], { crdUids: new Map([['things.late.io', 'u1']]) });
  expect(absent.get('things.late.io')).toEqual({
    state: 'NotServed',
    message: expect.stringContaining('conditions NamesAccepted and Established'),
  });
});

/** Widgets in v0, v1, ... with these verbs. */
function widgetsWith(...verbs: readonly (readonly string[])[]): DiscoverySnapshot {
  return discovery({ 'widgets.acme.io': verbs.map((each, i) => served(`v${i}`, { verbs: each })) });
}

describe('versions', () => {
  const beta = { ...WIDGETS, version: 'v1beta1' };

  test('metadata is read in the version that the server prefers, whatever is named', () => {
    expect(watched(plan([policy('p', [beta])]))['widgets.acme.io']).toBe('v1 metadata for policy/p');
  });

  test('the first version that can be watched, where it is not the preferred one', () => {
    const partly = discovery({ 'widgets.acme.io': [served('v2', { verbs: ['get'] }), served('v1')] });
    expect(
      plan([policy('p', [WIDGETS])], { discovery: partly }).kinds.get('widgets.acme.io')?.views[0].spec.gvr.version,
    ).toBe('v1');
  });

  test('and that can be written, where a policy writes', () => {
    const readOnly = discovery({ 'widgets.acme.io': [served('v2', { verbs: ['list', 'watch'] }), served('v1')] });
    const versionFor = (action: object) =>
      plan([policy('p', [WIDGETS], action)], { discovery: readOnly }).kinds.get('widgets.acme.io')?.views[0].context
        .version;
    expect(versionFor(REQUIRES)).toBe('v2');
    expect(versionFor(SETS)).toBe('v1');
  });

  test('more than metadata is read in the version that the policy names', () => {
    expect(watched(plan([policy('p', [beta], reads('$.spec.size'))]))['widgets.acme.io']).toBe(
      'v1beta1 spec for policy/p',
    );
  });

  test('a version that the server does not have', () => {
    const { kinds, absent } = plan([policy('p', [{ ...WIDGETS, version: 'v9' }], reads('$.spec.size'))]);
    expect(kinds.has('widgets.acme.io')).toBe(false);
    expect(absent.get('widgets.acme.io')).toEqual({
      state: 'NotServed',
      message: 'the API server serves widgets.acme.io in v1, v1beta1, not in v9',
    });
  });

  describe('two policies that read different versions', () => {
    const first = policy('first', [{ ...WIDGETS, version: 'v1' }], reads('$.spec.size'));
    const second = policy('second', [beta], reads('$.spec.size'));
    const others = [
      policy('third', [{ ...WIDGETS, version: 'v1' }], reads('$.status.x')),
      policy('metadata', [beta]),
      policy('suspended', [beta], reads('$.data.x'), { mode: 'Suspended' }),
    ];

    test('have a view each, with what is read in it; the main one is the one that the server prefers', () => {
      for (const all of [
        [first, second, ...others],
        [...others, second, first],
      ]) {
        const result = plan(all);
        expect(watched(result)['widgets.acme.io']).toBe(
          'v1 spec+status and v1beta1 spec for policy/first, policy/metadata, policy/second, policy/third',
        );
        expect(result.refused.size).toBe(0);
        const { versions, programs } = result.kinds.get('widgets.acme.io') ?? {};
        expect(programs).toHaveLength(5);
        expect(new Map([...(versions ?? [])].map(([{ policy: name }, version]) => [name, version]))).toEqual(
          new Map([
            ['first', 'v1'],
            ['second', 'v1beta1'],
            ['third', 'v1'],
          ]),
        );
      }
    });

    test('where only one version can be written, that is the main one, read or not', () => {
      const readOnly = ['list', 'watch'];
      const judges = (version: string): Program => {
        const program = policy(`judges-${version}`, [{ ...WIDGETS, version }]);
        return { ...program, reads: { ...program.reads, fields: ['spec'] } };
      };
      const sets = policy('sets', [WIDGETS], SETS);
      const views = (all: readonly Program[]) =>
        watched(plan(all, { discovery: widgetsWith(readOnly, ALL_VERBS) }))['widgets.acme.io'];
      expect(views([judges('v0'), judges('v1'), sets])).toMatch(/^v1 spec and v0 spec for/);
      expect(views([judges('v0'), sets])).toMatch(/^v1 metadata and v0 spec for/);
    });

    test('and of which one is not served: that one takes part without a view, so that what it set is held', () => {
      const result = plan([first, policy('ninth', [{ ...WIDGETS, version: 'v9' }], reads('$.spec.size'))]);
      expect(watched(result)['widgets.acme.io']).toBe('v1 spec for policy/first');
      const kind = result.kinds.get('widgets.acme.io');
      expect(kind?.programs).toHaveLength(2);
      expect([...(kind?.absent ?? [])].map(([{ policy: name }, absence]) => [name, absence])).toEqual([
        ['ninth', { state: 'NotServed', message: 'the API server serves widgets.acme.io in v1, v1beta1, not in v9' }],
      ]);
    });

    test('that are both not served: nothing is watched, unless something of ours may be there', () => {
      const absent = ['v8', 'v9'].map((version) => policy(version, [{ ...WIDGETS, version }], reads('$.spec.size')));
      const result = plan(absent);
      expect(result.absent.get('widgets.acme.io')?.message).toBe(
        'the API server serves widgets.acme.io in v1, v1beta1, not in v8 or v9',
      );
      const written = plan(absent, { written: new Set(['widgets.acme.io']) });
      expect(watched(written)['widgets.acme.io']).toBe('v1 metadata for cleanup');
      expect(written.kinds.get('widgets.acme.io')?.programs).toEqual(absent);
    });

    test('of which one cannot be watched', () => {
      const partly = discovery({ 'widgets.acme.io': [served('v1'), served('v1beta1', { verbs: ['get', 'patch'] })] });
      const result = plan([first, second], { discovery: partly });
      expect(result.kinds.get('widgets.acme.io')?.absent.get(second)).toEqual({
        state: 'Failed',
        message: 'the API server does not offer list and watch for widgets.acme.io',
      });
    });
  });
});

const of = (verbs: readonly string[]) => discovery({ 'widgets.acme.io': [served('v1', { verbs })] });

describe('what cannot be watched', () => {
  test('a kind that is not served yet', () => {
    const { kinds, absent } = plan([policy('p', [{ group: 'late.io', resource: 'things' }])]);
    expect([...kinds.keys()]).toEqual(['namespaces']);
    expect(absent).toEqual(
      new Map([
        ['things.late.io', { state: 'NotServed', message: 'the API server does not serve things.late.io yet' }],
      ]),
    );
  });

  test.each([
    [['get'], 'list and watch'],
    [['get', 'list', 'patch'], 'watch'],
    [['get', 'watch'], 'list'],
  ])('a kind with the verbs %j', (verbs, missing) => {
    const { kinds, absent } = plan([policy('p', [WIDGETS])], { discovery: of(verbs) });
    expect(kinds.has('widgets.acme.io')).toBe(false);
    expect(absent.get('widgets.acme.io')).toEqual({
      state: 'Failed',
      message: `the API server does not offer ${missing} for widgets.acme.io`,
    });
  });

  test('a kind that cannot be written is refused to policies that write, and judged all the same', () => {
    const programs = [policy('judges', [WIDGETS]), policy('writes', [CONFIG_MAPS, WIDGETS], SETS)];
    const result = plan(programs, { discovery: of(['list', 'watch']) });
    expect(watched(result)['widgets.acme.io']).toBe('v1 metadata for policy/judges');
    expect(result.kinds.get('widgets.acme.io')?.programs.map((program) => program.policy)).toEqual(['judges']);
    expect(result.refused.get('writes')?.issues).toEqual([
      {
        path: 'spec.match.resources[1].resource',
        message:
          "must not be 'widgets' in a policy that writes: the API server does not offer patch for widgets.acme.io",
      },
    ]);
  });

  test('a version that cannot be written, where that one is named', () => {
    const mixed = discovery({ 'widgets.acme.io': [served('v1'), served('v0', { verbs: ['list', 'watch'] })] });
    const writing = (version: string) =>
      plan([policy('p', [{ ...WIDGETS, version }], reads('$.spec.x'))], { discovery: mixed });
    expect(writing('v1').refused.size).toBe(0);
    expect(writing('v0').refused.size).toBe(1);
  });

  test('a suspended policy writes nothing', () => {
    const programs = [policy('judges', [WIDGETS]), policy('writes', [WIDGETS], SETS, { mode: 'Suspended' })];
    const result = plan(programs, { discovery: of(['list', 'watch']) });
    expect(watched(result)['widgets.acme.io']).toBe('v1 metadata for policy/judges');
    expect(result.refused.size).toBe(0);
  });
});

describe('globs', () => {
  test('are what they fit; each resource is a watch of its own', () => {
    expect(watched(plan([policy('p', [{ group: 'acme.io', resource: '*' }])]))).toEqual({
      'widgets.acme.io': 'v1 metadata for policy/p',
      'gadgets.acme.io': 'v1 metadata for policy/p',
      ...NAMESPACES_AS_SOURCE,
    });
  });

  test('share what another policy names', () => {
    const programs = [policy('a', [WIDGETS]), policy('b', [{ group: '*', resource: '*' }])];
    const result = plan(programs);
    expect(watched(result)['widgets.acme.io']).toBe('v1 metadata for policy/a, policy/b');
    expect(result.kinds.get('widgets.acme.io')?.programs).toEqual(programs);
  });

  test('of a policy that writes have no part in what cannot be written', () => {
    const programs = [policy('judges', [WIDGETS]), policy('writes', [{ group: '*', resource: '*' }], SETS)];
    const result = plan(programs, { discovery: of(['list', 'watch']) });
    expect(result.refused.size).toBe(0);
    expect(result.kinds.get('widgets.acme.io')?.programs.map((program) => program.policy)).toEqual(['judges']);
    expect(result.parts.get('writes')?.skipped.map(({ name }) => name)).toEqual(['widgets.acme.io']);
  });

  test("read more than metadata in the server's preferred version with '*'", () => {
    const anyVersion = policy('p', [{ group: 'acme.io', resource: '*', version: '*' }], reads('$.spec.size'));
    expect(watched(plan([anyVersion]))['widgets.acme.io']).toBe('v1 spec for policy/p');
  });

  test('hold what they have written where their version is not served any more', () => {
    const glob = policy('p', [{ group: 'acme.io', resource: '*', version: 'v0' }], reads('$.spec.size'));
    expect(plan([glob]).kinds.size).toBe(0);
    const { kinds, parts } = plan([glob], { written: new Set(['widgets.acme.io']) });
    expect(watched(plan([glob], { written: new Set(['widgets.acme.io']) }))).toEqual({
      'widgets.acme.io': 'v1 metadata for cleanup',
      ...NAMESPACES_AS_SOURCE,
    });
    expect(kinds.get('widgets.acme.io')?.programs).toEqual([glob]);
    expect(kinds.get('widgets.acme.io')?.absent.has(glob)).toBe(true);
    expect(parts.get('p')?.skipped.map(({ name }) => name)).toEqual(['gadgets.acme.io', 'widgets.acme.io']);
  });

  test('of a suspended policy watch nothing, and take part where others watch', () => {
    const suspended = policy('s', [{ group: '*', resource: '*' }], SETS, { mode: 'Suspended' });
    expect(plan([suspended]).kinds.size).toBe(0);
    const result = plan([suspended, policy('p', [CONFIG_MAPS])]);
    expect(watched(result)).toEqual({ configmaps: 'v1 metadata for policy/p', ...NAMESPACES_AS_SOURCE });
    expect(result.kinds.get('configmaps')?.programs.map((program) => program.policy)).toEqual(['p', 's']);
  });
});

describe('suspended policies', () => {
  const suspended = policy('s', [CONFIG_MAPS, WIDGETS], SETS, { mode: 'Suspended' });

  test('watch nothing', () => {
    expect(plan([suspended]).kinds.size).toBe(0);
  });

  test('take part where others watch', () => {
    const result = plan([suspended, policy('p', [CONFIG_MAPS])]);
    expect(watched(result)).toEqual({ configmaps: 'v1 metadata for policy/p', ...NAMESPACES_AS_SOURCE });
    expect(result.kinds.get('configmaps')?.programs.map((program) => program.policy)).toEqual(['p', 's']);
  });
});

describe('kinds that may carry keys of ours', () => {
  test('are watched although no policy names them', () => {
    const result = plan([], { written: new Set(['widgets.acme.io']) });
    expect(watched(result)).toEqual({ 'widgets.acme.io': 'v1 metadata for cleanup', ...NAMESPACES_AS_SOURCE });
    expect(result.kinds.get('widgets.acme.io')?.programs).toEqual([]);
  });

  test('have both owners when a policy names them too', () => {
    const result = plan([policy('p', [WIDGETS])], { written: new Set(['widgets.acme.io']) });
    expect(watched(result)['widgets.acme.io']).toBe('v1 metadata for cleanup, policy/p');
  });

  test('and are with suspended policies, whose keys are held', () => {
    const suspended = policy('s', [WIDGETS], SETS, { mode: 'Suspended' });
    const { kinds } = plan([suspended], { written: new Set(['widgets.acme.io']) });
    expect(kinds.get('widgets.acme.io')?.programs).toEqual([suspended]);
  });

  test('are watched once, by the name that is to be watched of those that the server has for their objects', () => {
    const modern = { 'ingresses.networking.k8s.io': [served('v1')] };
    const both = { ...modern, 'ingresses.extensions': [served('v1beta1')] };
    const written = new Set(['ingresses.extensions']);
    for (const resources of [modern, both]) {
      const result = plan([], { discovery: discovery(resources), written });
      expect(watched(result)).toEqual({ 'ingresses.networking.k8s.io': 'v1 metadata for cleanup' });
      expect([...result.absent.keys()]).toEqual(['namespaces']);
    }
    const { absent } = plan([], { discovery: CLUSTER, written });
    expect([...absent.keys()]).toEqual(['ingresses.extensions']);
  });

  test('are absent while they are not served', () => {
    expect([...plan([], { written: new Set(['things.late.io']) }).absent.keys()]).toEqual(['things.late.io']);
  });
});

function byName<T>(map: ReadonlyMap<string, T>) {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** All of a plan, in an order of its own. */
function shown({ kinds, absent, refused }: Plan) {
  return {
    kinds: byName(kinds).map(([name, { views, owners, programs: all, versions, absent: without }]) => [
      name,
      views,
      [...owners].toSorted(),
      all.map((program) => `${program.policy} ${versions.get(program)} ${without.get(program)?.state}`).toSorted(),
    ]),
    absent: byName(absent),
    refused: byName(refused),
  };
}

describe('whatever policies there are', () => {
  const everything = { group: '*', resource: '*' };
  const late = { group: 'late.io', resource: 'things' };
  const target = fc.constantFrom(CONFIG_MAPS, WIDGETS, GADGETS, NAMESPACE, late, everything);
  const field = fc.constantFrom('spec', 'status', 'data');
  const programs = fc
    .array(
      fc.record({
        targets: fc.uniqueArray(target, { minLength: 1, maxLength: 3, selector: ({ resource }) => resource }),
        field: fc.option(field),
        version: fc.constantFrom('v1', 'v1beta1', 'v9'),
        mode: fc.constantFrom('Audit', 'Enforce', 'Suspended'),
      }),
      { maxLength: 6 },
    )
    .map((all) =>
      all.map(({ targets, field: top, version, mode }, i) =>
        policy(
          `p${i}`,
          targets.map((one) => ({ ...one, version })),
          top === null ? REQUIRES : reads(`$.${top}.x`),
          { mode },
        ),
      ),
    );
  const namespaces = fc.option(fc.subarray(['a', 'b', 'c'], { minLength: 1 }), { nil: undefined });
  const written = fc.subarray(['configmaps', 'widgets.acme.io', 'things.late.io']).map((names) => new Set(names));

  test('it does not matter in which order they are given', () => {
    const shuffled = programs.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all], { minLength: all.length, maxLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, written, namespaces, ([all, others], kinds, within) => {
        const first = plan(all, { written: kinds, namespaces: within });
        expect(shown(plan(others, { written: kinds, namespaces: within }))).toEqual(shown(first));
        expect(shown(plan(all, { written: kinds, namespaces: within }))).toEqual(shown(first));
      }),
    );
  });

  test('every kind that one names is watched or absent', () => {
    fc.assert(
      fc.property(programs, written, namespaces, (all, kinds, within) => {
        const { kinds: planned, absent, parts } = plan(all, { written: kinds, namespaces: within });
        const active = all.filter(({ mode }) => mode !== 'Suspended');
        expect([...parts.keys()]).toEqual(active.map((one) => one.policy));
        for (const { program, resources } of parts.values()) {
          for (const name of resources.keys()) {
            const ids = kindIds(name, within);
            expect(ids.every((id) => planned.has(id)) !== absent.has(name)).toBe(true);
            for (const id of ids) expect(planned.get(id)?.programs ?? [program]).toContain(program);
          }
          const named = program.targets.filter(isExact).map(groupResourceName);
          expect([...resources.keys()]).toEqual(expect.arrayContaining(named));
        }
      }),
    );
  });

  test('each reads a view of its version with all its fields; nothing is watched twice, and nothing elsewhere', () => {
    fc.assert(
      fc.property(programs, written, namespaces, (all, kinds, within) => {
        const planned = [...plan(all, { written: kinds, namespaces: within }).kinds];
        const ids = planned.flatMap(([, { views }]) => views.map(({ spec }) => watchId(spec)));
        expect(new Set(ids).size).toBe(ids.length);
        for (const [id, { namespace, views, programs: on, versions, absent }] of planned) {
          const [{ context }] = views;
          expect(id).toBe(kindId(groupResourceName(context), namespace));
          const allowed = id === 'namespaces' || within === undefined ? [undefined] : within;
          expect(allowed).toContain(namespace);
          expect(new Set(views.map((view) => view.context.version)).size).toBe(views.length);
          for (const { spec } of views) expect(spec.namespace).toBe(namespace);
          for (const program of on) {
            const version = versions.get(program);
            if (version === undefined || absent.has(program)) continue;
            const view = views.find((one) => one.spec.gvr.version === version);
            const { representation = { kind: 'Metadata' as const } } = view?.spec ?? {};
            expect(representation.kind === 'Metadata' ? [] : representation.fields).toEqual(
              expect.arrayContaining([...program.reads.fields]),
            );
          }
        }
      }),
    );
  });
});

const selected = ({ kinds }: Plan, id = 'configmaps') =>
  kinds.get(id)?.views.map(({ spec }) => spec.selection ?? 'everything');
const within = (namespaces: readonly string[]) => ({ namespaces });

describe('which objects of a kind are watched', () => {
  const PROD = { objectSelector: { matchLabels: { env: 'prod' } } };
  const audit = (name: string, targets: readonly Target[], match: object = PROD, fields: object = {}) =>
    policy(name, targets, REQUIRES, { mode: 'Audit', match: { resources: targets, ...match }, ...fields });
  const IN_PROD = [[{ labelSelector: 'env in (prod)' }]];
  const EVERYTHING = ['everything'];

  test('those that the policies on it can match, where none of them writes; each kind by itself', () => {
    const result = plan([audit('a', [CONFIG_MAPS, WIDGETS]), audit('b', [WIDGETS], {})]);
    expect(selected(result)).toEqual(IN_PROD);
    expect(selected(result, 'widgets.acme.io')).toEqual(EVERYTHING);
    expect(selected(result, 'namespaces')).toEqual(EVERYTHING);
    // Enforced or not, a policy that only judges owns nothing.
    expect(selected(plan([audit('a', [CONFIG_MAPS], PROD, { mode: 'Enforce' })]))).toEqual(IN_PROD);
    expect(selected(plan([audit('a', [NAMESPACE])]), 'namespaces')).toEqual(EVERYTHING);
  });

  test('what a suspended policy would match does not count', () => {
    const suspended = audit('s', [CONFIG_MAPS], {}, { mode: 'Suspended' });
    expect(selected(plan([audit('a', [CONFIG_MAPS]), suspended]))).toEqual(IN_PROD);
  });

  test('all of them where one writes, something may be left to take back, or is held', () => {
    const one = audit('a', [CONFIG_MAPS]);
    const writes = { rules: [{ name: 'r1', ...SETS }] };
    const writer = audit('w', [CONFIG_MAPS], PROD, { mode: 'Enforce', ...writes });
    expect(selected(plan([one, writer]))).toEqual(EVERYTHING);
    expect(selected(plan([one, audit('w', [CONFIG_MAPS], PROD, { mode: 'Audit', ...writes })]))).toEqual(IN_PROD);
    expect(selected(plan([one], { written: new Set(['configmaps']) }))).toEqual(EVERYTHING);
    const { uid, reach } = writer;
    const record = (resources: readonly string[]) => ({
      uid,
      keys: { labels: ['team'], annotations: [] },
      reach: { ...reach, resources },
      removal: 'Remove' as const,
    });
    const holding = (name: string, ...resources: string[]) => ({ onRecord: new Map([[name, record(resources)]]) });
    expect(selected(plan([one], holding('gone', 'configmaps')))).toEqual(EVERYTHING);
    expect(selected(plan([one], holding('gone', '*.*')))).toEqual(EVERYTHING);
    expect(selected(plan([one], holding('gone', 'widgets.acme.io')))).toEqual(IN_PROD);
    // What is enforced itself holds nothing.
    const elsewhere = audit('w', [WIDGETS], PROD, { mode: 'Enforce', ...writes });
    expect(selected(plan([one, elsewhere], holding('w', 'configmaps', 'widgets.acme.io')))).toEqual(IN_PROD);
  });

  test('all of them where an aggregated API server serves the kind', () => {
    const result = plan([audit('a', [WIDGETS, CONFIG_MAPS])], { apiServiceUids: new Map([['v1.acme.io', 'uid']]) });
    expect([selected(result, 'widgets.acme.io'), selected(result)]).toEqual([EVERYTHING, IN_PROD]);
  });

  test('in few namespaces one by one, where the kind is named; where a glob fits it, in one', () => {
    const all = { group: '*', resource: '*' };
    expect(selected(plan([audit('a', [CONFIG_MAPS], within(['a', 'b']))]))).toEqual([
      [{ namespace: 'a' }, { namespace: 'b' }],
    ]);
    const nine = Array.from({ length: 9 }, (_, i) => `n${i}`);
    expect(selected(plan([audit('a', [CONFIG_MAPS], within(nine.slice(1)))]))?.[0]).toHaveLength(8);
    expect(selected(plan([audit('a', [CONFIG_MAPS], within(nine))]))).toEqual(EVERYTHING);
    expect(selected(plan([audit('a', [all], within(['a', 'b']))]))).toEqual(EVERYTHING);
    expect(selected(plan([audit('a', [all], within(['a']))]))).toEqual([[{ namespace: 'a' }]]);
  });

  test('the same in each version', () => {
    const read = audit('a', [{ ...WIDGETS, version: 'v1beta1' }], PROD, {
      rules: [{ name: 'r1', check: { jsonPath: '$.spec.x', operator: 'Exists' } }],
    });
    const other = audit('b', [{ ...WIDGETS, version: 'v1' }], PROD, {
      rules: [{ name: 'r1', check: { jsonPath: '$.spec.x', operator: 'Exists' } }],
    });
    expect(selected(plan([read, other]), 'widgets.acme.io')).toEqual([...IN_PROD, ...IN_PROD]);
  });

  test('of one namespace that is watched anyway, those that policies on it can match', () => {
    const result = plan([audit('a', [CONFIG_MAPS], { ...PROD, namespaces: ['a'] })], { namespaces: ['a', 'b'] });
    expect(selected(result, 'configmaps in a')).toEqual(IN_PROD);
    expect(selected(result, 'configmaps in b')).toEqual(EVERYTHING);
  });
});

describe('within some namespaces', () => {
  const namespaces = ['a', 'b'];

  test('a kind is watched in each, also to take back what is there; Namespaces are read as ever', () => {
    const result = plan([policy('p', [CONFIG_MAPS])], { namespaces, written: new Set(['widgets.acme.io']) });
    expect(watched(result)).toEqual({
      'configmaps in a': 'v1 metadata for policy/p',
      'configmaps in b': 'v1 metadata for policy/p',
      'widgets.acme.io in a': 'v1 metadata for cleanup',
      'widgets.acme.io in b': 'v1 metadata for cleanup',
      ...NAMESPACES_AS_SOURCE,
    });
    expect(result.kinds.get('configmaps in b')?.views[0].spec.namespace).toBe('b');
  });

  test('what is cluster-scoped is out of reach: named, it fails; globs leave it out', () => {
    const all = { group: '*', resource: '*' };
    const result = plan([policy('named', [GADGETS, NAMESPACE]), policy('globs', [all])], { namespaces });
    const why = 'is cluster-scoped, and the operator is limited to namespaces a and b';
    expect([...result.absent]).toEqual([
      ['gadgets.acme.io', { state: 'Failed', message: `gadgets.acme.io ${why}` }],
      ['namespaces', { state: 'Failed', message: `namespaces ${why}` }],
    ]);
    expect(result.kinds.get('namespaces')?.programs).toEqual([]);
    expect(watched(result)['namespaces']).toBe('v1 metadata for source');
    expect(result.parts.get('globs')?.skipped.find(({ name }) => name === 'gadgets.acme.io')?.reason).toBe(`it ${why}`);
  });
});

describe('a version must be named where more than metadata is read', () => {
  test.each<[string, Program, readonly string[]]>([
    ['it is not needed for metadata', policy('p', [WIDGETS]), []],
    ['it is there', policy('p', [{ ...WIDGETS, version: 'v1' }], reads('$.spec.x')), []],
    [
      'the message says which there are',
      policy('p', [{ ...CONFIG_MAPS, version: 'v1' }, WIDGETS], reads('$.spec.x')),
      [
        "spec.match.resources[1].version: must be set, because the policy reads 'spec' of widgets.acme.io, which the API server has in 'v1' and 'v1beta1'",
      ],
    ],
    [
      'or that there is none yet',
      policy('p', [{ group: 'late.io', resource: 'things' }], {
        set: {
          labels: [
            { key: 'a', valueFrom: { jsonPath: '$.status.x' } },
            { key: 'b', valueFrom: { jsonPath: '$.spec.x' } },
          ],
        },
      }),
      [
        "spec.match.resources[0].version: must be set, because the policy reads 'spec' and 'status' of things.late.io, which is not served yet",
      ],
    ],
    [
      'of all that a glob fits',
      policy('p', [{ group: '*.io', resource: '*' }], reads('$.spec.x')),
      [
        "spec.match.resources[0].version: must be set, because the policy reads 'spec' of every resource that '*.*.io' fits, which the API server has in 'v1' and 'v1beta1': name one, or '*' for the one that it prefers of each",
      ],
    ],
    [
      'or that a glob fits nothing yet',
      policy('p', [{ group: 'late.io', resource: '*' }], reads('$.spec.x')),
      [
        "spec.match.resources[0].version: must be set, because the policy reads 'spec' of every resource that '*.late.io' fits, of which none is served yet: name one, or '*' for the one that it prefers of each",
      ],
    ],
    [
      "'*' is a version",
      policy(
        'p',
        [
          { group: '*.io', resource: '*', version: '*' },
          { ...CONFIG_MAPS, version: '*' },
        ],
        reads('$.spec.x'),
      ),
      [],
    ],
  ])('%s', (_, program, issues) => {
    expect(missingVersions(program, CLUSTER).map(({ path, message }) => `${path}: ${message}`)).toEqual(issues);
  });
});

describe('a plan that is made in steps', () => {
  const names = Array.from({ length: 60 }, (_, i) => `things${i}.acme.io`);
  const many = discovery(Object.fromEntries(names.map((name) => [name, [served('v1')]])));
  const everything: Target = { group: '*', resource: '*' };
  const input = (programs: readonly Program[]): PlanInput => ({
    programs,
    discovery: new Map([...CLUSTER, ...many]),
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(),
  });

  test('looks at few kinds for one policy in each, and comes to what it comes to in one go', () => {
    let looks = 0;
    const counted = (program: Program): Program => ({
      ...program,
      about: (...asked) => {
        looks += 1;
        return program.about(...asked);
      },
    });
    const suspended = { mode: 'Suspended' };
    const programs = [
      policy('a', [everything]),
      policy('b', [everything, WIDGETS], SETS),
      policy('c', [everything], REQUIRES, suspended),
    ].map(counted);
    const whole = planWatches(input(programs));
    looks = 0;
    const steps = planInSteps(input(programs));
    let most = 0;
    let taken = 0;
    for (;;) {
      const before = looks;
      const step = steps.next();
      most = Math.max(most, looks - before);
      taken += 1;
      if (step.done !== true) continue;
      expect(step.value).toEqual(whole);
      break;
    }
    expect(looks).toBeGreaterThan(180);
    expect(most).toBeLessThanOrEqual(20);
    // And a step for each kind.
    expect(taken).toBeGreaterThan(60 + 180 / 20);
  });

  test('orders the programs on a kind by their precedence', () => {
    const suspended = policy('a', [everything], SETS, { mode: 'Suspended', priority: 5 });
    const programs = [suspended, policy('b', [everything]), policy('c', [WIDGETS], SETS, { priority: 9 })];
    const on = planWatches(input(programs)).kinds.get('widgets.acme.io')?.programs;
    expect(on?.map((program) => program.policy)).toEqual(['c', 'a', 'b']);
  });
});
