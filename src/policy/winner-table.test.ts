import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { evaluated, programOf } from '../../test/support/compiled-policy.ts';
import { foreignLabels, settled } from '../../test/support/settled.ts';
import type { Desired } from './desired.ts';
import type { Program } from './program.ts';

const namespaces = [cachedObject({ name: 'default', namespace: '', labels: { k: 'n' } })];

/** What rules want of the label `k`. `own`: a value of their own. */
const ACTIONS = {
  set: (own: string) => ({ set: { labels: [{ key: 'k', value: own }] } }),
  default: (own: string) => ({ default: { labels: [{ key: 'k', value: own }] } }),
  copy: () => ({ copy: { from: 'Namespace', labels: ['k*'] } }),
  fill: () => ({ copy: { from: 'Namespace', labels: ['k*'], overwrite: 'IfAbsent' } }),
  renameTo: () => ({ rename: { labels: [{ from: 'src', to: 'k' }] } }),
  renameFrom: () => ({ rename: { labels: [{ from: 'k', to: 'dst' }] } }),
  remove: () => ({ remove: { labels: ['k'] } }),
  removeGlob: () => ({ remove: { labels: ['*k'] } }),
  // Leads to many values: the rule cannot say what it wants, and holds the key.
  hold: () => ({ set: { labels: [{ key: 'k', valueFrom: { jsonPath: '$.metadata.labels' } }] } }),
} as const;
type Action = keyof typeof ACTIONS;
const NAMES = Object.keys(ACTIONS) as readonly Action[];

/**
 * What becomes of `k` in the end under each winner (rows) and loser (columns). `a`, `b`: their own values; `n`: that of the
 * Namespace; `x`, `r`: of the object; `-`: absent. Behind it `!`: ours, `+`: left to the object for good; and `Y` where the
 * loser yields. What a rename leaves is wanted by nobody any more: from then on the other one decides.
 */
const TABLES: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  [
    'where it is absent',
    {},
    `
                set   default  copy  fill  renameTo renameFrom remove removeGlob hold
    set         a!Y   a!Y      a!Y   a!Y   a!       a!Y        a!Y    a!Y        a!
    default     a!Y   a!Y      a!Y   a!Y   a!       a!Y        a!Y    a!Y        a!
    copy        n!Y   n!Y      n!    n!    n!       n!Y        n!Y    n!Y        n!
    fill        n!Y   n!Y      n!    n!    n!       n!Y        n!Y    n!Y        n!
    renameTo    b!    b!       n!    n!    -        -          -      -          -
    renameFrom  -Y    -Y       -Y    -Y    -        -          -      -          -
    remove      -Y    -Y       -Y    -Y    -        -          -      -          -
    removeGlob  -Y    -Y       -Y    -Y    -        -          -      -          -
    hold        -Y    -Y       -Y    -Y    -        -          -      -          -`,
  ],
  [
    "where it is somebody else's",
    { k: 'x' },
    `
                set   default  copy  fill  renameTo renameFrom remove removeGlob hold
    set         a!Y   a!Y      a!Y   a!Y   a!       a!Y        a!Y    a!Y        a!
    default     xY    xY       xY    xY    x        xY         xY     xY         x
    copy        n!Y   n!Y      n!    n!    n!       n!Y        n!Y    n!Y        n!
    fill        xY    xY       xY    x     x        xY         xY     xY         x
    renameTo    b!    x        n!    x     x        -          -      -          x
    renameFrom  -Y    -Y       -Y    -Y    -        -          -      -          -
    remove      -Y    -Y       -Y    -Y    -        -          -      -          -
    removeGlob  -Y    -Y       -Y    -Y    -        -          -      -          -
    hold        xY    xY       xY    xY    x        xY         xY     xY         x`,
  ],
  [
    'where another key could get its name',
    { src: 'r' },
    `
                set   default  copy  fill  renameTo renameFrom remove removeGlob hold
    set         a!Y   a!Y      a!Y   a!Y   a!Y      a!Y        a!Y    a!Y        a!
    default     a!Y   a!Y      a!Y   a!Y   a!Y      a!Y        a!Y    a!Y        a!
    copy        n!Y   n!Y      n!    n!    n!Y      n!Y        n!Y    n!Y        n!
    fill        n!Y   n!Y      n!    n!    n!Y      n!Y        n!Y    n!Y        n!
    renameTo    b!    r+       n!    r+    r+       -          -      -          r+
    renameFrom  -Y    -Y       -Y    -Y    -Y       -          -      -          -
    remove      -Y    -Y       -Y    -Y    -Y       -          -      -          -
    removeGlob  -Y    -Y       -Y    -Y    -Y       -          -      -          -
    hold        -Y    -Y       -Y    -Y    -Y       -          -      -          -`,
  ],
  [
    'where another key has the same value',
    { k: 'x', src: 'x' },
    `
                set   default  copy  fill  renameTo renameFrom remove removeGlob hold
    set         a!Y   a!Y      a!Y   a!Y   a!Y      a!Y        a!Y    a!Y        a!
    default     xY    xY       xY    xY    x        xY         xY     xY         x
    copy        n!Y   n!Y      n!    n!    n!Y      n!Y        n!Y    n!Y        n!
    fill        xY    xY       xY    x     x        xY         xY     xY         x
    renameTo    b!    x        n!    x     x        -          -      -          x
    renameFrom  -Y    -Y       -Y    -Y    -Y       -          -      -          -
    remove      -Y    -Y       -Y    -Y    -Y       -          -      -          -
    removeGlob  -Y    -Y       -Y    -Y    -Y       -          -      -          -
    hold        xY    xY       xY    xY    xY       xY         xY     xY         x`,
  ],
];

