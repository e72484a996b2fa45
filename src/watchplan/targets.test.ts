import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { parseGroupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot, ServedVersion } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import { Expansions } from './expansions.ts';
import { expandTargets } from './targets.ts';

const ALL_VERBS = ['get', 'list', 'watch', 'patch'];
const READ_ONLY = ['get', 'list', 'watch'];

type Version = readonly [version: string, verbs?: readonly string[]];

/** By name: scope, and the versions in the server's order. */
function server(
  resources: Readonly<Record<string, readonly [ServedVersion['scope'], ...Version[]]>>,
): DiscoverySnapshot {
  return new Map(
    Object.entries(resources).map(([name, [scope, ...versions]]) => [
      name,
      {
        ...parseGroupResourceName(name),
        versions: versions.map(([version, verbs = ALL_VERBS]) => ({ version, verbs, scope, kind: 'Kind' })),
        stale: false,
      },
    ]),
  );
}

const SERVER = server({
  configmaps: ['Namespaced', ['v1']],
  secrets: ['Namespaced', ['v1']],
  events: ['Namespaced', ['v1']],
  componentstatuses: ['Cluster', ['v1', ['get', 'list']]],
  namespaces: ['Cluster', ['v1']],
  'widgets.a.acme.io': ['Namespaced', ['v2'], ['v1']],
  'gadgets.a.acme.io': ['Cluster', ['v1']],
  'pods.metrics.k8s.io': ['Namespaced', ['v1', ['get', 'list']]],
  'reports.b.acme.io': ['Namespaced', ['v1', READ_ONLY]],
});

const REQUIRES = { require: { labels: [{ key: 'team' }] } };
const SETS = { set: { labels: [{ key: 'team', value: 'a' }] } };
const READS = { set: { labels: [{ key: 'k', valueFrom: { jsonPath: '$.spec.size' } }] } };

type Target = readonly [group: string, resource: string, fields?: object];

function program(targets: readonly Target[], action: object = REQUIRES, fields: object = {}) {
  const resources = targets.map(([group, resource, more]) => ({ group, resource, ...more }));
  return programOf('p', { match: { resources }, rules: [{ name: 'r1', ...action }], ...fields });
}

/** `NAME VERSION`, what is left out and what waits, in words. */
function shown(targets: readonly Target[], action: object = REQUIRES, fields: object = {}, discovery = SERVER) {
  const { resources, skipped, waiting } = expandTargets(program(targets, action, fields), discovery);
  return {
    resources: [...resources].map(([name, { version }]) => (version === undefined ? name : `${name} ${version}`)),
    skipped: skipped.map(({ name, reason }) => `${name}: ${reason}`),
    waiting: [...waiting].map(([{ path }, why]) => `${path}: ${why}`),
  };
}

const NOTHING_FITS = 'the API server serves nothing that this fits yet';

describe('what is named exactly', () => {
  test('is itself, served or not', () => {
    expect(
      shown([
        ['', 'secrets'],
        ['late.io', 'things'],
      ]),
    ).toEqual({
      resources: ['secrets', 'things.late.io'],
      skipped: [],
      waiting: [],
    });
  });

  test('counts although it cannot be watched: that is an error to be told of', () => {
    expect(shown([['metrics.k8s.io', 'pods']]).resources).toEqual(['pods.metrics.k8s.io']);
  });

  test('waits for a resource of its scope', () => {
    expect(
      shown([
        ['', 'namespaces', { scope: 'Namespaced' }],
        ['', 'configmaps', { scope: 'Namespaced' }],
      ]),
    ).toEqual({
      resources: ['configmaps'],
      skipped: [],
      waiting: ['spec.match.resources[0]: the API server serves it with scope Cluster, not Namespaced'],
    });
  });
});

