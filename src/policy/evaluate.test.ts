import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import {
  CONFIG_MAPS,
  DEFAULT_NAMESPACE,
  evaluated,
  NAMESPACES,
  NODES,
  owning,
  programOf,
  type Surroundings,
} from '../../test/support/compiled-policy.ts';
import type { CachedObject, StringMap } from '../api/object.ts';
import type { Desired } from './desired.ts';
import type { Program } from './program.ts';

const set = (values: StringMap, extra: object = {}) =>
  programOf('p', { ...extra, rules: [{ name: 'r1', set: { labels: entries(values) } }] });
const defaults = (values: StringMap) =>
  programOf('p', { rules: [{ name: 'r1', default: { labels: entries(values) } }] });
const from = (valueFrom: object, extra: object = {}) =>
  programOf('p', { ...extra, rules: [{ name: 'r1', set: { labels: [{ key: 'k', valueFrom }] } }] });

function entries(values: StringMap) {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

/** Labels that each manager is to own: `applied`, and `retained` where that is not empty. */
function labels(desired: Desired | undefined) {
  if (desired === undefined) return 'nothing may be written';
  const { applied, retained } = desired;
  return {
    applied: Object.fromEntries(applied.labels),
    ...(retained.labels.size === 0 ? {} : { retained: Object.fromEntries(retained.labels) }),
  };
}

function desiredLabels(fields: Partial<CachedObject>, programs: readonly Program[], where: Surroundings = {}) {
  return labels(evaluated(cachedObject({ name: 'x', ...fields }), programs, where).desired);
}

describe('set', () => {
  test.each<[string, Partial<CachedObject>]>([
    ['an absent key', {}],
    ["somebody else's other value is displaced", { labels: { k: 'theirs' } }],
    ["somebody else's equal value is made ours too", { labels: { k: 'v' } }],
    ['drift on our key is reverted', { labels: { k: 'old' }, applied: owning('k') }],
    ['what is as wanted stays so', { labels: { k: 'v' }, applied: owning('k') }],
  ])('%s', (_, fields) => {
    expect(desiredLabels(fields, [set({ k: 'v' })])).toEqual({ applied: { k: 'v' } });
  });

  test('annotations are written beside labels', () => {
    const program = programOf('p', {
      rules: [{ name: 'r1', set: { labels: entries({ a: '1' }), annotations: entries({ a: '2' }) } }],
    });
    const { desired } = evaluated(cachedObject({ name: 'x' }), [program]);
    expect(labels(desired)).toEqual({ applied: { a: '1' } });
    expect(desired?.applied.annotations).toEqual(new Map([['a', '2']]));
  });
});

describe('default', () => {
  test.each<[string, Partial<CachedObject>, StringMap]>([
    ['an absent key is written', {}, { k: 'v' }],
    ["somebody else's value is never displaced", { labels: { k: 'theirs' } }, {}],
    ["somebody else's equal value stays theirs", { labels: { k: 'v' } }, {}],
    ['the empty value is a value', { labels: { k: '' } }, {}],
    ['our own key follows what is wanted', { labels: { k: 'old' }, applied: owning('k') }, { k: 'v' }],
  ])('%s', (_, fields, applied) => {
    expect(desiredLabels(fields, [defaults({ k: 'v' })])).toEqual({ applied });
  });

  test.each<[string, Partial<CachedObject>, Program, boolean]>([
    ['a default', {}, defaults({ k: 'v' }), true],
    ['a default that is ours already', { labels: { k: 'v' }, applied: owning('k') }, defaults({ k: 'v' }), true],
    ['a default that gives way', { labels: { k: 'x' } }, defaults({ k: 'v' }), false],
    ['set', {}, set({ k: 'v' }), false],
  ])('whether the picture of the object must still be right: %s', (_, fields, program, fromPicture) => {
    expect(evaluated(cachedObject({ name: 'x', ...fields }), [program]).desired?.applied.fromPicture).toBe(fromPicture);
  });
});

describe('sources', () => {
  const body = { spec: { name: 'n', list: ['a', 'b'], bad: 'not a label!', long: 'x'.repeat(64) } };

  test.each<[string, object, Partial<CachedObject>, StringMap]>([
    ['a path', { jsonPath: '$.spec.name' }, { body }, { k: 'n' }],
    ['a path that leads nowhere', { jsonPath: '$.spec.missing' }, { body }, {}],
    ["the namespace's label", { namespaceLabel: 'team' }, {}, { k: 'core' }],
    ['a label that the namespace lacks', { namespaceLabel: 'cost' }, {}, {}],
  ])('%s', (_, valueFrom, fields, applied) => {
    expect(desiredLabels(fields, [from(valueFrom)])).toEqual({ applied });
  });

  test.each<[string, object]>([
    ['a path that leads nowhere', { jsonPath: '$.spec.missing' }],
    ['a label that the namespace lacks', { namespaceLabel: 'cost' }],
  ])('the fallback stands in for %s', (_, valueFrom) => {
    const rules = [{ name: 'r1', set: { labels: [{ key: 'k', valueFrom, fallback: 'none' }] } }];
    expect(desiredLabels({ body }, [programOf('p', { rules })])).toEqual({ applied: { k: 'none' } });
  });

  test('cluster-scoped objects have no namespace to take a label from', () => {
    const nodes = { match: { resources: [{ group: '', resource: 'nodes' }] } };
    expect(desiredLabels({ namespace: '' }, [from({ namespaceLabel: 'team' }, nodes)], { kind: NODES })).toEqual({
      applied: {},
    });
  });

  test('a Namespace takes labels from itself', () => {
    const match = { match: { resources: [{ group: '', resource: 'namespaces' }] } };
    const where = { kind: NAMESPACES, namespaces: [] };
    expect(
      desiredLabels({ namespace: '', labels: { team: 'a' } }, [from({ namespaceLabel: 'team' }, match)], where),
    ).toEqual({
      applied: { k: 'a' },
    });
  });

  test.each<[string, object, string, string]>([
    [
      'several hits',
      { jsonPath: '$.spec.list[*]' },
      'NotRepresentable',
      "label 'k' cannot be written: the path leads to 2 values",
    ],
    ['a list', { jsonPath: '$.spec.list' }, 'NotRepresentable', "label 'k' cannot be written: the value is a list"],
    [
      'a value that no label may have',
      { jsonPath: '$.spec.bad' },
      'InvalidValue',
      "label 'k' cannot be written: the value found is not one for a label",
    ],
    [
      'a value that is too long',
      { jsonPath: '$.spec.long' },
      'InvalidValue',
      "label 'k' cannot be written: the value found is not one for a label",
    ],
  ])('an Error without the value: %s', (_, valueFrom, code, message) => {
    const { verdicts } = evaluated(cachedObject({ name: 'x', body }), [from(valueFrom)]);
    expect(verdicts[0]?.results).toEqual([
      { rule: 'r1', result: 'Error', code, severity: 'medium', message: expect.stringContaining(message) },
    ]);
    expect(JSON.stringify(verdicts)).not.toMatch(/not a label!|xxxx/);
  });

  test('a path that would look at too much is an Error', () => {
    const list = Array.from({ length: 30_000 }, (_, i) => i);
    const { verdicts } = evaluated(cachedObject({ name: 'x', body: { spec: { list } } }), [
      from({ jsonPath: '$.spec..x' }),
    ]);
    expect(verdicts[0]?.results).toMatchObject([{ result: 'Error', code: 'SourceTooLarge' }]);
  });

  test('annotations take any text, up to the length that a policy may give one', () => {
    const rules = [{ name: 'r1', set: { annotations: [{ key: 'k', valueFrom: { jsonPath: '$.spec.text' } }] } }];
    const result = (text: string) =>
      evaluated(cachedObject({ name: 'x', body: { spec: { text } } }), [programOf('p', { rules })]);
    expect(result('not a label!').desired?.applied.annotations).toEqual(new Map([['k', 'not a label!']]));
    expect(result('x'.repeat(65_536)).verdicts[0]?.results).toEqual([]);
    expect(result('x'.repeat(65_537)).verdicts[0]?.results).toMatchObject([{ code: 'InvalidValue' }]);
  });
});

describe('what a rule sees', () => {
  const lacksTeam = { objectSelector: { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] } };
  const match = { match: { resources: [{ group: '', resource: 'configmaps' }], ...lacksTeam } };

  test('a policy that labels what lacks the label wants the same of its own result', () => {
    const program = set({ team: 'a' }, match);
    const before = evaluated(cachedObject({ name: 'x' }), [program]);
    const after = evaluated(cachedObject({ name: 'x', labels: { team: 'a' }, applied: owning('team') }), [program]);
    expect(labels(before.desired)).toEqual({ applied: { team: 'a' } });
    expect(labels(after.desired)).toEqual({ applied: { team: 'a' } });
    expect(after.verdicts[0]).toEqual({ matched: true, owned: true, pending: false, results: [] });
  });

  test('a label of somebody else ends that, and is left alone', () => {
    const { desired, verdicts } = evaluated(cachedObject({ name: 'x', labels: { team: 'b' } }), [
      set({ team: 'a' }, match),
    ]);
    expect(labels(desired)).toEqual({ applied: {} });
    expect(verdicts[0]?.matched).toBe(false);
  });

  test('a value that is taken from the label itself does not keep itself alive', () => {
    const itself = { key: 'k', valueFrom: { jsonPath: '$.metadata.labels.k' } };
    const program = programOf('p', { rules: [{ name: 'r1', default: { labels: [itself] } }] });
    expect(desiredLabels({ labels: { k: 'a' }, applied: owning('k') }, [program])).toEqual({ applied: {} });
  });

  test('what another policy wrote is seen', () => {
    const other = programOf('other', { rules: [{ name: 'r1', set: { labels: entries({ team: 'a' }) } }] });
    const reader = programOf('reader', {
      rules: [{ name: 'r1', set: { labels: [{ key: 'k', valueFrom: { jsonPath: '$.metadata.labels.team' } }] } }],
    });
    expect(desiredLabels({ labels: { team: 'a' }, applied: owning('team') }, [other, reader])).toEqual({
      applied: { team: 'a', k: 'a' },
    });
  });
});

