import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { BOUNDS } from '../api/bounds.ts';
import { SEVERITIES } from '../api/rule.ts';
import {
  CONDITION_TYPES,
  type WatchedResource,
  type WatchPolicyStatus,
  watchPolicyStatusSchema,
} from '../api/status.ts';
import { CONDITION_REASONS } from './condition-reasons.ts';
import { noTotals } from './policy-totals.ts';
import { buildStatus, type StatusInput, withoutCounts } from './status.ts';

const RULES = { rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }] };
const enforced = programOf('p', RULES);
const audited = programOf('p', { ...RULES, mode: 'Audit' });
const suspended = programOf('p', { ...RULES, mode: 'Suspended' });
const NOW = '2030-01-01T00:00:00Z';
const BEFORE = '2029-01-01T00:00:00Z';

const resource = (name: string, state: WatchedResource['state'] = 'Watching', message = ''): WatchedResource => {
  const [plural = '', ...group] = name.split('.');
  return { group: group.join('.'), resource: plural, version: 'v1', state, message };
};
const input = (fields: Partial<StatusInput> = {}): StatusInput => ({
  generation: 1,
  acceptance: { ok: true },
  refusal: undefined,
  program: enforced,
  resources: [resource('configmaps')],
  skipped: [],
  coverage: 'All',
  totals: noTotals(),
  examples: () => [],
  violations: [],
  ledgerProblem: undefined,
  previous: {},
  now: NOW,
  ...fields,
});
const issue = (path: string, message: string) => ({ path, message });
const refusedSpec = (...issues: ReturnType<typeof issue>[]) =>
  ({ ok: false, reason: 'InvalidSpec', issues }) as const satisfies StatusInput['acceptance'];
const COPY = issue('spec.rules[0].copy', 'this field is not supported yet');
const GRANT = 'grant the operator\'s ServiceAccount apiGroups: [""], resources: ["secrets"], verbs: ["list", "watch"]';

const twoExamples = (code: string) => [`${code} a`, `${code} b`];

/** `Type Status Reason: message` */
function lines(fields: Partial<StatusInput>): string[] {
  const { conditions = [] } = buildStatus(input(fields));
  return conditions.map(
    ({ type, status, reason, message }) => `${type} ${status} ${reason}${message === '' ? '' : `: ${message}`}`,
  );
}

