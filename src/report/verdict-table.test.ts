import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, NODES, programOf } from '../../test/support/compiled-policy.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { type CachedObject, objectKey } from '../api/object.ts';
import { groupResourceName } from '../api/resource.ts';
import type { ReportedViolation } from '../api/status.ts';
import type { KindContext, Program, Result } from '../policy/program.ts';
import type { Verdict } from '../policy/verdict.ts';
import { noTotals } from './policy-totals.ts';
import { VerdictTable } from './verdict-table.ts';

const program = (policy: string, uid = `uid-${policy}`): Program => ({
  ...programOf(policy, { rules: [{ name: 'r', require: { labels: [{ key: 'team' }] } }] }),
  uid,
});
const P = program('p');
const Q = program('q');
const object = (name: string, fields: Partial<CachedObject> = {}): CachedObject => cachedObject({ name, ...fields });
const result = (fields: Partial<Result> = {}): Result => ({
  rule: 'r',
  result: 'Violation',
  code: 'RequiredKeyMissing',
  severity: 'medium',
  message: 'm',
  ...fields,
});
const verdict = (results: readonly Result[] = [], fields: Partial<Verdict> = {}): Verdict => ({
  matched: true,
  owned: false,
  pending: false,
  results,
  ...fields,
});
const COMPLIANT = verdict();

function setUp() {
  const clock = new ManualClock(Date.UTC(2030, 0, 1));
  const changed: string[] = [];
  const told: string[] = [];
  /** By policy. */
  const inForce = new Map([P, Q].map((each) => [each.policy, each]));
  const table = new VerdictTable({
    clock,
    onChange: (policy) => changed.push(policy),
    inForce: (policy) => inForce.get(policy),
    observer: {
      changed: (_kind, { name }, { policy }, { appeared, ended }) => {
        for (const { rule } of appeared) told.push(`${policy}: ${name} ${rule} appeared`);
        for (const { rule } of ended) told.push(`${policy}: ${name} ${rule} ended`);
      },
      gone: (policy, { name, results }) => told.push(`${policy}: ${name} gone with ${results.length}`),
    },
  });
  const say = (of: CachedObject, ...said: readonly Result[]): void =>
    table.record(CONFIG_MAPS, of, [P], [verdict(said)]);
  const sinces = (policy = 'p') => table.violations(policy, 100).map(({ name, since }) => `${name} ${since}`);
  return { clock, table, inForce, changed, told, say, sinces };
}