describe('ownership', () => {
  const ours = { labels: { k: 'v', foreign: 'f' }, applied: owning('k') };
  const never = { match: { resources: [{ group: '', resource: 'configmaps' }], names: ['other'] } };

  test.each<[string, readonly Program[], StringMap]>([
    ['no policy is left', [], {}],
    ['the policy matches no more', [set({ k: 'v' }, never)], {}],
    ['the object is excluded', [set({ k: 'v' }, { exclude: [{ names: ['x'] }] })], {}],
    ['the policy was edited and wants another key', [set({ other: 'o' })], { other: 'o' }],
    ['the source holds nothing any more', [from({ jsonPath: '$.metadata.labels.gone' })], {}],
  ])('our key is removed when %s, and only that', (_, programs, applied) => {
    expect(desiredLabels(ours, programs)).toEqual({ applied });
  });

  test.each<[string, Program]>([
    ['cannot say what it wants', from({ jsonPath: '$.metadata.labels' })],
    ['waits for the Namespace', from({ namespaceLabel: 'team' })],
    [
      'does not know yet whether it matches',
      set({ k: 'new' }, { match: { resources: [{ group: '', resource: 'configmaps' }], namespaceSelector: {} } }),
    ],
  ])('our key is held as it is while its rule %s', (_, program) => {
    const { desired } = evaluated(cachedObject({ name: 'x', ...ours }), [program], { namespaces: [] });
    expect(labels(desired)).toEqual({ applied: { k: 'v' } });
    expect(desired?.applied.fromPicture).toBe(true);
  });

  test("a rule that cannot say what it wants does not touch somebody else's value", () => {
    expect(desiredLabels({ labels: { k: 'theirs' } }, [from({ jsonPath: '$.metadata.labels' })])).toEqual({
      applied: {},
    });
  });

  test('what waits is pending, and is not judged before', () => {
    const program = programOf('p', {
      rules: [
        { name: 'r1', set: { labels: [{ key: 'k', valueFrom: { namespaceLabel: 'team' } }] } },
        { name: 'r2', require: { labels: [{ key: 'k' }] } },
      ],
    });
    const waiting = evaluated(cachedObject({ name: 'x' }), [program], { namespaces: [] });
    expect(waiting.verdicts[0]).toEqual({ matched: true, owned: false, pending: true, results: [] });
    expect(evaluated(cachedObject({ name: 'x' }), [program]).verdicts[0]).toMatchObject({
      pending: false,
      results: [],
    });
  });

  describe('keys that are held for a policy that does not enforce now', () => {
    const held = new Map([['p', owning('k')]]);

    test.each<[string, readonly Program[]]>([
      ['Suspended', [set({ k: 'new' }, { mode: 'Suspended' })]],
      ['Audit', [set({ k: 'new' }, { mode: 'Audit' })]],
      ['Audit that matches no more', [set({ k: 'new' }, { mode: 'Audit', ...never })]],
      ['no spec in force', []],
    ])('%s', (_, programs) => {
      expect(desiredLabels(ours, programs, { held })).toEqual({ applied: { k: 'v' } });
    });

    test('others that nothing wants go', () => {
      const fields = { labels: { k: 'v', l: 'w' }, applied: owning('k', 'l') };
      expect(desiredLabels(fields, [], { held })).toEqual({ applied: { k: 'v' } });
    });

    test('a policy that is enforced decides the key all the same', () => {
      const program = programOf('q', { rules: [{ name: 'r1', set: { labels: entries({ k: 'q' }) } }] });
      expect(desiredLabels(ours, [program], { held })).toEqual({ applied: { k: 'q' } });
    });

    test('what is not ours is not taken', () => {
      expect(desiredLabels({ labels: { k: 'theirs' } }, [], { held })).toEqual({ applied: {} });
    });

    test('an annotation of that name is not held for a label', () => {
      const object = cachedObject({ name: 'x', annotations: { k: 'v' }, applied: { labels: [], annotations: ['k'] } });
      expect(evaluated(object, [], { held }).desired?.applied.annotations).toEqual(new Map());
    });
  });

  describe('keys that no policy may write', () => {
    const guarded = 'node-restriction.kubernetes.io/tenant';
    const claimed = { labels: { [guarded]: 'a', k: 'v' }, applied: owning(guarded, 'k') };

    test('stay, although somebody has said that they are ours', () => {
      expect(desiredLabels(claimed, [])).toEqual({ applied: { [guarded]: 'a' } });
      expect(desiredLabels(claimed, [set({ k: 'v' })])).toEqual({ applied: { [guarded]: 'a', k: 'v' } });
    });

    test('go where the owner of the cluster lets policies write them', () => {
      expect(desiredLabels(claimed, [], { allowed: ['node-restriction.kubernetes.io/*'] })).toEqual({ applied: {} });
    });
  });

  describe('Retain', () => {
    const retain = set({ k: 'v' }, { removalPolicy: 'Retain' });
    const kept = { labels: { k: 'v' }, retained: owning('k') };

    test('keys belong to the manager whose keys stay', () => {
      expect(desiredLabels({}, [retain])).toEqual({ applied: {}, retained: { k: 'v' } });
    });

    test('they stay when nothing wants them', () => {
      expect(desiredLabels(kept, [])).toEqual({ applied: {}, retained: { k: 'v' } });
      expect(desiredLabels(kept, [set({ k: 'v' }, { removalPolicy: 'Retain', ...never })])).toEqual({
        applied: {},
        retained: { k: 'v' },
      });
    });

    test('what was set before a policy said so becomes what stays, and what others set goes', () => {
      const fields = { labels: { k: 'v', l: 'w' }, applied: owning('k', 'l') };
      expect(desiredLabels(fields, [], { handedOver: owning('k') })).toEqual({ applied: {}, retained: { k: 'v' } });
      const wanted = [set({ k: 'x' })];
      expect(desiredLabels(fields, wanted, { handedOver: owning('k') })).toEqual({ applied: { k: 'x' } });
      expect(desiredLabels(fields, [], { handedOver: owning('k'), held: new Map([['q', owning('*')]]) })).toEqual({
        applied: { k: 'v', l: 'w' },
      });
    });

    test('they move when a policy that removes wants them, and back', () => {
      expect(desiredLabels(kept, [set({ k: 'w' })])).toEqual({ applied: { k: 'w' } });
      expect(desiredLabels({ labels: { k: 'v' }, applied: owning('k') }, [retain])).toEqual({
        applied: {},
        retained: { k: 'v' },
      });
    });

    test('a key that both managers own stays with the one whose keys stay', () => {
      const both = { ...kept, applied: owning('k') };
      expect(desiredLabels(both, [])).toEqual({ applied: {}, retained: { k: 'v' } });
      expect(desiredLabels(both, [], { held: new Map([['p', owning('k')]]) })).toEqual({
        applied: {},
        retained: { k: 'v' },
      });
    });
  });
});