describe('conditions, as a user reads them', () => {
  test.each<[string, Partial<StatusInput>, string[]]>([
    [
      'all is well',
      {},
      [
        'Accepted True Accepted',
        'Watching True Watching',
        'Ready True Ready',
        'Compliant True NoViolations',
        'Contended False Quiet',
      ],
    ],
    [
      'an invalid spec, and nothing in force',
      {
        acceptance: refusedSpec(issue('spec.mode', "must be one of 'Audit' or 'Enforce'")),
        program: undefined,
        coverage: 'Pending',
      },
      [
        "Accepted False InvalidSpec: spec.mode: must be one of 'Audit' or 'Enforce'. Nothing of it is in force; keys set earlier are kept.",
        'Watching Unknown NotAccepted: No spec is in force.',
        "Ready False NotAccepted: spec.mode: must be one of 'Audit' or 'Enforce'. Nothing of it is in force; keys set earlier are kept.",
        'Compliant Unknown NotAccepted: No spec is in force.',
        'Contended False Quiet',
      ],
    ],
    [
      'an invalid spec with a question',
      {
        acceptance: refusedSpec(issue('spec.mode', "must be 'Audit'; did you mean 'Audit'?")),
        program: undefined,
        coverage: 'Pending',
      },
      expect.arrayContaining([
        "Accepted False InvalidSpec: spec.mode: must be 'Audit'; did you mean 'Audit'? Nothing of it is in force; keys set earlier are kept.",
      ]),
    ],
    [
      'an edit that is not supported, while the last generation stays in force',
      { generation: 3, acceptance: { ok: false, reason: 'NotSupported', issues: [COPY, COPY, COPY] } },
      [
        'Accepted False NotSupported: spec.rules[0].copy: this field is not supported yet (and 2 more problems). Generation 1 stays in force.',
        'Watching True Watching',
        'Ready False NotAccepted: spec.rules[0].copy: this field is not supported yet (and 2 more problems). Generation 1 stays in force.',
        'Compliant True NoViolations',
        'Contended False Quiet',
      ],
    ],
    [
      'two problems',
      { acceptance: refusedSpec(COPY, COPY), program: undefined },
      [
        expect.stringContaining('this field is not supported yet (and 1 more problem). Nothing'),
        expect.anything(),
        expect.anything(),
        expect.anything(),
        expect.anything(),
      ],
    ],
    [
      'a policy that cannot be carried out beside the others',
      { refusal: [issue('spec.match.resources[0].version', "must be 'v1'")], resources: [], coverage: 'Pending' },
      [
        "Accepted False NotSupported: spec.match.resources[0].version: must be 'v1'. Nothing of it is in force; keys set earlier are kept.",
        'Watching Unknown NotAccepted: No spec is in force.',
        "Ready False NotAccepted: spec.match.resources[0].version: must be 'v1'. Nothing of it is in force; keys set earlier are kept.",
        'Compliant Unknown NotAccepted: No spec is in force.',
        'Contended False Quiet',
      ],
    ],
    [
      'suspended',
      { program: suspended, resources: [], coverage: 'Pending' },
      [
        'Accepted True Accepted',
        'Watching Unknown Suspended: A suspended policy watches nothing.',
        'Ready True Suspended: The policy does nothing until it is resumed; its keys are kept.',
        'Compliant Unknown Suspended: A suspended policy judges nothing.',
        'Contended False Quiet',
      ],
    ],
    [
      'a kind without rights beside good ones and one that fails',
      {
        resources: [
          resource('pods'),
          resource('secrets', 'Forbidden', GRANT),
          resource('jobs.batch', 'Failed', 'no answer'),
        ],
        coverage: 'Pending',
      },
      [
        'Accepted True Accepted',
        `Watching False Forbidden: secrets: ${GRANT}.`,
        `Ready False Forbidden: secrets: ${GRANT}.`,
        'Compliant Unknown Evaluating: Not every object was evaluated yet.',
        'Contended False Quiet',
      ],
    ],
    [
      'kinds that cannot be read beside good ones, without violations there',
      { resources: [resource('pods'), resource('secrets', 'Forbidden', GRANT)], coverage: 'Partial' },
      [
        'Accepted True Accepted',
        `Watching False Forbidden: secrets: ${GRANT}.`,
        `Ready False Forbidden: secrets: ${GRANT}.`,
        'Compliant Unknown Incomplete: Some resources cannot be read, and nothing is known of their objects: see Watching.',
        'Contended False Quiet',
      ],
    ],
    [
      'kinds that cannot be read beside good ones, with a violation there',
      {
        resources: [resource('pods'), resource('jobs.batch', 'Failed', 'no answer')],
        coverage: 'Partial',
        totals: { ...noTotals(), matched: 2, violating: 1 },
      },
      [
        'Accepted True Accepted',
        'Watching False Failed: jobs.batch: no answer.',
        'Ready False Failed: jobs.batch: no answer.',
        'Compliant False Violations: 1 object breaks a rule. Some resources cannot be read, and nothing is known of their objects: see Watching.',
        'Contended False Quiet',
      ],
    ],
    [
      'a kind that fails',
      { resources: [resource('jobs.batch', 'Failed', 'no answer; it is tried again')] },
      [
        'Accepted True Accepted',
        'Watching False Failed: jobs.batch: no answer; it is tried again.',
        'Ready False Failed: jobs.batch: no answer; it is tried again.',
        'Compliant True NoViolations',
        'Contended False Quiet',
      ],
    ],
    [
      'kinds that are not synced yet',
      {
        resources: ['a', 'b', 'c', 'd', 'e'].map((name) =>
          resource(name, 'Syncing', name === 'a' ? 'discovery is not read yet' : ''),
        ),
        coverage: 'Pending',
      },
      [
        'Accepted True Accepted',
        'Watching False Syncing: Not all objects are known yet: a: discovery is not read yet; b; c (and 2 more).',
        'Ready False Syncing: Not all objects are known yet: a: discovery is not read yet; b; c (and 2 more).',
        'Compliant Unknown Evaluating: Not every object was evaluated yet.',
        'Contended False Quiet',
      ],
    ],
    [
      'a kind that is not served yet',
      {
        resources: [
          resource('pods'),
          resource('widgets.acme.io', 'NotServed', 'the API server does not serve widgets.acme.io yet'),
        ],
      },
      [
        'Accepted True Accepted',
        'Watching True WaitingForResources: widgets.acme.io: the API server does not serve widgets.acme.io yet.',
        'Ready True Ready: widgets.acme.io: the API server does not serve widgets.acme.io yet.',
        'Compliant True NoViolations',
        'Contended False Quiet',
      ],
    ],
    [
      'a ledger that cannot be written, for a policy that writes',
      { ledgerProblem: 'configmaps is forbidden' },
      [
        'Accepted True Accepted',
        'Watching True Watching',
        'Ready False LedgerUnavailable: Nothing is written while the ledger cannot be kept: configmaps is forbidden.',
        'Compliant True NoViolations',
        'Contended False Quiet',
      ],
    ],
  ])('%s', (_, fields, expected) => {
    expect(lines(fields)).toEqual(expected);
  });

  test.each([
    [{ violating: 1 }, 'Compliant False Violations: 1 object breaks a rule.'],
    [{ violating: 2 }, 'Compliant False Violations: 2 objects break a rule.'],
    [{ errors: 1 }, 'Compliant False Errors: A rule cannot be applied to 1 object.'],
    [
      { violating: 3, errors: 2 },
      'Compliant False Violations: 3 objects break a rule. A rule cannot be applied to 2 objects.',
    ],
    [{ yielded: 5, matched: 5, compliant: 5 }, 'Compliant True NoViolations'],
    [
      { pending: 1, matched: 5, compliant: 5 },
      'Compliant Unknown Evaluating: The namespace of 1 object is not known yet, and what the policy says depends on it.',
    ],
    [{ pending: 1, violating: 1 }, 'Compliant False Violations: 1 object breaks a rule.'],
  ])('Compliant says how many objects: %j', (totals, expected) => {
    expect(lines({ totals: { ...noTotals(), ...totals } })[3]).toBe(expected);
    // Violations never keep a policy from being ready.
    expect(lines({ totals: { ...noTotals(), ...totals } })[2]).toBe('Ready True Ready');
  });

  test.each([
    [{}, 'Contended False Quiet'],
    [
      { contended: 1 },
      'Contended True AnotherManager: On 1 object, a key is changed back again and again: Contended a; Contended b.',
    ],
    [
      { contended: 5 },
      'Contended True AnotherManager: On 5 objects, a key is changed back again and again: Contended a; Contended b (and 3 more).',
    ],
    [
      { oscillating: 2, contended: 2 },
      'Contended True SelfOscillation: On 2 objects, policies undo each other: SelfOscillation a; SelfOscillation b. On 2 objects, a key is changed back again and again: Contended a; Contended b.',
    ],
  ])('Contended says on how many objects, and names the first: %j', (totals, expected) => {
    expect(lines({ examples: twoExamples, totals: { ...noTotals(), ...totals } })[4]).toBe(expected);
  });

  test('keep the time of their last transition while their status is the same, whatever reason and message are', () => {
    const previous = buildStatus(input({ now: BEFORE, coverage: 'Pending', resources: [resource('pods', 'Syncing')] }));
    const { conditions = [] } = buildStatus(input({ previous, resources: [resource('pods', 'Failed', 'no')] }));
    expect(conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ['Accepted', BEFORE],
      ['Watching', BEFORE],
      ['Ready', BEFORE],
      ['Compliant', NOW],
      ['Contended', BEFORE],
    ]);
  });

  test('all carry the generation that they are about', () => {
    const {
      conditions = [],
      observedGeneration,
      enforcedGeneration,
    } = buildStatus(input({ generation: 7, acceptance: refusedSpec(COPY) }));
    expect(conditions.map((condition) => condition.observedGeneration)).toEqual([7, 7, 7, 7, 7]);
    expect([observedGeneration, enforcedGeneration]).toEqual([7, 1]);
  });
});

