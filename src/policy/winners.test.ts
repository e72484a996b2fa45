import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { evaluated, owning, programOf, reports } from '../../test/support/compiled-policy.ts';
import type { CachedObject } from '../api/object.ts';

interface Wish {
  readonly policy?: string;
  readonly priority?: number;
  readonly action?: 'set' | 'default';
  readonly value?: string;
}

const program = ({ policy = 'a', priority = 0, action = 'set', value = policy }: Wish) =>
  programOf(policy, { priority, rules: [{ name: `of-${policy}`, [action]: { labels: [{ key: 'k', value }] } }] });

test.each<[string, Wish, Wish, Partial<CachedObject>, string | undefined, readonly string[]]>([
  ['higher priority', { policy: 'b', priority: 1 }, { policy: 'a' }, {}, 'b', ['a yields to b']],
  ['negative priority loses', { policy: 'b' }, { policy: 'a', priority: -1 }, {}, 'b', ['a yields to b']],
  ['the smaller name', { policy: 'a' }, { policy: 'b' }, {}, 'a', ['b yields to a']],
  ['names compare by code, not by number', { policy: 'p10' }, { policy: 'p9' }, {}, 'p10', ['p9 yields to p10']],
  ['equal values', { policy: 'a', value: 'v' }, { policy: 'b', value: 'v' }, {}, 'v', []],
  ['set before default', { policy: 'a' }, { policy: 'b', action: 'default' }, {}, 'a', ['b yields to a']],
  ['default before set, key absent', { policy: 'a', action: 'default' }, { policy: 'b' }, {}, 'a', ['b yields to a']],
  [
    "default before set, somebody else's value: the winner's action counts",
    { policy: 'a', action: 'default' },
    { policy: 'b' },
    { labels: { k: 'x' } },
    undefined,
    ['b yields to a'],
  ],
  [
    "default before an equal set, somebody else's value: the loser does not get what it wants",
    { policy: 'a', action: 'default', value: 'v' },
    { policy: 'b', value: 'v' },
    { labels: { k: 'x' } },
    undefined,
    ['b yields to a'],
  ],
  [
    "default before an equal set, somebody else's equal value",
    { policy: 'a', action: 'default', value: 'v' },
    { policy: 'b', value: 'v' },
    { labels: { k: 'v' } },
    undefined,
    [],
  ],
  [
    'default before default',
    { policy: 'a', action: 'default' },
    { policy: 'b', action: 'default' },
    {},
    'a',
    ['b yields to a'],
  ],
  [
    'set before an equal default',
    { policy: 'a', value: 'v' },
    { policy: 'b', action: 'default', value: 'v' },
    { labels: { k: 'x' } },
    'v',
    [],
  ],
])('%s', (_, first, second, fields, value, yields) => {
  for (const wishes of [
    [first, second],
    [second, first],
  ]) {
    const programs = wishes.map(program);
    const { desired, verdicts } = evaluated(cachedObject({ name: 'x', ...fields }), programs);
    expect(desired?.applied.labels.get('k')).toBe(value);
    const results = verdicts.flatMap(({ results: all }) => all);
    expect(results.map(({ result }) => result)).toEqual(yields.map(() => 'Yielded'));
    const [loser, winner] = yields[0]?.split(' yields to ') ?? [];
    expect(results.map(({ rule, message }) => `${rule}: ${message}`)).toEqual(
      yields.map(() => `of-${loser}: label 'k' is decided by policy '${winner}' rule 'of-${winner}'`),
    );
  }
});

const rule = (name: string) => ({ name, set: { labels: [{ key: 'k', value: name }] } });

test('within a policy the earlier rule', () => {
  expect(reports({}, [programOf('p', { rules: [rule('z'), rule('a')] })])).toEqual([
    ["Yielded Yielded a: label 'k' is decided by rule 'z'"],
  ]);
});

test('a label and an annotation of one name do not compete', () => {
  const annotating = programOf('b', { rules: [{ name: 'r', set: { annotations: [{ key: 'k', value: 'b' }] } }] });
  expect(reports({}, [program({ policy: 'a' }), annotating])).toEqual([[], []]);
});

test('policies in Audit and Suspended do not compete', () => {
  for (const mode of ['Audit', 'Suspended']) {
    const rules = [{ name: 'r', set: { labels: [{ key: 'k', value: 'a' }] } }];
    const { desired } = evaluated(cachedObject({ name: 'x' }), [
      programOf('a', { mode, rules }),
      program({ policy: 'b' }),
    ]);
    expect(desired?.applied.labels.get('k')).toBe('b');
  }
});

test('a policy that does not match does not compete', () => {
  const rules = [{ name: 'r', set: { labels: [{ key: 'k', value: 'a' }] } }];
  expect(reports({}, [programOf('a', { exclude: [{ names: ['x'] }], rules }), program({ policy: 'b' })])).toEqual([
    [],
    [],
  ]);
});

test('a rule that cannot say what it wants keeps the key from those behind it', () => {
  const unsure = programOf('a', {
    rules: [{ name: 'r', set: { labels: [{ key: 'k', valueFrom: { jsonPath: '$.metadata.labels' } }] } }],
  });
  const fields = { labels: { k: 'ours', l: '1' }, applied: owning('k') };
  const { desired } = evaluated(cachedObject({ name: 'x', ...fields }), [unsure, program({ policy: 'b' })]);
  expect(desired?.applied.labels.get('k')).toBe('ours');
  expect(reports(fields, [unsure, program({ policy: 'b' })])[1]).toEqual([
    "Yielded Yielded of-b: label 'k' is decided by policy 'a' rule 'r', which cannot say what it wants now and keeps it as it is",
  ]);
});

test('but not from those before it', () => {
  const unsure = programOf('b', {
    rules: [{ name: 'r', set: { labels: [{ key: 'k', valueFrom: { jsonPath: '$.metadata.labels' } }] } }],
  });
  const { desired } = evaluated(cachedObject({ name: 'x' }), [program({ policy: 'a' }), unsure]);
  expect(desired?.applied.labels.get('k')).toBe('a');
});
