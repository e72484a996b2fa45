import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { type GroupResourceName, groupResourceName, parseGroupResourceName, type Scope } from '../api/resource.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import type { Namespaces } from './limits.ts';
import { planWatches } from './plan.ts';
import { neededRights } from './rights.ts';

const ALL_VERBS = ['get', 'list', 'watch', 'patch'];

interface Sample {
  readonly scope?: Scope;
  readonly verbs?: readonly string[];
}

function discovery(resources: Readonly<Record<GroupResourceName, Sample>>): DiscoverySnapshot {
  return new Map(
    Object.entries(resources).map(([name, { scope = 'Namespaced', verbs = ALL_VERBS }]): [string, ServedResource] => {
      const versions = [{ version: 'v1', kind: 'Kind', scope, verbs }];
      return [name, { ...parseGroupResourceName(name), versions, stale: false }];
    }),
  );
}

const CLUSTER = discovery({
  namespaces: { scope: 'Cluster' },
  nodes: { scope: 'Cluster' },
  configmaps: {},
  secrets: {},
  'widgets.acme.io': {},
  'readings.acme.io': { verbs: ['get', 'list', 'watch'] },
});

const JUDGES = { forbid: { labels: ['legacy'] } };
const WRITES = { set: { labels: [{ key: 'team', value: 'a' }] } };

function policy(name: string, resources: readonly object[], action: object, fields: object = {}): Program {
  return programOf(name, { match: { resources }, rules: [{ name: 'r1', ...action }], ...fields });
}

function planOf(programs: readonly Program[], served: DiscoverySnapshot, namespaces?: Namespaces) {
  const known = { crdUids: new Map(), apiServiceUids: new Map(), written: new Set<string>() };
  return planWatches({ programs, discovery: served, ...known, namespaces });
}

function needed(programs: readonly Program[], served = CLUSTER, namespaces?: Namespaces) {
  return neededRights(planOf(programs, served, namespaces), served);
}

/** `list watch patch`, by group/resource. */
function granted(...asked: Parameters<typeof needed>) {
  return Object.fromEntries(needed(...asked).rights.map((right) => [groupResourceName(right), right.verbs.join(' ')]));
}

const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const ANY = { group: '*', resource: '*' };

describe('the rights that a plan needs', () => {
  test('are to read what is judged, and to patch what is written as well', () => {
    expect(granted([policy('a', [CONFIG_MAPS], JUDGES)])).toEqual({ configmaps: 'list watch' });
    expect(granted([policy('a', [CONFIG_MAPS], WRITES)])).toEqual({ configmaps: 'list watch patch' });
  });

  test('are to read what a policy in mode Audit would write, and none for one that is suspended', () => {
    expect(granted([policy('a', [CONFIG_MAPS], WRITES, { mode: 'Audit' })])).toEqual({ configmaps: 'list watch' });
    expect(granted([policy('a', [CONFIG_MAPS], WRITES, { mode: 'Suspended' })])).toEqual({});
  });

  test('are what globs come to, by name; Secrets and what cannot be written are left out', () => {
    expect(granted([policy('a', [ANY], WRITES)])).toEqual({
      configmaps: 'list watch patch',
      namespaces: 'list watch patch',
      nodes: 'list watch patch',
      'widgets.acme.io': 'list watch patch',
    });
    expect(granted([policy('a', [{ group: 'acme.io', resource: '*' }], JUDGES)])).toEqual({
      'readings.acme.io': 'list watch',
      'widgets.acme.io': 'list watch',
    });
  });

  test('are there for what is not served yet', () => {
    const { rights } = needed([policy('a', [{ group: 'late.io', resource: 'things' }], WRITES)]);
    expect(rights).toEqual([
      { group: 'late.io', resource: 'things', verbs: ['list', 'watch', 'patch'], policies: ['a'], served: false },
    ]);
  });

  test('name the policies that they are for, and come by group and resource', () => {
    const programs = [policy('b', [CONFIG_MAPS], JUDGES), policy('a', [ANY], JUDGES)];
    const { rights } = needed(programs);
    expect(rights.map(groupResourceName)).toEqual([
      'configmaps',
      'namespaces',
      'nodes',
      'readings.acme.io',
      'widgets.acme.io',
    ]);
    expect(rights[0]?.policies).toEqual(['a', 'b']);
  });

  test('do not help where the operator is limited to namespaces and the kind has none', () => {
    const { rights, outOfReach } = needed(
      [policy('a', [{ group: '', resource: 'nodes' }, CONFIG_MAPS], WRITES)],
      CLUSTER,
      ['team-a'],
    );
    expect(rights.map(groupResourceName)).toEqual(['configmaps']);
    expect(outOfReach).toEqual([
      {
        group: '',
        resource: 'nodes',
        why: 'nodes is cluster-scoped, and the operator is limited to namespace team-a',
      },
    ]);
  });
});