const policy = (name: string, action: Action, own: string, priority = 0) =>
  programOf(name, { priority, rules: [{ name: `of-${name}`, ...ACTIONS[action](own) }] });

/** Two actions of which the first comes first, each time for another reason. */
const ORDERS: Readonly<Record<string, (first: Action, second: Action) => readonly Program[]>> = {
  'a higher priority': (first, second) => [policy('b', second, 'b'), policy('z', first, 'a', 1)],
  'a smaller name': (first, second) => [policy('b', second, 'b'), policy('a', first, 'a')],
  'an earlier rule': (first, second) => [
    programOf('p', {
      rules: [
        { name: 'z', ...ACTIONS[first]('a') },
        { name: 'b', ...ACTIONS[second]('b') },
      ],
    }),
  ],
};

function outcome(labels: Readonly<Record<string, string>>, programs: readonly Program[], loser: string): string {
  const { object, evaluation } = settled(foreignLabels(labels), programs, { namespaces });
  const owner = object.applied.labels.includes('k') ? '!' : object.retained.labels.includes('k') ? '+' : '';
  const yielding = evaluation.verdicts
    .flatMap(({ results }) => results)
    .filter(({ result }) => result === 'Yielded')
    .map(({ rule }) => rule);
  expect(yielding.filter((rule) => rule !== loser)).toEqual([]);
  return `${object.labels['k'] ?? '-'}${owner}${yielding.length > 0 ? 'Y' : ''}`;
}

describe.each(TABLES)('who wins a key %s', (_, labels, table) => {
  const [head = [], ...rows] = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));

  test('the table names every pair of actions', () => {
    expect(head).toEqual(NAMES);
    expect(rows.map(([winner]) => winner)).toEqual(NAMES);
  });

  test.each(Object.keys(ORDERS))('by %s', (order) => {
    const found = NAMES.map((first) => [
      first,
      ...NAMES.map((second) => {
        const programs = ORDERS[order]?.(first, second) ?? [];
        return outcome(labels, programs, order === 'an earlier rule' ? 'b' : 'of-b');
      }),
    ]);
    expect(found).toEqual(rows);
  });

  test('the winner gets what it gets without the loser', () => {
    const object = foreignLabels(labels).cached;
    const wish = (programs: readonly Program[]) => ofKey(evaluated(object, programs, { namespaces }).desired);
    for (const first of NAMES) {
      const alone = wish([policy('a', first, 'a')]);
      // Where it has nothing to say the other one decides.
      if (first === 'renameTo' && labels['src'] === undefined) continue;
      for (const second of NAMES) {
        expect([first, second, wish([policy('a', first, 'a'), policy('b', second, 'b')])]).toEqual([
          first,
          second,
          alone,
        ]);
      }
    }
  });
});

function ofKey(desired: Desired | undefined) {
  const { applied, retained, cleanUp } = desired ?? {};
  return [applied?.labels.get('k'), retained?.labels.get('k'), cleanUp?.labels.has('k') ?? false];
}

test('a loser that yields names the policy and the rule that win', () => {
  const [, loser] = evaluated(
    foreignLabels({ k: 'x' }).cached,
    [policy('a', 'renameFrom', ''), policy('b', 'copy', '')],
    { namespaces },
  ).verdicts;
  expect(loser?.results.map(({ message }) => message)).toEqual(["label 'k' is decided by policy 'a' rule 'of-a'"]);
  const [, renaming] = evaluated(
    foreignLabels({ src: 'r' }).cached,
    [policy('a', 'set', 'a'), policy('b', 'renameTo', '')],
    { namespaces },
  ).verdicts;
  expect(renaming?.results.map(({ message }) => message)).toEqual([
    "label 'src' is not renamed: label 'k' is decided by policy 'a' rule 'of-a'",
  ]);
});

test('the order in which policies come in changes nothing', () => {
  const action = fc.constantFrom(...NAMES);
  const policies = fc.array(fc.tuple(action, fc.integer({ min: -1, max: 1 })), { minLength: 2, maxLength: 5 });
  const labels = fc.dictionary(fc.constantFrom('k', 'src', 'dst'), fc.constantFrom('x', 'r'), {
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(policies, labels, fc.infiniteStream(fc.nat()), (wishes, map, weights) => {
      const programs = wishes.map(([name, priority], i) => policy(`p${i}`, name, `v${i}`, priority));
      const order = new Map(programs.map((program) => [program, weights.next().value ?? 0]));
      const shuffled = programs.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
      const object = foreignLabels(map).cached;
      expect(evaluated(object, shuffled, { namespaces })).toEqual(evaluated(object, programs, { namespaces }));
    }),
  );
});