describe('a glob', () => {
  test('is what it fits, without what globs leave out', () => {
    expect(shown([['', '*']])).toEqual({
      resources: ['configmaps', 'namespaces'],
      skipped: [
        'componentstatuses: the API server does not offer watch for it',
        'events: Events come by the thousand and go by themselves',
        'secrets: Secrets must be named exactly',
      ],
      waiting: [],
    });
  });

  test('leaves nothing out that is also named exactly', () => {
    expect(
      shown([
        ['', 'secrets'],
        ['', 's*'],
      ]),
    ).toEqual({ resources: ['secrets'], skipped: [], waiting: [] });
  });

  test('of a policy that writes leaves out what cannot be written', () => {
    expect(shown([['*.acme.io', '*']]).resources).toEqual([
      'gadgets.a.acme.io',
      'reports.b.acme.io',
      'widgets.a.acme.io',
    ]);
    expect(shown([['*.acme.io', '*']], SETS)).toEqual({
      resources: ['gadgets.a.acme.io', 'widgets.a.acme.io'],
      skipped: ['reports.b.acme.io: the API server does not offer patch for it'],
      waiting: [],
    });
  });

  test('is narrowed by scope, and what has another scope is not said to be left out', () => {
    expect(shown([['*', '*', { scope: 'Cluster' }]])).toEqual({
      resources: ['gadgets.a.acme.io', 'namespaces'],
      skipped: ['componentstatuses: the API server does not offer watch for it'],
      waiting: [],
    });
  });

  test('waits while nothing fits it', () => {
    expect(
      shown([
        ['late.io', '*'],
        ['', 'configmaps'],
      ]),
    ).toEqual({
      resources: ['configmaps'],
      skipped: [],
      waiting: [`spec.match.resources[0]: ${NOTHING_FITS}`],
    });
  });

  test('says so when all that fits it is left out', () => {
    expect(shown([['', 'sec*']]).waiting).toEqual([
      'spec.match.resources[0]: all that this fits is left out, unless it is named exactly',
    ]);
  });

  test('does not wait when what it fits is named by another entry', () => {
    expect(
      shown([
        ['', 'configmaps'],
        ['', 'config*'],
      ]).waiting,
    ).toEqual([]);
  });

  test('does not bring in what the policy excludes altogether', () => {
    const exclude = [
      { names: ['a'], resources: [{ group: '', resource: 'namespaces' }] },
      { resources: [{ group: '', resource: 'config*' }] },
    ];
    expect(shown([['', '*']], REQUIRES, { exclude })).toMatchObject({
      resources: ['namespaces'],
      skipped: expect.arrayContaining(['configmaps: spec.exclude[1] leaves it out']),
    });
    expect(shown([['', 'configmaps']], REQUIRES, { exclude })).toEqual({
      resources: [],
      skipped: ['configmaps: spec.exclude[1] leaves it out'],
      waiting: [],
    });
  });
});

describe('the version in which more than metadata is read', () => {
  test('is none where no more is read', () => {
    expect(shown([['a.acme.io', 'widgets', { version: 'v1' }]]).resources).toEqual(['widgets.a.acme.io']);
    expect(shown([['*', 'widgets', { version: 'v9' }]]).resources).toEqual(['widgets.a.acme.io']);
  });

  test('is the one that is named', () => {
    expect(shown([['a.acme.io', 'widgets', { version: 'v1' }]], READS).resources).toEqual(['widgets.a.acme.io v1']);
    expect(shown([['a.acme.io', '*', { version: 'v1' }]], READS).resources).toEqual([
      'gadgets.a.acme.io v1',
      'widgets.a.acme.io v1',
    ]);
  });

  test("is the server's choice with '*'", () => {
    for (const resource of ['widgets', 'w*']) {
      expect(shown([['a.acme.io', resource, { version: '*' }]], READS).resources).toEqual(['widgets.a.acme.io v2']);
    }
  });

  test('that offers what the policy needs', () => {
    const discovery = server({ 'widgets.acme.io': ['Namespaced', ['v3', ['get']], ['v2', READ_ONLY], ['v1']] });
    expect(shown([['acme.io', '*', { version: '*' }]], READS, {}, discovery).resources).toEqual(['widgets.acme.io v1']);
  });

  test('leaves out of a glob what is not served in it', () => {
    expect(shown([['a.acme.io', '*', { version: 'v2' }]], READS)).toEqual({
      resources: ['widgets.a.acme.io v2'],
      skipped: ['gadgets.a.acme.io: the API server does not serve it in v2'],
      waiting: [],
    });
  });

  test('unless another glob has one that is', () => {
    const targets: Target[] = [
      ['a.acme.io', '*', { version: 'v2' }],
      ['*.acme.io', 'gadgets', { version: 'v1' }],
    ];
    expect(shown(targets, READS)).toEqual({
      resources: ['gadgets.a.acme.io v1', 'widgets.a.acme.io v2'],
      skipped: [],
      waiting: [],
    });
  });
});