describe('counts', () => {
  test('a verdict takes the place of the one before it', () => {
    const { table, say } = setUp();
    say(object('a'), result(), result({ rule: 's', result: 'Error' }), result({ result: 'Yielded' }));
    expect(table.totals('p')).toEqual({ ...noTotals(), matched: 1, violating: 1, errors: 1, yielded: 1, results: 3 });
    say(object('a'));
    expect(table.totals('p')).toEqual({ ...noTotals(), matched: 1, compliant: 1 });
    table.forget('configmaps', 'default/a');
    expect(table.totals('p')).toEqual(noTotals());
  });

  test('an object that is yielded is compliant, one with an error is not', () => {
    const { table, say } = setUp();
    say(object('a'), result({ result: 'Yielded' }));
    say(object('b'), result({ result: 'Error' }));
    expect(table.totals('p')).toMatchObject({ matched: 2, compliant: 1, errors: 1, yielded: 1 });
  });

  test('a policy that is not on the kind any more has nothing counted there', () => {
    const { table } = setUp();
    table.record(CONFIG_MAPS, object('a'), [P, Q], [verdict([result()]), COMPLIANT]);
    table.record(CONFIG_MAPS, object('a'), [Q], [COMPLIANT]);
    expect([table.totals('p'), table.violations('p', 9)]).toEqual([noTotals(), []]);
    expect(table.totals('q')).toMatchObject({ matched: 1, compliant: 1 });
    table.record(CONFIG_MAPS, object('a'), [], []);
    expect(table.totals('q')).toEqual(noTotals());
  });

  test('a kind that is forgotten has nothing counted, other kinds stay', () => {
    const { table } = setUp();
    table.record(CONFIG_MAPS, object('a'), [P], [verdict([result()])]);
    table.record(CONFIG_MAPS, object('b'), [P], [COMPLIANT]);
    table.record(NODES, object('n', { namespace: '' }), [P], [verdict([result()])]);
    table.forgetKind('configmaps');
    table.forgetKind('never-seen');
    expect(table.totals('p')).toMatchObject({ matched: 1, violating: 1, results: 1 });
    expect(table.violations('p', 9).map(({ kind, name }) => `${kind} ${name}`)).toEqual(['Node n']);
  });

  test('whoever is concerned is told, once for each object, and nobody when the same is said again', () => {
    const { table, changed } = setUp();
    const programs = [P, Q];
    table.record(CONFIG_MAPS, object('a'), programs, [verdict([result()]), COMPLIANT]);
    expect(changed).toEqual(['p', 'q']);
    changed.length = 0;
    const owned = verdict([], { owned: true });
    table.record(CONFIG_MAPS, object('b'), programs, [COMPLIANT, COMPLIANT]);
    changed.length = 0;
    table.record(CONFIG_MAPS, object('b'), programs, [COMPLIANT, COMPLIANT]);
    expect(changed).toEqual([]);
    table.record(CONFIG_MAPS, object('b'), programs, [COMPLIANT, owned]);
    expect(changed).toEqual(['q']);
    table.forget('configmaps', 'default/never-seen');
    expect(changed).toEqual(['q']);
  });

  test('objects with a result of some code are shown as examples, no more than asked for', () => {
    const { table } = setUp();
    for (const name of ['a', 'b', 'c']) {
      const contended = result({ code: 'Contended', result: 'Yielded', message: `left ${name}` });
      table.record(CONFIG_MAPS, object(name), [P], [verdict(name === 'b' ? [result()] : [result(), contended])]);
    }
    const shown = ['ConfigMap default/a: left a', 'ConfigMap default/c: left c'];
    expect(table.examples('p', 'Contended', 3)).toEqual(shown);
    expect(table.examples('p', 'Contended', 1)).toEqual(shown.slice(0, 1));
    expect([table.examples('p', 'SelfOscillation', 3), table.examples('nobody', 'Contended', 3)]).toEqual([[], []]);
  });

  test('after any sequence of verdicts, removals and programs they equal a recount', () => {
    const kinds = [CONFIG_MAPS, NODES];
    const programSets = [[P], [Q], [P, Q], [Q, P], []];
    const anyResult = fc.record({
      rule: fc.constantFrom('r', 's'),
      result: fc.constantFrom('Violation' as const, 'Error' as const, 'Yielded' as const),
      code: fc.constantFrom(
        'WouldChange' as const,
        'Yielded' as const,
        'Contended' as const,
        'SelfOscillation' as const,
      ),
      severity: fc.constantFrom('high' as const, 'low' as const),
      message: fc.constant('m'),
    });
    const anyVerdict = fc.oneof(
      fc.constant(COMPLIANT),
      fc.record({
        matched: fc.boolean(),
        owned: fc.boolean(),
        pending: fc.boolean(),
        results: fc.array(anyResult, { maxLength: 3 }),
      }),
    );
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('record' as const),
          kind: fc.nat(1),
          name: fc.constantFrom('a', 'b', 'c'),
          set: fc.nat(4),
          verdicts: fc.tuple(anyVerdict, anyVerdict),
        }),
      },
      fc.record({ do: fc.constant('forget' as const), kind: fc.nat(1), name: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ do: fc.constant('forgetKind' as const), kind: fc.nat(1) }),
      fc.record({ do: fc.constantFrom('forgetPolicy' as const, 'adopt' as const), policy: fc.constantFrom('p', 'q') }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { table } = setUp();
        const model = new Map<string, { kind: KindContext; name: string; policies: Map<string, Verdict> }>();
        for (const one of steps) {
          if ('policy' in one) {
            if (one.do === 'adopt') table.adopt(one.policy, []);
            else table.forgetPolicy(one.policy);
            continue;
          }
          const kind = kinds[one.kind] ?? CONFIG_MAPS;
          const name = groupResourceName(kind);
          if (one.do === 'forgetKind') {
            table.forgetKind(name);
            for (const id of model.keys()) if (id.startsWith(`${name} `)) model.delete(id);
            continue;
          }
          const of = object(one.name);
          const id = `${name} ${objectKey(of)}`;
          if (one.do === 'forget') {
            table.forget(name, objectKey(of));
            model.delete(id);
            continue;
          }
          const programs = programSets[one.set] ?? [];
          const verdicts = one.verdicts.slice(0, programs.length);
          table.record(kind, of, programs, verdicts);
          const policies = new Map(programs.flatMap(({ policy }, i) => (verdicts[i] ? [[policy, verdicts[i]]] : [])));
          model.set(id, { kind, name: one.name, policies });
        }
        for (const policy of ['p', 'q']) {
          const said = [...model.values()].flatMap(({ policies }) => policies.get(policy) ?? []);
          const coded = (code: Result['code']) => said.filter(({ results }) => results.some((r) => r.code === code));
          const has = (kind: Result['result']) => said.filter(({ results }) => results.some((r) => r.result === kind));
          expect(table.totals(policy)).toEqual({
            matched: said.filter(({ matched }) => matched).length,
            compliant: said.filter(({ matched, results }) => matched && results.every((r) => r.result === 'Yielded'))
              .length,
            violating: has('Violation').length,
            errors: has('Error').length,
            yielded: has('Yielded').length,
            owned: said.filter(({ owned }) => owned).length,
            pending: said.filter(({ pending }) => pending).length,
            awaited: 0,
            results: said.reduce((sum, { results }) => sum + results.length, 0),
            contended: coded('Contended').length,
            oscillating: coded('SelfOscillation').length,
          });
          expect(table.violations(policy, 1_000)).toHaveLength(table.totals(policy).results);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the list', () => {
  test('is by severity, namespace, name, rule and kind, and says all that a user needs', () => {
    const { table } = setUp();
    const programs = [P];
    const record = (kind: KindContext, namespace: string, name: string, ...said: readonly Result[]): void =>
      table.record(kind, cachedObject({ namespace, name }), programs, [verdict(said)]);
    record(CONFIG_MAPS, 'b', 'x', result({ severity: 'low' }), result({ rule: 'z' }), result({ rule: 'a' }));
    record(CONFIG_MAPS, 'a', 'y', result({ severity: 'critical', message: 'first' }));
    record(NODES, '', 'x', result());
    record({ ...CONFIG_MAPS, group: 'acme.io', resource: 'maps', kind: 'Map' }, 'b', 'x', result({ rule: 'a' }));
    const list = table.violations('p', 100);
    expect(list.map(({ severity, kind, namespace, name, rule }) => [severity, kind, namespace, name, rule])).toEqual([
      ['critical', 'ConfigMap', 'a', 'y', 'r'],
      ['medium', 'Node', undefined, 'x', 'r'],
      ['medium', 'ConfigMap', 'b', 'x', 'a'],
      ['medium', 'Map', 'b', 'x', 'a'],
      ['medium', 'ConfigMap', 'b', 'x', 'z'],
      ['low', 'ConfigMap', 'b', 'x', 'r'],
    ]);
    expect(list[0]).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace: 'a',
      name: 'y',
      rule: 'r',
      result: 'Violation',
      severity: 'critical',
      message: 'first',
      since: '2030-01-01T00:00:00Z',
    });
    expect(list[3]?.apiVersion).toBe('acme.io/v1');
  });

  test('is cut to the first, whatever came in which order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e', 'f'], { minLength: 6 }), fc.nat(7), (names, limit) => {
        const { table, say } = setUp();
        for (const name of names) say(object(name), result());
        expect(table.violations('p', limit).map(({ name }) => name)).toEqual(names.toSorted().slice(0, limit));
      }),
    );
  });
});