describe('what is in force', () => {
  test('is no generation when nothing is', () => {
    expect(
      buildStatus(input({ program: undefined, acceptance: refusedSpec(COPY) })).enforcedGeneration,
    ).toBeUndefined();
    expect(buildStatus(input({ refusal: [COPY] })).enforcedGeneration).toBeUndefined();
    expect(buildStatus(input({ program: suspended })).enforcedGeneration).toBe(1);
  });
});

describe('counts and violations', () => {
  const totals = { ...noTotals(), matched: 3, compliant: 2, violating: 1, owned: 1, results: 4, pending: 9 };
  const violation = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: 'a',
    rule: 'r',
    result: 'Violation',
    severity: 'low',
    message: 'm',
    since: NOW,
  } as const;
  const previous: WatchPolicyStatus = {
    summary: { matched: 9, compliant: 9, violating: 0, errors: 0, yielded: 0, owned: 0 },
    violations: [{ ...violation, name: 'old' }],
    violationsTotal: 1,
  };

  test('are those of now once all is evaluated', () => {
    expect(buildStatus(input({ totals, violations: [violation], previous }))).toMatchObject({
      summary: { matched: 3, compliant: 2, violating: 1, errors: 0, yielded: 0, owned: 1 },
      violations: [violation],
      violationsTotal: 4,
    });
  });

  test('are those that stand there until then', () => {
    expect(buildStatus(input({ totals, violations: [violation], previous, coverage: 'Pending' }))).toMatchObject(
      previous,
    );
    const first = buildStatus(input({ totals, coverage: 'Pending' }));
    expect(['summary', 'violations', 'violationsTotal'].filter((field) => field in first)).toEqual([]);
  });

  test.each<[string, Partial<StatusInput>]>([
    ['is suspended', { program: suspended }],
    ['has nothing in force', { program: undefined, acceptance: refusedSpec(COPY) }],
    ['cannot be carried out', { refusal: [COPY] }],
  ])('are left out for a policy that %s: what was true once is not told as true', (_, fields) => {
    const status = buildStatus(input({ ...fields, totals, previous, coverage: 'Pending' }));
    expect(['summary', 'violations', 'violationsTotal'].filter((field) => field in status)).toEqual([]);
  });
});

