import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { evaluated, owning, programOf, reports, type Surroundings } from '../../test/support/compiled-policy.ts';
import { BOUNDS } from '../api/bounds.ts';
import type { CachedObject } from '../api/object.ts';
import type { Program } from './program.ts';

const audit = (extra: object, name = 'p') => programOf(name, { mode: 'Audit', ...extra });

const setting = (value: string) => ({ rules: [{ name: 'r1', set: { labels: [{ key: 'k', value }] } }] });

/** A rule that sets the key to its own name. */
const rule = (name: string) => ({ name, set: { labels: [{ key: 'k', value: name }] } });

const removed = (key: string) =>
  `Violation WouldRemove r1: label '${key}', set by Watchkeeper, is not wanted any more and would be removed`;

describe('Audit', () => {
  test.each<[string, Partial<CachedObject>, readonly string[]]>([
    ['absent', {}, ["Violation WouldChange r1: label 'k' is absent and would be set to 'v'"]],
    ['another value', { labels: { k: 'x' } }, ["Violation WouldChange r1: label 'k' is 'x' and would be set to 'v'"]],
    ['the empty value', { labels: { k: '' } }, ["Violation WouldChange r1: label 'k' is '' and would be set to 'v'"]],
    ['the wanted value', { labels: { k: 'v' } }, []],
  ])('says what it would set: %s', (_, fields, expected) => {
    expect(reports(fields, [audit(setting('v'))])).toEqual([expected]);
  });

  test('writes nothing', () => {
    const { desired } = evaluated(cachedObject({ name: 'x', labels: { k: 'x' } }), [audit(setting('v'))]);
    expect(desired?.applied.labels.size).toBe(0);
  });

  test('says what it would default, and nothing where there is a value', () => {
    const program = audit({ rules: [{ name: 'r1', default: { labels: [{ key: 'k', value: 'v' }] } }] });
    expect(reports({}, [program])).toEqual([["Violation WouldChange r1: label 'k' is absent and would be set to 'v'"]]);
    expect(reports({ labels: { k: 'x' } }, [program])).toEqual([[]]);
  });

  test('never shows the value of an annotation', () => {
    const program = audit({ rules: [{ name: 'r1', set: { annotations: [{ key: 'k', value: 'wanted-secret' }] } }] });
    expect(reports({}, [program])).toEqual([["Violation WouldChange r1: annotation 'k' is absent and would be set"]]);
    expect(reports({ annotations: { k: 'live-secret' } }, [program])).toEqual([
      ["Violation WouldChange r1: annotation 'k' has another value and would be set"],
    ]);
  });

  test('knows its own earlier rule and the policies before it', () => {
    const enforced = (priority: number) => programOf('e', { priority, rules: [rule('e')] });
    const both = audit({ rules: [rule('r1'), rule('r2')] });
    expect(reports({}, [both])).toEqual([
      [
        "Violation WouldChange r1: label 'k' is absent and would be set to 'r1'",
        "Yielded Yielded r2: label 'k' is decided by rule 'r1'",
      ],
    ]);
    expect(reports({}, [enforced(1), both])[1]).toEqual([
      "Yielded Yielded r1: label 'k' is decided by policy 'e' rule 'e'",
      "Yielded Yielded r2: label 'k' is decided by policy 'e' rule 'e'",
    ]);
    expect(reports({}, [both, enforced(-1)])[0]).toEqual([
      "Violation WouldChange r1: label 'k' is absent and would be set to 'r1'",
      "Yielded Yielded r2: label 'k' is decided by rule 'r1'",
    ]);
  });

  test('does not claim a change that a default before it prevents', () => {
    const first = programOf('e', {
      priority: 1,
      rules: [{ name: 'e', default: { labels: [{ key: 'k', value: 'v' }] } }],
    });
    expect(reports({ labels: { k: 'x' } }, [first, audit(setting('v'))])[1]).toEqual([
      "Yielded Yielded r1: label 'k' is decided by policy 'e' rule 'e'",
    ]);
  });

  describe('says what it would remove of what it set earlier', () => {
    const ours = { labels: { k: 'v', old: '1' }, applied: owning('k', 'old') };
    const held = new Map([['p', owning('k', 'old')]]);

    test.each<[string, object, Surroundings, readonly string[]]>([
      ['a key that no rule wants any more', setting('v'), { held }, [removed('old')]],
      [
        'all, when it matches no more',
        { exclude: [{ names: ['x'] }], ...setting('v') },
        { held },
        [removed('k'), removed('old')],
      ],
      ['nothing, when it retains', { removalPolicy: 'Retain', ...setting('v') }, { held }, []],
      ['nothing, when it was never enforced', setting('v'), {}, []],
      ['nothing that it was not enforced with', setting('v'), { held: new Map([['p', owning('k')]]) }, []],
      [
        'nothing that is held for another policy too',
        setting('v'),
        { held: new Map([...held, ['q', owning('old')]]) },
        [],
      ],
    ])('%s', (_, fields, where, expected) => {
      expect(reports(ours, [audit(fields)], where)).toEqual([expected]);
    });

    test('nothing that another policy sets', () => {
      const other = programOf('q', { rules: [{ name: 'q', set: { labels: [{ key: 'old', value: '1' }] } }] });
      expect(reports(ours, [audit(setting('v')), other], { held })[0]).toEqual([]);
    });

    test('nothing that a rule cannot say now', () => {
      const rules = [
        {
          name: 'r1',
          set: {
            labels: [
              { key: 'old', valueFrom: { jsonPath: '$.metadata.labels' } },
              { key: 'k', value: 'v' },
            ],
          },
        },
      ];
      expect(reports(ours, [audit({ rules })], { held })[0]).toEqual([
        expect.stringContaining('Error NotRepresentable'),
      ]);
    });

    test('nothing while the Namespace was not seen', () => {
      const match = { match: { resources: [{ group: '', resource: 'configmaps' }], namespaceSelector: {} } };
      expect(reports(ours, [audit({ ...match, ...setting('v') })], { held, namespaces: [] })).toEqual([[]]);
    });

    test('an annotation without its value', () => {
      const object = { annotations: { note: 'secret' }, applied: { labels: [], annotations: ['note'] } };
      const where = { held: new Map([['p', { labels: [], annotations: ['note'] }]]) };
      expect(reports(object, [audit(setting('v'))], where)[0]?.[1]).toBe(
        "Violation WouldRemove r1: annotation 'note', set by Watchkeeper, is not wanted any more and would be removed",
      );
    });
  });
});