const listed = (fields: Partial<ReportedViolation> = {}): ReportedViolation => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'default',
  name: 'a',
  rule: 'r',
  result: 'Violation',
  severity: 'medium',
  message: 'm',
  since: '2029-06-01T00:00:00Z',
  ...fields,
});

describe('since when a result stands', () => {
  const T0 = '2030-01-01T00:00:00Z';
  const T1 = '2030-01-01T01:00:00Z';
  const hour = 3_600_000;

  test('is kept while the same is said, whatever the message', async () => {
    const { clock, say, sinces } = setUp();
    say(object('a'), result());
    await clock.advance(hour);
    say(object('a'), result({ message: 'other words' }), result({ rule: 's' }));
    expect(sinces()).toEqual([`a ${T0}`, `a ${T1}`]);
  });

  test('begins anew when it was otherwise meanwhile, or another result comes', async () => {
    const { clock, say, sinces } = setUp();
    say(object('a'), result());
    say(object('b'), result());
    say(object('a'));
    await clock.advance(hour);
    say(object('a'), result());
    say(object('b'), result({ code: 'RequiredValueWrong' }));
    expect(sinces()).toEqual([`a ${T1}`, `b ${T1}`]);
  });

  test('is taken over from the status of an earlier process, whatever the version was', () => {
    const { table, say, sinces } = setUp();
    table.adopt('p', [listed(), listed({ name: 'b', result: 'Error' }), listed({ name: 'c', kind: 'Secret' })]);
    for (const name of ['a', 'b', 'c']) say(object(name), result());
    expect(sinces()).toEqual(['a 2029-06-01T00:00:00Z', `b ${T0}`, `c ${T0}`]);
    const group = { ...CONFIG_MAPS, group: 'apps', kind: 'Deployment', version: 'v2' };
    table.adopt('q', [listed({ apiVersion: 'apps/v1', kind: 'Deployment' })]);
    table.record(group, object('a'), [Q], [verdict([result()])]);
    expect(sinces('q')).toEqual(['a 2029-06-01T00:00:00Z']);
  });

  test('is taken over only once: what was repaired and breaks again is new', async () => {
    const { clock, table, say, sinces } = setUp();
    table.adopt('p', [listed()]);
    say(object('a'));
    await clock.advance(hour);
    say(object('a'), result());
    expect(sinces()).toEqual([`a ${T1}`]);
  });

  test('is not taken over by an object of the same name that was made later', async () => {
    const { clock, table, say, sinces } = setUp();
    table.adopt('p', [listed()]);
    say(object('a', { created: Date.UTC(2029, 11, 1) / 1_000 }), result());
    expect(sinces()).toEqual([`a ${T0}`]);
    await clock.advance(hour);
    say(object('a', { uid: 'another' }), result());
    expect(sinces()).toEqual([`a ${T1}`]);
  });

  test('survives that the kind is not watched for a while', async () => {
    const { clock, table, say, sinces } = setUp();
    say(object('a'), result());
    table.forgetKind('configmaps');
    expect(sinces()).toEqual([]);
    await clock.advance(hour);
    say(object('a'), result(), result({ rule: 's' }));
    expect(sinces()).toEqual([`a ${T0}`, `a ${T1}`]);
  });

  test('is kept for the 10,000 objects of a policy that were set aside last; others begin anew', async () => {
    const { clock, table, say, sinces } = setUp();
    say(object('first'), result());
    say(object('again'), result());
    say(object('o1'), result(), result({ rule: 's' }));
    table.forgetKind('configmaps');
    say(object('again'), result());
    for (let i = 2; i < 10_000; i += 1) say(object(`o${i}`), result());
    table.forgetKind('configmaps');
    await clock.advance(hour);
    for (const name of ['first', 'again', 'o9999']) say(object(name), result());
    say(object('o1'), result(), result({ rule: 's' }));
    expect(sinces()).toEqual([`again ${T0}`, `first ${T1}`, `o1 ${T0}`, `o1 ${T0}`, `o9999 ${T0}`]);
  });

  test('begins anew for a policy that was deleted and made again under the same name', async () => {
    const { clock, table, changed, sinces } = setUp();
    table.record(CONFIG_MAPS, object('a'), [P], [verdict([result()])]);
    table.forgetPolicy('p');
    table.adopt('p', []);
    await clock.advance(hour);
    changed.length = 0;
    table.record(CONFIG_MAPS, object('a'), [program('p', 'uid-2')], [verdict([result()])]);
    expect([sinces(), changed]).toEqual([[`a ${T1}`], ['p']]);
    expect(table.totals('p')).toMatchObject({ matched: 1, results: 1 });
  });

  test('of a policy that is gone is not kept for its successor', () => {
    const { table, say, sinces } = setUp();
    table.adopt('p', [listed()]);
    table.forgetPolicy('p');
    say(object('a'), result());
    expect(sinces()).toEqual([`a ${T0}`]);
  });
});