describe('objects that may not be written', () => {
  test('terminating', () => {
    expect(desiredLabels({ deleting: true }, [set({ k: 'v' })])).toBe('nothing may be written');
  });

  test('in a Namespace that is terminating', () => {
    const namespaces = [{ ...DEFAULT_NAMESPACE, deleting: true }];
    expect(desiredLabels({}, [set({ k: 'v' })], { namespaces })).toBe('nothing may be written');
  });

  test('cluster-scoped objects are in no Namespace, whatever their names', () => {
    const nodes = { match: { resources: [{ group: '', resource: 'nodes' }] } };
    const namespaces = [cachedObject({ name: '', namespace: '', deleting: true })];
    expect(desiredLabels({ namespace: '' }, [set({ k: 'v' }, nodes)], { kind: NODES, namespaces })).toEqual({
      applied: { k: 'v' },
    });
  });

  test('they are judged as they are', () => {
    const program = programOf('p', {
      rules: [
        { name: 'r1', set: { labels: entries({ k: 'v' }) } },
        { name: 'r2', require: { labels: [{ key: 'k' }] } },
      ],
    });
    const { verdicts } = evaluated(cachedObject({ name: 'x', deleting: true }), [program]);
    expect(verdicts[0]?.results).toMatchObject([{ rule: 'r2', code: 'RequiredKeyMissing' }]);
  });

  test('and Audit has nothing to announce', () => {
    const audit = set({ k: 'v' }, { mode: 'Audit' });
    const held = new Map([['p', owning('old')]]);
    const object = cachedObject({ name: 'x', deleting: true, labels: { old: '1' }, applied: owning('old') });
    expect(evaluated(object, [audit], { held }).verdicts[0]?.results).toEqual([]);
  });
});

