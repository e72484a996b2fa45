import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { enforcing, evaluated, NAMESPACES, owning, programOf } from '../../test/support/compiled-policy.ts';
import { ModelObject } from '../../test/support/model-object.ts';
import { foreignLabels, settled } from '../../test/support/settled.ts';
import { MANAGER, RETAINED_MANAGER } from '../api/object.ts';
import { compilePolicy } from './compile.ts';

const rename = { name: 'rename', rename: { labels: [{ from: 'old', to: 'new' }] } };
const withDefault = { name: 'default', default: { labels: [{ key: 'new', value: 'unknown' }] } };
const end = (rules: readonly object[]) => settled(foreignLabels({ old: 'core' }), [programOf('p', { rules })]).object;

const here = (labels: Record<string, string>) =>
  cachedObject({ name: 'shop', namespace: '', labels, annotations: { 'acme.io/a': 'x' } });

const selecting = (except: readonly string[]) =>
  programOf('a', {
    removalPolicy: 'Retain',
    match: {
      resources: [{ group: '', resource: 'configmaps' }],
      objectSelector: { matchLabels: { 'acme.io/x': '1' } },
    },
    rules: [{ name: 'c', copy: { from: 'Namespace', labels: ['acme.io/*'], except } }],
  });

const refusal = (copy: object, more: object) => {
  const match = { resources: [{ group: '', resource: 'configmaps' }], ...more };
  const rules = [{ name: 'c', copy: { from: 'Namespace', labels: ['acme.io/*'], ...copy } }];
  const result = compilePolicy({ name: 'p', uid: 'u', generation: 1, spec: enforcing({ match, rules }) });
  return result.ok ? 'accepted' : result.issues[0]?.path;
};

const nothing = () => new ModelObject({ labels: new Map(), annotations: new Map() });

describe('a renamed value', () => {
  test.each(['Remove', 'Retain'])(
    'is displaced by no default, also not by that of a policy that does %s',
    (removalPolicy) => {
      const program = programOf('p', { removalPolicy, rules: [rename, withDefault] });
      const { object, writes } = settled(foreignLabels({ old: 'core' }), [program]);
      expect([object.labels, object.retained.labels, writes]).toEqual([{ new: 'core' }, ['new'], 2]);
      // Nor once the rename is not asked for any more.
      const later = settled(nothing().updatedBy(RETAINED_MANAGER, 'labels', 'new', 'core'), [
        programOf('p', { removalPolicy, rules: [withDefault] }),
      ]);
      expect([later.object.labels, later.writes]).toEqual([{ new: 'core' }, 0]);
    },
  );

  test('comes from a key of ours as well, which is let go only after that', () => {
    const start = nothing().updatedBy(MANAGER, 'labels', 'old', 'core');
    const first = evaluated(start.cached, [programOf('p', { rules: [rename] })]).desired;
    expect([first?.applied.labels.get('old'), first?.retained.labels.get('new')]).toEqual(['core', 'core']);
    const { object, writes } = settled(start, [programOf('p', { rules: [rename] })]);
    expect([object.labels, object.applied, writes]).toEqual([{ new: 'core' }, owning(), 2]);
  });

  test('goes through a chain of renames, in the order of the rules', () => {
    const next = { name: 'next', rename: { labels: [{ from: 'new', to: 'newest' }] } };
    expect(end([rename, next]).labels).toEqual({ newest: 'core' });
    // An earlier rule does not want the name that this one would give.
    expect(end([next, rename]).labels).toEqual({ old: 'core' });
  });

  test('stays where two names would be exchanged without end', () => {
    const back = { name: 'back', rename: { labels: [{ from: 'new', to: 'old' }] } };
    const { object, writes } = settled(foreignLabels({ old: 'core' }), [programOf('p', { rules: [rename, back] })]);
    expect([object.labels, writes]).toEqual([{ new: 'core' }, 2]);
  });
});