const needs = (key: string, extra: object = {}) =>
  programOf('needs', { rules: [{ name: 'r1', ...extra, require: { labels: [{ key, values: ['v', 'w'] }] } }] });

const writer = (key: string, value: string, extra: object = {}) =>
  programOf('writer', { ...extra, rules: [{ name: 'w', set: { labels: [{ key, value }] } }] });

describe('require', () => {
  const missing = "Violation RequiredKeyMissing r1: label 'k' is missing";

  test.each<[string, Partial<CachedObject>, readonly Program[], readonly string[]]>([
    ['absent', {}, [], [missing]],
    ['right', { labels: { k: 'w' } }, [], []],
    [
      'wrong',
      { labels: { k: 'x' } },
      [],
      ["Violation RequiredValueWrong r1: label 'k' is 'x'; it must be one of 'v', 'w'"],
    ],
    ['what this pass writes counts', {}, [writer('k', 'v')], []],
    [
      'also when it is wrong',
      { labels: { k: 'v' } },
      [writer('k', 'x')],
      ["Violation RequiredValueWrong r1: label 'k' is 'x'; it must be one of 'v', 'w'"],
    ],
    ['what this pass removes counts as gone', { labels: { k: 'v' }, applied: owning('k') }, [], [missing]],
    ['what is kept counts', { labels: { k: 'v' }, retained: owning('k') }, [], []],
    ['what Audit would write does not', {}, [writer('k', 'v', { mode: 'Audit' })], [missing]],
  ])('%s', (_, fields, others, expected) => {
    expect(reports(fields, [needs('k'), ...others])[0]).toEqual(expected);
  });

  test('the message of the rule stands for ours', () => {
    expect(reports({}, [needs('k', { message: 'Say who owns it.' })])).toEqual([
      ['Violation RequiredKeyMissing r1: Say who owns it.'],
    ]);
    expect(reports({ labels: { k: 'x' } }, [needs('k', { message: 'Say who owns it.' })])).toEqual([
      ['Violation RequiredValueWrong r1: Say who owns it.'],
    ]);
  });

  test('annotations are required without being shown', () => {
    const program = programOf('p', {
      rules: [{ name: 'r1', require: { annotations: [{ key: 'a', pattern: '^x$' }] } }],
    });
    expect(reports({ annotations: { a: 'secret' } }, [program])).toEqual([
      ["Violation RequiredValueWrong r1: annotation 'a' has a value that is not allowed; it must match ^x$"],
    ]);
  });

  test('objects that do not match are not judged', () => {
    const program = programOf('p', {
      exclude: [{ names: ['x'] }],
      rules: [{ name: 'r1', require: { labels: [{ key: 'k' }] } }],
    });
    expect(reports({}, [program])).toEqual([[]]);
  });

  test('a key that every object inherits is missing', () => {
    expect(reports({}, [needs('constructor')])[0]).toEqual([
      "Violation RequiredKeyMissing r1: label 'constructor' is missing",
    ]);
  });
});