describe('objects that belong to a controller', () => {
  const program = set({ k: 'v' });
  const refused = {
    rule: 'r1',
    result: 'Error',
    code: 'ProtectedKey',
    severity: 'medium',
    message: "label 'k' is not changed: the object belongs to a controller, which may select it by this label",
  };

  test.each<[string, Partial<CachedObject>, StringMap, readonly object[]]>([
    ['an absent label is added', {}, { k: 'v' }, []],
    ['our own label is changed', { labels: { k: 'old' }, applied: owning('k') }, { k: 'v' }, []],
    ["somebody else's label is not changed", { labels: { k: 'x' } }, {}, [refused]],
    ["somebody else's equal label is not made ours", { labels: { k: 'v' } }, {}, []],
  ])('%s', (_, fields, applied, results) => {
    const { desired, verdicts } = evaluated(cachedObject({ name: 'x', controlled: true, ...fields }), [program]);
    expect(labels(desired)).toEqual({ applied });
    expect(verdicts[0]?.results).toEqual(results);
  });

  test.each<[string, Partial<CachedObject>, boolean]>([
    ['a label that is absent', {}, true],
    ['our own label', { labels: { k: 'old' }, applied: owning('k') }, false],
    ['a label on an object of nobody', { controlled: false }, false],
  ])('%s: whether it is written only to the version that was read', (_, fields, isBound) => {
    const { desired } = evaluated(cachedObject({ name: 'x', controlled: true, ...fields }), [program]);
    expect(desired?.applied.fromPicture).toBe(isBound);
  });

  test("annotations are nobody's selector", () => {
    const annotating = programOf('p', { rules: [{ name: 'r1', set: { annotations: entries({ k: 'v' }) } }] });
    const object = cachedObject({ name: 'x', controlled: true, annotations: { k: 'x' } });
    const { desired, verdicts } = evaluated(object, [annotating]);
    expect(desired?.applied.annotations).toEqual(new Map([['k', 'v']]));
    expect(verdicts[0]?.results).toEqual([]);
  });

  test('Audit says so before it happens', () => {
    const object = cachedObject({ name: 'x', controlled: true, labels: { k: 'x' } });
    expect(evaluated(object, [set({ k: 'v' }, { mode: 'Audit' })]).verdicts[0]?.results).toEqual([refused]);
  });
});