describe('what an earlier process heard of its writes', () => {
  const W: Program = programOf('w', { rules: [{ name: 'r', set: { labels: [{ key: 'team', value: 'x' }] } }] });
  const MESSAGE = 'the API server refused the write: failed to create typed patch object';
  const refused = result({ result: 'Error', code: 'SchemaDrift', message: MESSAGE });
  const SINCE = '2029-06-01T00:00:00Z';

  function restarted(total?: number) {
    const { table, told, changed } = setUp();
    table.adopt('w', [listed({ result: 'Error', message: MESSAGE })], total);
    const say = (of: CachedObject, isAwaited: boolean, ...said: readonly Result[]) =>
      table.record(CONFIG_MAPS, of, [W], [verdict(said)], isAwaited);
    const errors = () => table.violations('w', 9).map(({ name, message, since }) => ({ name, message, since }));
    return { table, told, changed, say, errors };
  }
  const standing = [{ name: 'a', message: MESSAGE, since: SINCE }];

  test('stands until a write of ours has its answer, and after it if that is the same: no news', () => {
    const { table, told, say, errors } = restarted();
    for (const isAwaited of [true, true, false]) {
      say(object('a', { resourceVersion: String(isAwaited) }), isAwaited, ...(isAwaited ? [] : [refused]));
      expect(errors()).toEqual(standing);
      expect(table.totals('w')).toMatchObject({ matched: 1, errors: 1, compliant: 0, results: 1 });
    }
    expect(told).toEqual([]);
  });

  test('stands since the same day where the answer is another one', () => {
    const { told, say, errors } = restarted();
    say(object('a'), true);
    say(object('a'), false, result({ result: 'Error', code: 'RefusedByServer', message: 'no' }));
    expect(errors()).toEqual([{ name: 'a', message: 'no', since: SINCE }]);
    expect(told).toEqual(['w: a r ended']);
  });

  test('is over when the object is as it should be, and does not come again', () => {
    const { say, errors } = restarted();
    say(object('a'), true);
    say(object('a'), false);
    expect(errors()).toEqual([]);
    say(object('a'), true);
    expect(errors()).toEqual([]);
  });

  test('is nothing to an object of the same name that was made later, nor where the policy writes none', () => {
    const { table, say, errors } = restarted();
    say(object('a', { created: Date.UTC(2029, 11, 1) / 1_000 }), true);
    expect(errors()).toEqual([]);
    table.record(CONFIG_MAPS, object('b'), [W], [verdict([], { matched: false })], true);
    expect(errors()).toEqual([]);
  });

  test('where it listed not all of them, the others are awaited, and no news either: as many as there were', () => {
    const { table, told, say } = restarted(2);
    for (const name of ['a', 'b', 'c']) say(object(name), true);
    expect(table.totals('w')).toMatchObject({ matched: 3, errors: 1, awaited: 3 });
    for (const name of ['a', 'b', 'c']) say(object(name), false, refused);
    expect(table.totals('w')).toMatchObject({ errors: 3, awaited: 0 });
    expect(told).toEqual(['w: c r appeared']);
  });
});