const setsOwnName = (name: string, extra: object = {}) =>
  programOf(name, { ...extra, rules: [{ name: 'r', set: { labels: [{ key: 'k', value: name }] } }] });

const owned = (fields: Partial<CachedObject>, programs: readonly Program[], surroundings: Surroundings = {}) =>
  evaluated(cachedObject({ name: 'x', ...fields }), programs, surroundings).verdicts.map((verdict) => verdict.owned);

describe('owned', () => {
  const ours = { labels: { k: 'a' }, applied: owning('k') };

  test('the policy that writes the key, and none of those that yield', () => {
    expect(owned(ours, [setsOwnName('a'), setsOwnName('b')])).toEqual([true, false]);
  });

  test('nobody before it is written, and nobody where it is not ours', () => {
    expect(owned({}, [setsOwnName('a')])).toEqual([false]);
    expect(owned({ labels: { k: 'a' } }, [setsOwnName('a')])).toEqual([false]);
  });

  test('keys that stay count', () => {
    expect(owned({ labels: { k: 'a' }, retained: owning('k') }, [setsOwnName('a')])).toEqual([true]);
  });

  test('a policy in Audit or Suspended owns what is held for it, unless another writes it now', () => {
    const held = new Map([['a', owning('k')]]);
    expect(owned(ours, [setsOwnName('a', { mode: 'Suspended' })], { held })).toEqual([true]);
    expect(owned(ours, [setsOwnName('a', { mode: 'Audit' }), setsOwnName('b')], { held })).toEqual([false, true]);
    expect(owned(ours, [setsOwnName('a', { mode: 'Audit' })])).toEqual([false]);
  });

  test('what another policy left behind is not owned by one that would write the same key elsewhere', () => {
    const elsewhere = setsOwnName('a', { exclude: [{ names: ['x'] }] });
    expect(owned({ labels: { k: 'a' }, retained: owning('k') }, [elsewhere])).toEqual([false]);
    expect(owned(ours, [elsewhere])).toEqual([false]);
  });
});

test('no message is longer than status takes, whatever the names are', () => {
  const key = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(60)}/${'k'.repeat(63)}`;
  const value = 'v'.repeat(63);
  const write = (name: string, action: string, extra: object = {}) =>
    programOf(name, {
      ...extra,
      rules: [{ name: 'r'.repeat(63), [action]: { labels: [{ key, value: action === 'set' ? value : 'other' }] } }],
    });
  const requirement = programOf('z', {
    rules: [{ name: 'r', require: { labels: [{ key, pattern: `^${'x'.repeat(1_000)}$` }] } }],
  });
  const object = cachedObject({ name: 'x', labels: { [key]: 'w'.repeat(63) }, controlled: true });
  const { verdicts } = evaluated(object, [
    write('a'.repeat(253), 'set'),
    write('b', 'default'),
    write('c', 'set', { mode: 'Audit' }),
    requirement,
  ]);
  const results = verdicts.flatMap((verdict) => verdict.results);
  expect(new Set(results.map(({ code }) => code))).toEqual(new Set(['ProtectedKey', 'Yielded', 'RequiredValueWrong']));
  for (const { message } of results) expect(message.length).toBeLessThanOrEqual(BOUNDS.statusMessage);
});
