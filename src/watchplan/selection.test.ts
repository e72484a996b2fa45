import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, evaluated, NODES, programOf } from '../../test/support/compiled-policy.ts';
import { serverSelection } from '../../test/support/server-selection.ts';
import type { CachedObject } from '../api/object.ts';
import type { Scope } from '../api/resource.ts';
import type { Selection } from '../informer/selection.ts';
import type { Program } from '../policy/program.ts';
import { selectionOf } from './selection.ts';

const JUDGES = [{ name: 'r1', require: { labels: [{ key: 'team' }] } }];
const ANYTHING = { resources: [{ group: '', resource: 'configmaps' }] };

function audit(match: object, fields: object = {}): Program {
  return programOf('p', { mode: 'Audit', match: { ...ANYTHING, ...match }, rules: JUDGES, ...fields });
}

interface Where {
  readonly scope?: Scope;
  readonly namespace?: string;
  readonly mostSlices?: number;
}

function select(programs: readonly Program[], where: Where = {}): Selection {
  return selectionOf({ programs, scope: 'Namespaced', namespace: undefined, mostSlices: 3, ...where });
}

const labels = (matchLabels: object) => ({ objectSelector: { matchLabels } });
const expressions = (...matchExpressions: object[]) => ({ objectSelector: { matchExpressions } });

const excluding = (...exclude: object[]) => select([audit({}, { exclude })]);
const long = (at: number) => `v${at}`.padEnd(63, 'x');

describe('by labels', () => {
  test('all that a policy requires', () => {
    const match = {
      objectSelector: {
        matchLabels: { env: 'prod' },
        matchExpressions: [
          { key: 'tier', operator: 'NotIn', values: ['db', 'cache'] },
          { key: 'team', operator: 'Exists' },
        ],
      },
    };
    expect(select([audit(match)])).toEqual([{ labelSelector: 'team,env in (prod),tier notin (cache,db)' }]);
  });

  test('of several policies what all of them require something of', () => {
    const both = [audit(labels({ env: 'prod', tier: 'web' })), audit(labels({ env: 'dev', team: 'a' }))];
    expect(select(both)).toEqual([{ labelSelector: 'env in (dev,prod)' }]);
    const other = audit(expressions({ key: 'env', operator: 'NotIn', values: ['prod', 'test'] }));
    expect(select([...both, other])).toEqual([{ labelSelector: 'env notin (test)' }]);
  });

  test('nothing where one requires nothing, or the key may be absent or of some values', () => {
    const prod = audit(labels({ env: 'prod' }));
    expect(select([prod, audit({})])).toEqual([{}]);
    expect(select([prod, audit(expressions({ key: 'env', operator: 'DoesNotExist' }))])).toEqual([{}]);
    expect(select([prod, audit(labels({ tier: 'web' }))])).toEqual([{}]);
    expect(select([])).toEqual([{}]);
  });

  test('what an entry of exclude leaves out by one label is not asked for; by two, or by more than labels, it is', () => {
    const skip = { key: 'skip', operator: 'Exists' };
    expect(excluding(expressions(skip))).toEqual([{ labelSelector: '!skip' }]);
    expect(excluding(labels({ tier: 'db' }), labels({ tier: 'web' }))).toEqual([
      { labelSelector: 'tier notin (db,web)' },
    ]);
    expect(excluding(labels({ tier: 'db', env: 'prod' }))).toEqual([{}]);
    expect(excluding({ ...expressions(skip), names: ['a'] })).toEqual([{}]);
  });

  test('not by keys that the policy itself writes: of these it does not see what is ours', () => {
    const rules = [{ name: 'r1', set: { labels: [{ key: 'env', value: 'prod' }] } }];
    const match = { ...labels({ tier: 'web' }), ...expressions({ key: 'other', operator: 'Exists' }) };
    const lacksEnv = {
      objectSelector: {
        matchLabels: { tier: 'web' },
        matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }],
      },
    };
    expect(select([audit(match, { rules })])).toEqual([{ labelSelector: 'other' }]);
    expect(select([audit(lacksEnv, { rules })])).toEqual([{ labelSelector: 'tier in (web)' }]);
  });

  test('a selector stays short, and only so many values are told', () => {
    const many = Array.from({ length: 60 }, (_, i) => long(i));
    const match = expressions({ key: 'long', operator: 'In', values: many }, { key: 'env', operator: 'Exists' });
    expect(select([audit(match)])).toEqual([{ labelSelector: 'env' }]);
    const each = Array.from({ length: 65 }, (_, i) => audit(labels({ env: `e${i}` })));
    expect(select(each.slice(1))[0].labelSelector).toHaveLength('env in ('.length + 64 * 4 - 9);
    expect(select(each)).toEqual([{}]);
  });
});