describe('resources', () => {
  test('are counted by state and listed with the unhealthy ones first, in the order of the spec', () => {
    const resources = [
      resource('ok'),
      resource('late', 'NotServed', 'x'),
      resource('bad', 'Failed', 'x'),
      resource('no', 'Forbidden', 'x'),
      resource('soon', 'Syncing'),
      resource('fine'),
    ];
    const status = buildStatus(input({ resources }));
    expect(status.resources?.map((one) => one.resource)).toEqual(['no', 'bad', 'late', 'soon', 'fine', 'ok']);
    expect(status.watching).toEqual({ synced: 2, notServed: 1, forbidden: 1, failed: 1, skipped: 0 });
  });
});

const because = (reason: string, ...names: string[]) => names.map((name) => ({ name, reason }));
const messageOf = (skipped: StatusInput['skipped'], type: string) =>
  buildStatus(input({ skipped })).conditions?.find((condition) => condition.type === type)?.message;

describe('what globs leave out', () => {
  test('is counted, and told by reason', () => {
    const skipped = [
      ...because('Secrets must be named exactly', 'secrets'),
      ...because('all of these', 'a', 'b', 'c', 'd', 'e', 'f', 'g'),
    ];
    expect(buildStatus(input({ skipped })).watching?.skipped).toBe(8);
    expect(messageOf(skipped, 'Watching')).toBe(
      'Globs leave out 8 resources: secrets (Secrets must be named exactly); a, b, c, d, e and 2 more (all of these).',
    );
  });

  test('is nothing to act on', () => {
    expect(messageOf(because('never', 'a'), 'Ready')).toBe('');
  });

  test('does not fill the status, whatever the reasons', () => {
    const skipped = Array.from({ length: 300 }, (_, i) => ({ name: `n${i}`, reason: `reason ${i}` }));
    const message = messageOf(skipped, 'Watching') ?? '';
    expect(message.length).toBeLessThan(400);
    expect(message).toMatch(/^Globs leave out 300 resources: n0 \(reason 0\); .* and others for 292 other reasons\.$/);
  });
});

test('of resources with the same state those of the core group come first', () => {
  const resources = ['z.apps', 'b', 'a.batch', 'a', 'a.apps'].map((name) => resource(name));
  const listed = buildStatus(input({ resources })).resources?.map(
    ({ group, resource: plural }) => `${group}/${plural}`,
  );
  expect(listed).toEqual(['/a', '/b', 'apps/a', 'apps/z', 'batch/a']);
});