const name = fc.constantFrom(
  'namespaces',
  'configmaps',
  'secrets',
  'pods',
  'nodes',
  'events.events.k8s.io',
  'deployments.apps',
  'roles.rbac.authorization.k8s.io',
  'widgets.acme.io',
  'gadgets.acme.io',
  'things.late.io',
);
const offered = fc.constantFrom(ALL_VERBS, ALL_VERBS, ['get', 'list', 'watch'], ['get', 'list'], ['create']);
const anyDiscovery = fc
  .dictionary(name, fc.record({ scope: fc.constantFrom<Scope>('Namespaced', 'Cluster'), verbs: offered }))
  .map((resources) => discovery({ namespaces: { scope: 'Cluster' }, ...resources }));
const target = fc.constantFrom(
  { group: '', resource: 'configmaps' },
  { group: '', resource: 'secrets' },
  { group: '', resource: 'namespaces' },
  { group: 'apps', resource: 'deployments' },
  { group: 'late.io', resource: 'things' },
  { group: 'acme.io', resource: '*' },
  { group: '*', resource: 'w*' },
  { group: '*', resource: '*s', scope: 'Namespaced' },
  ANY,
);
const anyPrograms = fc
  .array(
    fc.record({
      resources: fc.uniqueArray(target, { minLength: 1, maxLength: 3 }),
      action: fc.constantFrom(JUDGES, WRITES),
      mode: fc.constantFrom('Enforce', 'Audit', 'Suspended'),
    }),
    { maxLength: 4 },
  )
  .map((all) => all.map(({ resources, action, mode }, i) => policy(`p${i}`, resources, action, { mode })));

test('for any policies on any cluster: what is watched for policies and nothing beside, patch where one is written', () => {
  fc.assert(
    fc.property(anyPrograms, anyDiscovery, fc.option(fc.constant(['team-a', 'team-b'])), (programs, served, limit) => {
      const plan = planOf(programs, served, limit ?? undefined);
      const expected: Record<string, string> = {};
      const expectFor = (kind: GroupResourceName, on: readonly Program[]) => {
        const writes = on.some(({ mode, rules }) => mode === 'Enforce' && rules.some((rule) => rule.writes.length > 0));
        expected[kind] = writes ? 'list watch patch' : 'list watch';
      };
      for (const { views, owners, programs: on } of plan.kinds.values()) {
        if ([...owners].some((owner) => owner.startsWith('policy/')))
          expectFor(groupResourceName(views[0].context), on);
      }
      for (const [kind, { state }] of plan.absent) {
        const on = [...plan.parts.values()].filter(({ resources }) => resources.has(kind));
        if (state === 'NotServed' && on.length > 0)
          expectFor(
            kind,
            on.map(({ program }) => program),
          );
      }
      const { rights } = neededRights(plan, served);
      const found = Object.fromEntries(rights.map((right) => [groupResourceName(right), right.verbs.join(' ')]));
      expect(found).toEqual(expected);
      // Whatever globs say, these have to be named, and events and leases may not even be.
      const names = new Set(programs.flatMap(({ targets }) => targets.map(groupResourceName)));
      const never = Object.keys(found).filter((kind) => /\*|^events|^leases/.test(kind));
      const unnamed = Object.keys(found).filter((kind) => /^secrets$|rbac/.test(kind) && !names.has(kind));
      expect([...never, ...unnamed]).toEqual([]);
    }),
  );
});