describe('by name and namespace', () => {
  test('one name that all have; where there are several, or globs, any name', () => {
    expect(select([audit({ names: ['a,b'] }), audit({ names: ['a,b'] })])).toEqual([
      { fieldSelector: String.raw`metadata.name=a\,b` },
    ]);
    expect(select([audit({ names: ['a', 'b'] })])).toEqual([{}]);
    expect(select([audit({ names: ['a*'] })])).toEqual([{}]);
    expect(select([audit({ names: ['a'] }), audit({})])).toEqual([{}]);
  });

  test('each of few namespaces by itself, with what the policies on it require', () => {
    const programs = [
      audit({ namespaces: ['b', 'a'], ...labels({ env: 'prod' }) }),
      audit({ namespaces: ['b'], ...labels({ env: 'dev' }) }),
      audit({ namespaces: ['c'], names: ['x'] }),
    ];
    expect(select(programs)).toEqual([
      { namespace: 'a', labelSelector: 'env in (prod)' },
      { namespace: 'b', labelSelector: 'env in (dev,prod)' },
      { namespace: 'c', fieldSelector: 'metadata.name=x' },
    ]);
    expect(select(programs, { mostSlices: 2 })).toEqual([{}]);
    expect(select([...programs, audit({ namespaces: ['a*'], ...labels({ env: 'a' }) })])).toEqual([{}]);
    // There is no such namespace, and the name is no part of an address.
    expect(select([audit({ namespaces: ['-a', 'b'] })])).toEqual([{ namespace: 'b' }]);
  });

  test('where one namespace is watched anyway, only those count that are about it', () => {
    const programs = [audit({ namespaces: ['a'], ...labels({ env: 'prod' }) }), audit({ namespaces: ['b'] })];
    expect(select(programs, { namespace: 'a' })).toEqual([{ labelSelector: 'env in (prod)' }]);
    expect(select(programs, { namespace: 'b' })).toEqual([{}]);
    expect(select(programs, { namespace: 'c' })).toEqual([{}]);
  });

  test('of cluster-scoped kinds only those count that do not ask for a namespace', () => {
    const match = { resources: [{ group: '', resource: 'nodes' }] };
    const programs = [
      audit({ ...match, ...labels({ zone: 'z' }) }),
      audit({ ...match, namespaces: ['a'] }),
      audit({ ...match, namespaceSelector: { matchLabels: { env: 'prod' } } }),
    ];
    expect(select(programs, { scope: 'Cluster' })).toEqual([{ labelSelector: 'zone in (z)' }]);
  });
});

// ---- Whatever the policies and the objects -------------------------------------------------------------------------

const key = fc.constantFrom('env', 'tier', 'team');
const value = fc.constantFrom('', 'a', 'b');
const namespace = fc.constantFrom('default', 'a', 'b', 'c');
const own = fc.dictionary(key, value, { noNullPrototype: true });
const expression = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.uniqueArray(value, { minLength: 1 }) }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);
const selector = fc.record(
  { matchLabels: own, matchExpressions: fc.array(expression, { maxLength: 3 }) },
  { requiredKeys: [] },
);
const terms = {
  names: fc.uniqueArray(fc.constantFrom('x', 'y', 'z', 'x*'), { minLength: 1, maxLength: 2 }),
  namespaces: fc.uniqueArray(fc.oneof(namespace, fc.constant('a*')), { minLength: 1, maxLength: 3 }),
  namespaceSelector: selector,
  objectSelector: selector,
};
const resource = fc.constantFrom({ group: '', resource: 'configmaps' }, { group: '*', resource: '*' });
const sets = fc.record({ key, value }).map((wanted) => ({ set: { labels: [wanted] } }));
const program = fc
  .record({
    match: fc.record({ resources: resource.map((one) => [one]), ...terms }, { requiredKeys: ['resources'] }),
    exclude: fc.array(fc.oneof(fc.record({ objectSelector: selector }), fc.record(terms)), { maxLength: 2 }),
    rule: fc.oneof(fc.constant({ require: { labels: [{ key: 'team' }] } }), sets),
  })
  .map(({ rule, ...fields }) => ({ mode: 'Audit', ...fields, rules: [{ name: 'r1', ...rule }] }));
const object: fc.Arbitrary<CachedObject> = fc
  .record({ name: fc.constantFrom('x', 'y', 'xx'), namespace, labels: own, retained: fc.subarray(['env', 'tier']) })
  .map(({ retained, ...fields }) => cachedObject({ ...fields, retained: { labels: retained, annotations: [] } }));

/** Objects that are selected more than once, or not at all although a program has something to say about them. */
function wronglySelected(programs: readonly Program[], objects: readonly CachedObject[], where: Where) {
  const kind = where.scope === 'Cluster' ? { ...NODES, resource: 'configmaps' } : CONFIG_MAPS;
  const slices = select(programs, where).map((slice) =>
    serverSelection({ ...slice, namespace: slice.namespace ?? where.namespace }),
  );
  const namespaces = ['default', 'a', 'b', 'c'].map((name) =>
    cachedObject({ name, namespace: '', labels: { env: name } }),
  );
  return objects.filter((each) => {
    const times = slices.filter((selects) => selects(each)).length;
    if (times > 0) return times > 1;
    const { verdicts, desired } = evaluated(each, programs, { kind, namespaces });
    const isSaid = verdicts.some(
      ({ matched, owned, pending, results }) => matched || owned || pending || results.length > 0,
    );
    return isSaid || (desired?.applied.labels.size ?? 0) > 0;
  });
}

test('what any policy can match is selected, once; of what is not selected no policy has anything to say', () => {
  fc.assert(
    fc.property(
      fc.array(program, { minLength: 1, maxLength: 4 }),
      fc.array(object, { maxLength: 20 }),
      fc.constantFrom<Where>({}, { mostSlices: 1 }, { namespace: 'a' }, { scope: 'Cluster' }),
      (specs, all, where) => {
        const programs = specs.flatMap((spec, i) => {
          try {
            return [programOf(`p${i}`, spec)];
          } catch {
            // A policy that defeats itself is refused.
            return [];
          }
        });
        const objects = all
          .filter((one) => where.namespace === undefined || one.namespace === where.namespace)
          .map((one) => (where.scope === 'Cluster' ? { ...one, namespace: '' } : one));
        expect(wronglySelected(programs, objects, where)).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});