test('a message longer than the API server takes is cut', () => {
  const status = buildStatus(input({ ledgerProblem: 'x'.repeat(40_000) }));
  expect(status.conditions?.[2]?.message).toHaveLength(BOUNDS.conditionMessage);
  expect(watchPolicyStatusSchema.safeParse(status).success).toBe(true);
});

test('what is compared for a write at once leaves out the counts, and nothing else', () => {
  const one = buildStatus(input());
  const counts = buildStatus(input({ totals: { ...noTotals(), matched: 5, compliant: 5, owned: 2 } }));
  expect(withoutCounts(counts)).toEqual(withoutCounts(one));
  const violating = buildStatus(input({ totals: { ...noTotals(), violating: 1, results: 1 } }));
  expect(withoutCounts(violating)).not.toEqual(withoutCounts(one));
});

test('whatever goes in, what comes out is valid, within its bounds, and says why', () => {
  const words = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('x'.repeat(257), '\u{1F600}'.repeat(300), ''),
  );
  const state = fc.constantFrom<WatchedResource['state']>('Syncing', 'Watching', 'NotServed', 'Forbidden', 'Failed');
  const dns = fc.stringMatching(/^[a-z]{1,20}$/);
  const anyResource = fc.record({
    group: fc.constantFrom('', 'apps'),
    resource: dns,
    version: dns,
    state,
    message: words,
  });
  const issues = fc.array(fc.record({ path: words, message: words }), { minLength: 1, maxLength: 80, size: 'medium' });
  const count = fc.nat(1_000_000);
  const totals = fc.record({
    matched: count,
    compliant: count,
    violating: count,
    errors: count,
    yielded: count,
    owned: count,
    pending: count,
    awaited: count,
    results: count,
    contended: count,
    oscillating: count,
  });
  const violation = fc.record({
    apiVersion: fc.constant('v1'),
    kind: fc.constant('Pod'),
    name: dns,
    rule: dns,
    result: fc.constantFrom('Violation' as const, 'Error' as const, 'Yielded' as const),
    severity: fc.constantFrom(...SEVERITIES),
    message: fc.constantFrom('', 'x'.repeat(256)),
    since: fc.constant(BEFORE),
  });
  const acceptance: fc.Arbitrary<StatusInput['acceptance']> = fc.oneof(
    fc.constant({ ok: true as const }),
    fc.record({
      ok: fc.constant(false as const),
      reason: fc.constantFrom('InvalidSpec' as const, 'NotSupported' as const),
      issues,
    }),
  );
  const anyInput = fc.record({
    generation: count,
    acceptance,
    refusal: fc.option(issues, { nil: undefined }),
    program: fc.constantFrom(undefined, enforced, audited, suspended),
    resources: fc.array(anyResource, { maxLength: 60, size: 'large' }),
    skipped: fc.array(fc.record({ name: dns, reason: words }), { maxLength: 300, size: 'large' }),
    coverage: fc.constantFrom('All', 'Partial', 'Pending'),
    totals,
    examples: fc.constantFrom(
      () => [],
      () => ['ConfigMap a/b: x'],
      () => ['x'.repeat(40_000)],
    ),
    violations: fc.array(violation, { maxLength: 10 }),
    ledgerProblem: fc.constantFrom(undefined, 'no answer', 'x'.repeat(40_000)),
    now: fc.constant(NOW),
  });
  fc.assert(
    fc.property(anyInput, anyInput, (first, second) => {
      const previous = buildStatus({ ...first, previous: {} });
      const status = buildStatus({ ...second, previous });
      const parsed = watchPolicyStatusSchema.safeParse(status);
      expect(parsed.error?.issues).toBeUndefined();
      expect(parsed.data).toEqual(status);
      expect(status.resources?.length).toBeLessThanOrEqual(BOUNDS.statusResources);
      expect(status.conditions?.map(({ type }) => type)).toEqual(CONDITION_TYPES);
      for (const { type, reason } of status.conditions ?? []) {
        const known: readonly string[] = Object.entries(CONDITION_REASONS).find(([name]) => name === type)?.[1] ?? [];
        expect(known).toContain(reason);
      }
    }),
    { numRuns: 100 },
  );
});