describe('a resource that is served in two groups', () => {
  const both = server({
    'ingresses.networking.k8s.io': ['Namespaced', ['v1']],
    'ingresses.extensions': ['Namespaced', ['v1beta1']],
  });
  const old = server({ 'ingresses.extensions': ['Namespaced', ['v1beta1']] });

  test.each<[string, readonly Target[]]>([
    ['by its name', [['networking.k8s.io', 'ingresses']]],
    ['by its other name', [['extensions', 'ingresses']]],
    [
      'by both names',
      [
        ['extensions', 'ingresses'],
        ['networking.k8s.io', 'ingresses'],
      ],
    ],
    ['by a glob over one group', [['networking.k8s.io', '*']]],
  ])('is watched once, %s', (_, targets) => {
    expect(shown(targets, REQUIRES, {}, both)).toEqual({
      resources: ['ingresses.networking.k8s.io'],
      skipped: [],
      waiting: [],
    });
  });

  test.each<[string, readonly Target[]]>([
    ['over all groups', [['*', '*']]],
    ['over the other group', [['extensions', '*']]],
  ])('is watched once, by a glob %s, which counts the second as left out', (_, targets) => {
    expect(shown(targets, REQUIRES, {}, both)).toEqual({
      resources: ['ingresses.networking.k8s.io'],
      skipped: ['ingresses.extensions: its objects are watched as ingresses.networking.k8s.io'],
      waiting: [],
    });
  });

  test('is watched also where an entry has its other name with another scope', () => {
    const targets: Target[] = [
      ['extensions', 'ingresses', { scope: 'Cluster' }],
      ['*', '*', { scope: 'Namespaced' }],
    ];
    expect(shown(targets, REQUIRES, {}, both).resources).toEqual(['ingresses.networking.k8s.io']);
  });

  test('goes by the name that the server has', () => {
    for (const group of ['extensions', '*']) {
      expect(shown([[group, 'ingresses']], REQUIRES, {}, old).resources).toEqual(['ingresses.extensions']);
    }
    const modern = server({ 'ingresses.networking.k8s.io': ['Namespaced', ['v1']] });
    expect(shown([['extensions', 'ingresses']], REQUIRES, {}, modern).resources).toEqual(['ingresses.extensions']);
    expect(shown([['extensions', '*']], REQUIRES, {}, modern).waiting).toEqual([
      `spec.match.resources[0]: ${NOTHING_FITS}`,
    ]);
  });
});

describe('expansions that are kept', () => {
  const all = program([
    ['*', '*'],
    ['late.io', 'things'],
  ]);

  test('are computed once for each program and state of the server', () => {
    const expansions = new Expansions();
    const first = expansions.of(all, SERVER);
    expect(expansions.of(all, SERVER)).toBe(first);
    expect(expansions.of(program([['*', '*']]), SERVER)).not.toBe(first);
    expect(expansions.of(all, new Map(SERVER))).not.toBe(first);
  });

  test('are those that would be computed afresh, whatever came and went before', () => {
    const expansions = new Expansions();
    const changed = new Map(SERVER);
    for (const name of ['configmaps', 'widgets.a.acme.io']) changed.delete(name);
    const other = server({
      'gadgets.a.acme.io': ['Cluster', ['v1', ['get']]],
      'ingresses.extensions': ['Namespaced', ['v1']],
    });
    const next = new Map([...changed, ...other]);
    const home = server({ 'ingresses.networking.k8s.io': ['Namespaced', ['v1']] });
    for (const discovery of [SERVER, changed, next, new Map([...next, ...home]), next, SERVER]) {
      expect(expansions.of(all, discovery)).toEqual(expandTargets(all, discovery));
    }
  });

  test('look again only at what has changed', () => {
    const kinds = Array.from({ length: 100 }, (_, i) => `things${i}.acme.io`);
    const many = server(Object.fromEntries(kinds.map((name) => [name, ['Namespaced', ['v1']]])));
    const plain = program([['acme.io', '*']]);
    let looks = 0;
    const counted: Program = {
      ...plain,
      about: (...asked) => {
        looks += 1;
        return plain.about(...asked);
      },
    };
    const looksAt = (discovery: DiscoverySnapshot): number => {
      looks = 0;
      expansions.of(counted, discovery);
      return looks;
    };
    const expansions = new Expansions();
    expect(looksAt(many)).toBe(100);
    expect(looksAt(new Map(many))).toBe(0);
    expect(looksAt(new Map([...many].slice(1)))).toBe(0);
    expect(looksAt(new Map([...many, ...server({ 'things7.acme.io': ['Namespaced', ['v2']] })]))).toBe(2);
    expansions.keep([plain]);
    expect(looksAt(many)).toBe(100);
  });
});