const verdict = (fields: Partial<CachedObject>, program: Program, where?: Surroundings) =>
  evaluated(cachedObject({ name: 'x', ...fields }), [program], where).verdicts[0];

test('a suspended policy says nothing, whatever it finds', () => {
  const rules = [
    { name: 'r1', set: { labels: [{ key: 'k', valueFrom: { jsonPath: '$.metadata.labels' } }] } },
    { name: 'r2', require: { labels: [{ key: 'missing' }] } },
  ];
  const verdictIn = (mode: string) =>
    evaluated(cachedObject({ name: 'x' }), [programOf('p', { mode, rules })]).verdicts[0];
  expect(verdictIn('Suspended')).toEqual({ matched: false, owned: false, pending: false, results: [] });
  expect(verdictIn('Audit')?.results).toHaveLength(2);
});

describe('what costs nothing', () => {
  test.each<[string, Partial<CachedObject>, Program, Surroundings]>([
    ['compliant', { labels: { k: 'v' }, applied: owning('k') }, set({ k: 'v' }), {}],
    ['compliant and not ours', { labels: { k: 'v' } }, defaults({ k: 'v' }), {}],
    ['not matched', {}, set({ k: 'v' }, { exclude: [{ names: ['x'] }] }), {}],
    [
      'suspended, with keys that are held',
      { labels: { k: 'v' }, applied: owning('k') },
      set({ k: 'v' }, { mode: 'Suspended' }),
      { held: new Map([['p', owning('k')]]) },
    ],
  ])('verdicts that say the same are the same object: %s', (_, fields, program, where) => {
    expect(verdict(fields, program, where)).toBe(verdict({ ...fields, uid: 'another' }, program, where));
  });

  test('an object on which nothing is wanted and nothing is ours shares what is desired', () => {
    const program = set({ k: 'v' }, { exclude: [{ names: ['x'] }] });
    const desired = () => evaluated(cachedObject({ name: 'x', labels: { a: 'b' } }), [program]).desired;
    expect(desired()).toBe(desired());
  });
});

test('evaluation leaves its input alone', () => {
  const deepFreeze = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
    return value;
  };
  const object = deepFreeze(
    cachedObject({ name: 'x', labels: { k: 'old', l: '1' }, applied: owning('k', 'l'), retained: owning('m') }),
  );
  expect(() => evaluated(object, [set({ k: 'v' })], { kind: deepFreeze({ ...CONFIG_MAPS }) })).not.toThrow();
});
