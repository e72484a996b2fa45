import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../../test/support/cached-object.ts';
import { CONFIG_MAPS, NODES, programOf } from '../../../test/support/compiled-policy.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import type { CachedObject } from '../../api/object.ts';
import type { PolicyCondition, WatchPolicyStatus } from '../../api/status.ts';
import type { KindContext, Program } from '../../policy/program.ts';
import type { DatedResult } from '../findings.ts';
import { noTotals } from '../policy-totals.ts';
import type { EventResult } from './event-sender.ts';
import { EventTeller } from './event-teller.ts';
import type { Fact } from './fact.ts';

const set = (key: string) => ({ set: { labels: [{ key, value: 'v' }] } });
const P: Program = {
  ...programOf('p', {
    rules: [
      { name: 'r', require: { labels: [{ key: 'team' }] } },
      { name: 's', copy: { from: 'Namespace', labels: ['acme.io/*'] } },
    ],
  }),
  generation: 3,
};
const Q = programOf('q', { rules: [{ name: 'team', ...set('team') }] });
const result = (fields: Partial<DatedResult> = {}): DatedResult => ({
  rule: 'r',
  result: 'Violation',
  code: 'RequiredKeyMissing',
  severity: 'medium',
  message: "label 'team' is missing",
  since: '2030-01-01T00:00:00Z',
  ...fields,
});
const condition = (type: PolicyCondition['type'], status: PolicyCondition['status'], reason: string, message = '') => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2030-01-01T00:00:00Z',
});

function setUp({ evaluated = true, before = {} }: { evaluated?: boolean; before?: WatchPolicyStatus } = {}) {
  const clock = new ManualClock();
  const facts: (Fact & { readonly rolledUp: number })[] = [];
  const dropped: Partial<Record<EventResult, number>> = {};
  const state = { evaluated, totals: noTotals() };
  const teller = new EventTeller({
    clock,
    offer: (fact, rolledUp = 0) => facts.push({ ...fact, rolledUp }),
    observe: (what, count) => {
      dropped[what] = (dropped[what] ?? 0) + count;
    },
    program: () => P,
    hasEvaluated: () => state.evaluated,
    totals: () => state.totals,
    programsOn: () => [P],
  });
  for (const { policy, uid } of [P, Q]) teller.adopt({ policy, uid }, policy === 'p' ? before : {});
  const appear = (object: CachedObject, kind: KindContext = CONFIG_MAPS, ...appeared: readonly DatedResult[]) =>
    teller.changed(kind, object, P, { appeared, ended: [] });
  const words = () => facts.map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
  return { clock, facts, dropped, state, teller, appear, words };
}

describe('results', () => {
  test('that come and go are told of the object, with the policy', () => {
    const { facts, teller, appear, words } = setUp();
    const object = cachedObject({ name: 'a' });
    appear(object, CONFIG_MAPS, result(), result({ result: 'Yielded', code: 'Yielded', message: 'm' }));
    teller.changed(CONFIG_MAPS, object, P, { appeared: [], ended: [result()] });
    expect(words()).toEqual([
      "Warning RequiredKeyMissing: policy 'p' rule 'r': label 'team' is missing",
      "Normal Yielded: policy 'p' rule 'r': m",
      "Normal Resolved: policy 'p' rule 'r': no longer RequiredKeyMissing",
    ]);
    expect(facts[0]).toMatchObject({
      regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'a', uid: object.uid },
      related: { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', name: 'p', uid: P.uid },
    });
    appear(cachedObject({ name: 'n', namespace: '' }), NODES, result());
    expect(facts[3]?.regarding).not.toHaveProperty('namespace');
  });

  test('of a first evaluation are told of the policy, once', () => {
    const { facts, state, teller, appear } = setUp({ evaluated: false });
    for (let i = 0; i < 50; i++) appear(cachedObject({ name: `a-${i}` }), CONFIG_MAPS, result());
    state.totals = { ...noTotals(), matched: 80, violating: 50, results: 50 };
    state.evaluated = true;
    teller.evaluated('p');
    expect(facts).toMatchObject([
      { reason: 'ResultsFound', note: 'found 50 violations among 80 objects', rolledUp: 50, regarding: { name: 'p' } },
    ]);
  });

  test('of a first evaluation of one object are told as of one', () => {
    const { facts, state, teller, appear } = setUp({ evaluated: false });
    appear(cachedObject({ name: 'a' }), CONFIG_MAPS, result());
    state.totals = { ...noTotals(), matched: 1, violating: 1, results: 1 };
    state.evaluated = true;
    teller.evaluated('p');
    expect(facts[0]?.note).toBe('found 1 violation in 1 object');
  });

  const standing: WatchPolicyStatus = {
    observedGeneration: 3,
    violationsTotal: 50,
    summary: { matched: 80, compliant: 30, violating: 50, errors: 0, yielded: 0, owned: 0 },
  };
  test.each<[string, WatchPolicyStatus, number]>([
    ['the same', standing, 0],
    ['fewer', { ...standing, violationsTotal: 49 }, 1],
    ['an older spec', { ...standing, observedGeneration: 2 }, 1],
  ])('of a first evaluation after a restart: the status said %s', (_what, status, told) => {
    const { facts, state, teller, appear } = setUp({ evaluated: false, before: status });
    for (let i = 0; i < 50; i++) appear(cachedObject({ name: `a-${i}` }), CONFIG_MAPS, result());
    state.totals = { ...noTotals(), matched: 80, violating: 50, results: 50 };
    state.evaluated = true;
    teller.evaluated('p');
    expect(facts).toHaveLength(told);
  });

  test('of a policy that goes before they are told are counted', () => {
    const { clock, facts, dropped, teller, appear } = setUp({ evaluated: false });
    appear(cachedObject({ name: 'a' }), CONFIG_MAPS, result(), result({ rule: 's' }));
    teller.forget('p');
    expect([facts, dropped, clock.pending]).toEqual([[], { Dropped: 2 }, 0]);
    // What was under way is of no more interest, nor does it bring the policy back.
    appear(cachedObject({ name: 'b' }), CONFIG_MAPS, result());
    expect([facts, dropped, clock.pending]).toEqual([[], { Dropped: 3 }, 0]);
  });
});