type Entry = readonly [string, readonly [ServedVersion['scope'], readonly Version[]]];

const snapshot = (all: readonly Entry[]) =>
  server(Object.fromEntries(all.map(([name, [scope, versions]]) => [name, [scope, ...versions]])));

describe('of any server', () => {
  const names = [
    'configmaps',
    'secrets',
    'events',
    'ingresses.extensions',
    'ingresses.networking.k8s.io',
    'roles.rbac.authorization.k8s.io',
    'widgets.a.acme.io',
    'gadgets.a.acme.io',
    'widgets.b.acme.io',
  ];
  const version = fc.tuple(
    fc.constantFrom('v1', 'v2', 'v3'),
    fc.constantFrom(ALL_VERBS, READ_ONLY, ['get', 'list'], []),
  );
  const served = fc.tuple(
    fc.constantFrom<ServedVersion['scope']>('Namespaced', 'Cluster'),
    fc.uniqueArray(version, { minLength: 1, maxLength: 3, selector: ([name]) => name }),
  );
  const entries = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), served), { selector: ([name]) => name });
  const target = fc.tuple(
    fc.constantFrom('', '*', 'extensions', 'networking.k8s.io', '*.io', 'a.acme.io', '*.acme.io'),
    fc.constantFrom('*', 'configmaps', 's*', 'ingresses', '*gets', 'widgets'),
    fc.record({ version: fc.constantFrom('v1', 'v2', '*'), scope: fc.constantFrom('Namespaced', 'Cluster', '*') }),
  );
  const programs = fc
    .tuple(
      fc.uniqueArray(target, { minLength: 1, maxLength: 4, selector: ([group, resource]) => `${resource}.${group}` }),
      fc.constantFrom(REQUIRES, SETS, READS),
    )
    .map(([targets, action]) => program(targets, action));

  test('each resource is targeted, left out, or not spoken of; and the order does not matter', () => {
    fc.assert(
      fc.property(entries, programs, (all, one) => {
        const discovery = snapshot(all);
        const expansion = expandTargets(one, discovery);
        const left = expansion.skipped.map(({ name }) => name);
        expect(new Set(left).size).toBe(left.length);
        for (const name of left) expect(expansion.resources.has(name)).toBe(false);
        for (const { group, resource, versions } of discovery.values()) {
          const [{ scope } = { scope: 'Cluster' as const }] = versions;
          const name = group === '' ? resource : `${resource}.${group}`;
          const spoken = one.about({ group, resource, scope }, [{ group, resource }]).kind !== 'None';
          if (!spoken || name === 'ingresses.extensions') continue;
          expect(expansion.resources.has(name) || left.includes(name), name).toBe(true);
        }
        expect(expandTargets(one, snapshot(all.toReversed()))).toEqual(expansion);
      }),
    );
  });

  test('kept expansions are those that would be computed afresh', () => {
    const servers = fc.array(entries, { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(servers, fc.array(programs, { minLength: 1, maxLength: 3 }), (all, several) => {
        const expansions = new Expansions();
        let before: DiscoverySnapshot = new Map();
        for (const now of all) {
          // What stays the same is the same object, as it is in discovery.
          const discovery = new Map(
            [...snapshot(now)].map(([name, resource]) => {
              const known = before.get(name);
              return [name, isDeepStrictEqual(known, resource) ? (known ?? resource) : resource];
            }),
          );
          for (const one of several) {
            expect(expansions.of(one, discovery)).toEqual(expandTargets(one, discovery));
          }
          before = discovery;
        }
      }),
    );
  });

  test('nothing is watched under two names', () => {
    fc.assert(
      fc.property(entries, programs, (all, one) => {
        const discovery = snapshot(all);
        const { resources } = expandTargets(one, discovery);
        const twice = ['ingresses.extensions', 'ingresses.networking.k8s.io'];
        expect(twice.filter((name) => resources.has(name) && discovery.has(name)).length).toBeLessThan(2);
      }),
    );
  });
});