describe('an observer', () => {
  const onNodes = programOf('p', {
    match: { resources: [{ group: '', resource: 'nodes' }] },
    rules: [{ name: 'r', require: { labels: [{ key: 'team' }] } }],
  });
  const other = result({ rule: 's', result: 'Error' });

  test('is told of each result that comes and goes, and not of those that stand', () => {
    const { told, say } = setUp();
    say(object('a'));
    say(object('a'), result());
    say(object('a'), result(), other);
    say(object('a', { resourceVersion: '9' }), result(), other);
    say(object('a'), other);
    say(object('a'));
    expect(told).toEqual(['p: a r appeared', 'p: a s appeared', 'p: a r ended', 'p: a s ended']);
  });

  test('is told that results are gone with their object or with their policy', () => {
    const { told, table, say } = setUp();
    say(object('a'), result(), other);
    say(object('b'), result());
    table.forget('configmaps', 'default/a');
    table.forgetPolicy('p');
    table.record(CONFIG_MAPS, object('b'), [], []);
    expect(told.slice(3)).toEqual(['p: a gone with 2', 'p: b gone with 1']);
  });

  test('is told whether results ended or are gone once it is known whether their object left or is gone; they count no more', () => {
    const { told, table, say } = setUp();
    say(object('left'), result(), other);
    say(object('gone'), result());
    say(object('fine'));
    const [left, gone] = ['default/left', 'default/gone'].map((key) => table.depart('configmaps', key));
    expect([table.depart('configmaps', 'default/fine'), table.depart('configmaps', 'default/x')]).toEqual([
      undefined,
      undefined,
    ]);
    expect([table.totals('p'), table.violations('p', 9), told.splice(0).length]).toEqual([noTotals(), [], 3]);
    expect(left?.object).toMatchObject({ namespace: 'default', name: 'left', uid: object('left').uid });
    left?.tell('Left');
    gone?.tell('Gone');
    expect(told).toEqual(['p: left r ended', 'p: left s ended', 'p: gone gone with 1']);
  });

  test('is told that results are gone with their policy, also where their object left', () => {
    const { told, table, say } = setUp();
    say(object('a'), result());
    say(object('b'), result());
    const before = table.depart('configmaps', 'default/a');
    table.forgetPolicy('p');
    before?.tell('Left');
    table.depart('configmaps', 'default/b')?.tell('Left');
    expect(told.slice(2)).toEqual(['p: a gone with 1', 'p: b gone with 1']);
  });

  test('is told that results ended where their policy is not about the object any more', () => {
    const { told, table, say } = setUp();
    say(object('a'), result(), other);
    table.record(CONFIG_MAPS, object('a'), [Q], [COMPLIANT]);
    expect(told.slice(2)).toEqual(['p: a r ended', 'p: a s ended']);
  });

  test('is told that results are gone with their policy, also where their kind goes with it', async () => {
    const { clock, inForce, told, table, say } = setUp();
    say(object('a'), result(), other);
    say(object('b'), result());
    inForce.delete('p');
    table.forgetPolicy('p');
    table.forgetKind('configmaps');
    await clock.settle();
    expect(told.slice(3)).toEqual(['p: a gone with 2', 'p: b gone with 1']);
    table.adopt('p', []);
    inForce.set('p', P);
    say(object('b'), result());
    expect(told.slice(5)).toEqual(['p: b r appeared']);
  });

  test.each<[string, Program | undefined]>([
    ['is about other kinds now', onNodes],
    ['is suspended', { ...P, mode: 'Suspended' }],
    ['cannot be carried out any more', undefined],
  ])('is told that results ended where their kind goes as their policy %s, and of others nothing', async (_, next) => {
    const { clock, inForce, told, table, sinces } = setUp();
    table.record(CONFIG_MAPS, object('a'), [P, Q], [verdict([result()]), verdict([result()])]);
    table.record(NODES, object('n', { namespace: '' }), [Q], [verdict([result()])]);
    if (next === undefined) inForce.delete('p');
    else inForce.set('p', next);
    table.forgetKind('configmaps');
    table.forgetKind('nodes');
    await clock.settle();
    expect(told.slice(3)).toEqual(['p: a r ended', 'q: n r ended']);
    await clock.advance(1_000);
    table.record(CONFIG_MAPS, object('a'), [P, Q], [verdict([result()]), verdict([result()])]);
    expect([...sinces('p'), ...sinces('q')]).toEqual(['a 2030-01-01T00:00:01Z', 'a 2030-01-01T00:00:00Z']);
    expect(told.slice(5)).toEqual(['p: a r appeared']);
  });

  test('is told at the latest when the table stops', () => {
    const { inForce, told, table, say } = setUp();
    say(object('a'), result());
    inForce.clear();
    table.forgetKind('configmaps');
    expect(told).toHaveLength(1);
    table.stop();
    expect(told.slice(1)).toEqual(['p: a r ended']);
  });

  test('hears nothing again of what an earlier process said, nor of a kind that was not watched for a while', () => {
    const { told, table, say } = setUp();
    const at = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'a', severity: 'medium' } as const;
    const since = '2029-12-31T00:00:00Z';
    table.adopt('p', [{ ...at, rule: 'r', result: 'Violation', message: 'm', since }]);
    say(object('a', { created: 0 }), result(), other);
    expect(told).toEqual(['p: a s appeared']);
    table.forgetKind('configmaps');
    say(object('a', { created: 0 }), result(), other);
    expect(told).toEqual(['p: a s appeared']);
  });

  test('is told that results ended which are not said again when their kind is watched again', () => {
    const { told, table, say } = setUp();
    for (const name of ['a', 'fine', 'away']) say(object(name), result(), other);
    table.forgetKind('configmaps');
    say(object('a'), result());
    say(object('fine'));
    say(object('away', { uid: 'again' }));
    say(object('fine'));
    expect(told.slice(6)).toEqual(['p: a s ended', 'p: fine r ended', 'p: fine s ended']);
  });

  test('is told about another object of the same name anew', () => {
    const { told, say } = setUp();
    say(object('a', { uid: 'u1' }), result());
    say(object('a', { uid: 'u2' }), result());
    say(object('a', { uid: 'u3' }));
    expect(told).toEqual(['p: a r appeared', 'p: a r appeared']);
  });
});

test('results are counted by rule, through every way in which they come and go', () => {
  const { table, say } = setUp();
  say(object('a'), result(), result({ message: 'n' }), result({ rule: 's', result: 'Error' }));
  say(object('b'), result());
  expect(Object.fromEntries(table.counts('p'))).toEqual({
    r: { Violation: 3, Error: 0, Yielded: 0 },
    s: { Violation: 0, Error: 1, Yielded: 0 },
  });
  say(object('a'));
  expect(Object.fromEntries(table.counts('p'))).toEqual({ r: { Violation: 1, Error: 0, Yielded: 0 } });
  table.forgetKind('configmaps');
  expect(table.counts('p').size).toBe(0);
  say(object('b'), result());
  table.forget('configmaps', 'default/b');
  expect(table.counts('p').size).toBe(0);
});