describe('a status that is written', () => {
  const accepted = (observedGeneration: number): WatchPolicyStatus => ({
    observedGeneration,
    conditions: [condition('Accepted', 'True', 'Accepted'), condition('Contended', 'False', 'Quiet')],
  });
  const refused: WatchPolicyStatus = {
    observedGeneration: 4,
    conditions: [
      condition('Accepted', 'False', 'InvalidSpec', 'spec.x: no.'),
      condition('Contended', 'False', 'Quiet'),
    ],
  };
  const contended: WatchPolicyStatus = {
    observedGeneration: 3,
    conditions: [
      condition('Accepted', 'True', 'Accepted'),
      condition('Contended', 'True', 'AnotherManager', "manager 'x' changes it"),
    ],
  };
  test.each<[string, WatchPolicyStatus, WatchPolicyStatus, string[]]>([
    ['a new policy', {}, accepted(3), ['Normal PolicyAccepted: generation 3 is in force, mode Enforce']],
    ['a new generation', accepted(2), accepted(3), ['Normal PolicyAccepted: generation 3 is in force, mode Enforce']],
    ['a refused one', accepted(3), refused, ['Warning PolicyRefused: spec.x: no.']],
    ['nothing of the kind', accepted(3), { ...accepted(3), violationsTotal: 1 }, []],
    [
      'a fight',
      accepted(3),
      contended,
      [
        'Warning Contended: a key is changed back again and again; the condition Contended of the policy says on which objects, and by whom',
      ],
    ],
    ['a fight that goes on', contended, { ...contended, violationsTotal: 1 }, []],
    ['its end', contended, accepted(3), ['Normal ContentionEnded: nobody is known to fight over a key any more']],
  ])('tells of %s', (_what, before, after, told) => {
    const { teller, words } = setUp();
    teller.statusWritten({ policy: 'p', uid: P.uid }, before, after);
    expect(words()).toEqual(told);
  });
});

test('a write is told of the policies that its keys are from, and a key that nothing wants of one that could have set it', async () => {
  const { clock, teller, words, facts } = setUp();
  const [rule] = Q.rules;
  if (rule === undefined) throw new Error('there is a rule');
  const intent = { kind: 'Write', place: 0, program: Q, rule, overwrite: 'Always', value: 'v' } as const;
  const object = cachedObject({ name: 'a' });
  teller.wrote({
    kind: CONFIG_MAPS,
    object,
    winners: {
      labels: new Map([['team', { ...intent, channel: 'labels', key: 'team' }]]),
      annotations: new Map(),
    },
    fieldManager: 'watchkeeper',
    set: [{ channel: 'labels', key: 'team', displaced: true }],
    removed: [{ channel: 'labels', key: 'acme.io/unwanted', displaced: false }],
    outcome: { kind: 'Written', answer: object },
  });
  await clock.advance(3_000);
  expect(words()).toEqual([
    'Normal ObjectsWritten: labelled 1 object',
    "Normal TookOver: took over label 'team' on 1 object, where somebody else had set another value",
    'Normal KeysRemoved: removed keys from 1 object',
  ]);
  expect(facts.map(({ regarding, rolledUp }) => `${regarding.name} ${rolledUp}`)).toEqual(['q 1', 'q 0', 'p 1']);
});