describe('a Namespace', () => {
  const shop = { kind: NAMESPACES, namespaces: [] };
  const match = { resources: [{ group: '', resource: 'namespaces' }] };

  test('has nothing to copy from itself', () => {
    const copy = { name: 'c', copy: { from: 'Namespace', labels: ['acme.io/*'], annotations: ['acme.io/*'] } };
    const { desired, verdicts } = evaluated(
      here({ 'acme.io/team': 'core' }),
      [programOf('p', { match, rules: [copy] })],
      shop,
    );
    expect([desired?.applied.labels.size, desired?.applied.annotations.size, verdicts[0]?.matched]).toEqual([
      0,
      0,
      true,
    ]);
  });

  test('keeps its own value of the very key, and gets the fallback where it has none', () => {
    const key = { key: 'team', valueFrom: { namespaceLabel: 'team' }, fallback: 'unknown' };
    const program = programOf('p', { match, rules: [{ name: 's', set: { labels: [key] } }] });
    expect(evaluated(here({ team: 'core' }), [program], shop).desired?.applied.labels.size).toBe(0);
    expect(evaluated(here({}), [program], shop).desired?.applied.labels.get('team')).toBe('unknown');
    const ours = { ...here({ team: 'unknown' }), applied: owning('team') };
    expect(evaluated(ours, [program], shop).desired?.applied.labels.get('team')).toBe('unknown');
  });
});

test('while its Namespace is not known, an object keeps what was copied, and nobody who comes later decides', () => {
  const copy = programOf('a', { rules: [{ name: 'c', copy: { from: 'Namespace', labels: ['acme.io/*'] } }] });
  const set = programOf('b', {
    rules: [
      {
        name: 's',
        set: {
          labels: [
            { key: 'acme.io/new', value: 'b' },
            { key: 'other', value: 'b' },
          ],
        },
      },
    ],
  });
  const object = cachedObject({
    name: 'x',
    labels: { 'acme.io/team': 'core', 'acme.io/foreign': 'f' },
    applied: owning('acme.io/team'),
  });
  const { desired, verdicts } = evaluated(object, [copy, set], { namespaces: [] });
  expect(Object.fromEntries(desired?.applied.labels ?? [])).toEqual({ 'acme.io/team': 'core', other: 'b' });
  expect(verdicts.map(({ pending }) => pending)).toEqual([true, false]);
});

test('a policy sees what it leaves out of its copy, also where another policy of ours wrote it', () => {
  const set = programOf('b', { rules: [{ name: 's', set: { labels: [{ key: 'acme.io/x', value: '1' }] } }] });
  const object = cachedObject({ name: 'x', labels: { 'acme.io/x': '1' }, applied: owning('acme.io/x') });
  const matched = (except: readonly string[]) => evaluated(object, [selecting(except), set]).verdicts[0]?.matched;
  expect([matched([]), matched(['acme.io/x'])]).toEqual([false, true]);
});

test('what a policy in Audit holds of its globs stays, and nothing else of ours', () => {
  const audit = programOf('p', { mode: 'Audit', rules: [{ name: 'c', copy: { from: 'Namespace', labels: ['a/*'] } }] });
  const object = cachedObject({
    name: 'x',
    labels: { 'a/1': 'v', 'a/2': 'v', b: 'v' },
    applied: owning('a/1', 'a/2', 'b'),
  });
  const held = new Map([['p', owning('a/* !a/2')]]);
  const { desired } = evaluated(object, [audit], { held });
  expect([...(desired?.applied.labels.keys() ?? [])]).toEqual(['a/1']);
});

describe('a policy that asks for what it copies is refused, where it would undo itself', () => {
  const exists = { objectSelector: { matchExpressions: [{ key: 'acme.io/team', operator: 'Exists' }] } };
  const absent = { objectSelector: { matchExpressions: [{ key: 'acme.io/team', operator: 'DoesNotExist' }] } };

  test.each([
    ['its selector wants a copied key', {}, exists, 'spec.match.objectSelector.matchExpressions[0]'],
    ['the key is left out', { except: ['acme.io/team'] }, exists, 'accepted'],
    ['only what is absent is copied', { overwrite: 'IfAbsent' }, exists, 'accepted'],
    ['it wants the key to be absent', {}, absent, 'accepted'],
  ])('%s', (_, copy, match, expected) => {
    expect(refusal(copy, match)).toBe(expected);
  });

  test('a clean-up of what it asks for is none', () => {
    const match = { resources: [{ group: '', resource: 'configmaps' }], ...exists };
    for (const rule of [
      { remove: { labels: ['acme.io/team'] } },
      { rename: { labels: [{ from: 'acme.io/team', to: 'team' }] } },
    ]) {
      const { object, writes } = settled(foreignLabels({ 'acme.io/team': 'core' }), [
        programOf('p', { match, rules: [{ name: 'r', ...rule }] }),
      ]);
      expect(object.labels).not.toHaveProperty('acme.io/team');
      expect(writes).toBeLessThanOrEqual(2);
    }
  });
});
