import { describe, expect, test } from 'vitest';
import { enforcing, programOf } from '../../test/support/compiled-policy.ts';
import { goodPolicies } from '../../test/support/policy-fixtures.ts';
import { MAX_ISSUES } from '../api/parse-policy.ts';
import { type CompileResult, compilePolicy } from './compile.ts';

function compiled(fields: Readonly<Record<string, unknown>>): CompileResult {
  return compilePolicy({ name: 'p', uid: 'u', generation: 7, spec: enforcing(fields) });
}

/** `path: message` of every issue, after the reason. */
function refusal(fields: Readonly<Record<string, unknown>>): readonly string[] {
  const result = compiled(fields);
  if (result.ok) return ['accepted'];
  return [result.reason, ...result.issues.map(({ path, message }) => `${path}: ${message}`)];
}

const setting = (key: object) => [{ name: 'r1', set: { labels: [key] } }];
const REQUIRE = [{ name: 'r1', require: { labels: [{ key: 'team' }] } }];
const matching = (fields: object) => ({ match: { resources: [{ group: '', resource: 'configmaps' }], ...fields } });

/** What a policy on such resources says of ConfigMaps. */
function fitOfConfigMaps(resource: string, rules: readonly object[]) {
  const { about } = programOf('p', { match: { resources: [{ group: '', resource, version: 'v1' }] }, rules });
  return about({ group: '', resource: 'configmaps', scope: 'Namespaced' });
}

describe('a program', () => {
  const rules = [
    {
      name: 'set-and-more',
      severity: 'high',
      message: 'm',
      set: {
        labels: [{ key: 'team', valueFrom: { jsonPath: '$.spec.team' } }],
        annotations: [{ key: 'a', value: '1' }],
      },
    },
    {
      name: 'defaults',
      default: {
        labels: [
          { key: 'env', value: 'dev' },
          { key: 'team', value: 'x' },
        ],
      },
    },
    { name: 'needs', require: { annotations: [{ key: 'owner' }] } },
  ];
  const program = programOf('p', { priority: 5, removalPolicy: 'Retain', severity: 'low', rules });

  test('knows what it is', () => {
    expect(program).toMatchObject({
      policy: 'p',
      uid: 'uid-p',
      generation: 1,
      mode: 'Enforce',
      priority: 5,
      removal: 'Retain',
    });
  });

  test('says which keys it can write, each once and sorted', () => {
    expect(program.writes).toEqual({ labels: ['env', 'team'], annotations: ['a'] });
  });

  test('says what it reads', () => {
    expect(program.reads).toEqual({ fields: ['spec'], namespaceLabels: false, namespaceAnnotations: false });
  });

  test('keeps the order of its rules, and their severity or its own', () => {
    expect(program.rules.map(({ name, severity, message }) => [name, severity, message])).toEqual([
      ['set-and-more', 'high', 'm'],
      ['defaults', 'low', undefined],
      ['needs', 'low', undefined],
    ]);
    expect(
      program.rules.map(({ writes }) => writes.map(({ decides }) => [...decides.labels, ...decides.annotations])),
    ).toEqual([[['team'], ['a']], [['env'], ['team']], []]);
  });

  test('names the place of each target in the spec', () => {
    const { targets } = programOf('p', {
      match: {
        resources: [
          { group: '', resource: 'configmaps' },
          { group: 'apps', resource: 'deployments', version: 'v1' },
        ],
      },
      rules: REQUIRE,
    });
    expect(targets).toEqual([
      { group: '', resource: 'configmaps', version: undefined, scope: '*', path: 'spec.match.resources[0]' },
      { group: 'apps', resource: 'deployments', version: 'v1', scope: '*', path: 'spec.match.resources[1]' },
    ]);
  });

  test.each<[string, Readonly<Record<string, unknown>>, readonly string[], boolean]>([
    ['a literal', { rules: setting({ key: 'a', value: 'b' }) }, [], false],
    ['metadata', { rules: setting({ key: 'a', valueFrom: { jsonPath: '$.metadata.name' } }) }, [], false],
    ['kind', { rules: setting({ key: 'a', valueFrom: { jsonPath: '$.kind' } }) }, [], false],
    ['data', { rules: setting({ key: 'a', valueFrom: { jsonPath: '$.data.x' } }) }, ['data'], false],
    ["the namespace's label", { rules: setting({ key: 'a', valueFrom: { namespaceLabel: 'x' } }) }, [], true],
    ['a namespaceSelector', { ...matching({ namespaceSelector: {} }), rules: REQUIRE }, [], true],
    ['a namespaceSelector in exclude', { exclude: [{ namespaceSelector: {} }], rules: REQUIRE }, [], true],
    ['namespaces by name', { ...matching({ namespaces: ['a*'] }), rules: REQUIRE }, [], false],
  ])('reads no more than it needs: %s', (_, fields, expected, namespaceLabels) => {
    expect(programOf('p', fields).reads).toMatchObject({ fields: expected, namespaceLabels });
  });
});

const write = (action: object) => ({ rules: [{ name: 'r1', ...action }] });

function issuesIn(ownNamespace: string | undefined, namespaces: readonly string[]): readonly string[] {
  const spec = { match: { resources: [{ group: '', resource: 'configmaps' }], namespaces }, rules: REQUIRE };
  const result = compilePolicy({ name: 'p', uid: 'u', generation: 1, spec }, { ownNamespace });
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path}: ${message}`);
}

test("a policy that names the operator's own namespace is refused; a glob that fits it too is not", () => {
  expect(issuesIn('ops', ['a', 'ops'])).toEqual([
    "spec.match.namespaces[1]: must not be 'ops', the operator's own namespace: objects in it are never touched",
  ]);
  expect(issuesIn('ops', ['a', 'op*'])).toEqual([]);
  expect(issuesIn('watchkeeper', ['a', 'ops'])).toEqual([]);
  expect(issuesIn(undefined, ['a', 'ops'])).toEqual([]);
});

describe('what this version does not carry out is refused with its path', () => {
  const condition = { conditions: [{ name: 'c', expression: 'true' }] };
  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['spec.variables: this field', { variables: [{ name: 'v', expression: '1' }], rules: REQUIRE }],
    ['spec.lookups: this field', { lookups: [{ name: 'l', owner: 'Root' }], rules: REQUIRE }],
    ['spec.match.conditions: this field', { ...matching(condition), rules: REQUIRE }],
    ['spec.exclude[1].conditions: this field', { exclude: [{ names: ['a'] }, condition], rules: REQUIRE }],
    ['spec.rules[0].conditions: this field', { rules: [{ ...REQUIRE[0], ...condition }] }],
    ['spec.rules[0].validate: this field', write({ validate: [{ expression: 'true' }] })],
    ['spec.rules[0].unique: this field', write({ unique: { valueFrom: { jsonPath: '$.spec.x' }, scope: 'Cluster' } })],
    ['spec.rules[0].limit: this field', write({ limit: { max: 1, per: 'Cluster' } })],
    [
      'spec.rules[0].set.labels[0].valueFrom.expression: this field',
      { rules: setting({ key: 'a', valueFrom: { expression: '1' } }) },
    ],
  ])('%s', (issue, fields) => {
    expect(refusal(fields)).toEqual(['NotSupported', `${issue} is not supported yet`]);
  });

  test('a copy from a lookup', () => {
    const fields = {
      lookups: [{ name: 'l', owner: 'Root' }],
      ...write({ copy: { from: 'Lookup', lookup: 'l', labels: ['a'] } }),
    };
    expect(refusal(fields)).toContain("spec.rules[0].copy.from: 'Lookup' is not supported yet");
  });

  test('all of it at once', () => {
    const fields = {
      variables: [{ name: 'a', expression: '1' }],
      rules: setting({ key: 'a', valueFrom: { expression: '1' } }),
    };
    expect(refusal(fields)).toHaveLength(3);
  });

  test('a policy with every field of the API is refused with as many issues as are shown, and no more', () => {
    const everything = goodPolicies().find(({ metadata }) => metadata.name === 'everything.acme.io');
    const result = compilePolicy({ name: 'p', uid: 'u', generation: 1, spec: everything?.spec });
    expect(result).toMatchObject({ ok: false, reason: 'NotSupported' });
    expect(result.ok || result.issues.length).toBeLessThanOrEqual(MAX_ISSUES);
  });
});

describe('what cannot be carried out is refused with its path', () => {
  const relied = 'a key on which Kubernetes or other tools rely';
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'a key that is never written',
      { rules: setting({ key: 'pod-template-hash', value: 'x' }) },
      `spec.rules[0].set.labels[0].key: must not be 'pod-template-hash', ${relied}: it is never written`,
    ],
    [
      'an annotation that is never written',
      { rules: [{ name: 'r1', default: { annotations: [{ key: 'meta.helm.sh/release-name', value: 'x' }] } }] },
      `spec.rules[0].default.annotations[0].key: must not be 'meta.helm.sh/release-name', ${relied}: it is never written`,
    ],
    [
      'a key that only the owner may allow',
      { rules: setting({ key: 'pod-security.kubernetes.io/enforce', value: 'x' }) },
      `spec.rules[0].set.labels[0].key: must not be 'pod-security.kubernetes.io/enforce', ${relied}; the cluster's owner can allow it with --allow-keys`,
    ],
    [
      'a kind that is never a target',
      { match: { resources: [{ group: '', resource: 'events' }] }, rules: REQUIRE },
      "spec.match.resources[0].resource: must not be 'events': Events come by the thousand and go by themselves",
    ],
    [
      'a path that is none',
      { rules: setting({ key: 'a', valueFrom: { jsonPath: '$.spec[?(@.x)]' } }) },
      "spec.rules[0].set.labels[0].valueFrom.jsonPath: must not hold filters or scripts, found one at '[?(@.x)]'; use a CEL expression for that",
    ],
    [
      'a pattern that is none',
      { rules: [{ name: 'r1', require: { labels: [{ key: 'a', pattern: '(' }] } }] },
      'spec.rules[0].require.labels[0].pattern: must be an RE2 regular expression: ',
    ],
    [
      'a pattern that only a backtracking engine knows',
      { rules: [{ name: 'r1', require: { labels: [{ key: 'a', pattern: '(?=a)' }] } }] },
      'spec.rules[0].require.labels[0].pattern: must be an RE2 regular expression: ',
    ],
    [
      'more of Secrets than metadata',
      {
        match: { resources: [{ group: '', resource: 'secrets', version: 'v1' }] },
        rules: setting({ key: 'a', valueFrom: { jsonPath: '$.data.x' } }),
      },
      "spec.match.resources[0].resource: must not be 'secrets' in a policy that reads 'data': of Secrets only metadata is read",
    ],
  ])('%s', (_, fields, issue) => {
    const [reason, ...issues] = refusal(fields);
    expect(reason).toBe('InvalidSpec');
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(issue);
  });

  test('ConfigMaps are reached by globs only where their data is not read, and by their name always', () => {
    const reading = setting({ key: 'a', valueFrom: { jsonPath: '$.data.x' } });
    const reason = 'ConfigMaps must be named exactly where their data is read';
    expect(fitOfConfigMaps('config*', reading)).toEqual({ kind: 'Skipped', reason });
    expect([fitOfConfigMaps('config*', REQUIRE).kind, fitOfConfigMaps('configmaps', reading).kind]).toEqual([
      'Globbed',
      'Named',
    ]);
  });

  test.each([
    [
      'protected keys may be required',
      { rules: [{ name: 'r1', require: { labels: [{ key: 'pod-template-hash' }] } }] },
    ],
    ['app.kubernetes.io/name is free', { rules: setting({ key: 'app.kubernetes.io/name', value: 'x' }) }],
    [
      'annotations of kubernetes.io that nobody relies on are free',
      { rules: [{ name: 'r1', set: { annotations: [{ key: 'foo.kubernetes.io/x', value: 'x' }] } }] },
    ],
    [
      'metadata of Secrets may be read',
      {
        match: { resources: [{ group: '', resource: 'secrets' }] },
        rules: setting({ key: 'a', valueFrom: { jsonPath: '$.metadata.name' } }),
      },
    ],
    [
      'a resource called secrets in another group is none of these',
      {
        match: { resources: [{ group: 'acme.io', resource: 'secrets', version: 'v1' }] },
        rules: setting({ key: 'a', valueFrom: { jsonPath: '$.data.x' } }),
      },
    ],
  ])('%s', (_, fields) => {
    expect(refusal(fields)).toEqual(['accepted']);
  });

  test('every problem is named at once', () => {
    const [, ...issues] = refusal({
      match: {
        resources: [
          { group: '', resource: 'leases' },
          { group: 'coordination.k8s.io', resource: 'leases' },
          { group: '', resource: 'secrets' },
        ],
      },
      rules: [
        {
          name: 'r1',
          set: {
            labels: [
              { key: 'job-name', value: 'x' },
              { key: 'a', valueFrom: { jsonPath: '$.spec.x' } },
            ],
          },
        },
        { name: 'r2', require: { annotations: [{ key: 'ok' }, { key: 'b', pattern: '[' }] } },
      ],
    });
    expect(issues.map((issue) => issue.slice(0, issue.indexOf(':')))).toEqual([
      'spec.match.resources[1].resource',
      'spec.rules[0].set.labels[0].key',
      'spec.rules[1].require.annotations[1].pattern',
      'spec.match.resources[2].resource',
    ]);
  });

  test('no more issues than are shown', () => {
    const labels = Array.from({ length: 64 }, (_, i) => ({ key: `helm.sh/k${i}`, value: 'x' }));
    expect(refusal({ rules: [{ name: 'r1', set: { labels } }] })).toHaveLength(1 + MAX_ISSUES);
  });

  test.each([undefined, null, 3, 'x', [], {}])('a spec that is %j is refused', (spec) => {
    const result = compilePolicy({ name: 'p', uid: 'u', generation: 1, spec });
    expect(result).toMatchObject({ ok: false, reason: 'InvalidSpec' });
  });
});

const byExpression = (operator: string, values?: readonly string[]) => ({
  objectSelector: {
    matchExpressions: [
      { key: 'other', operator: 'Exists' },
      { key: 'env', operator, ...(values === undefined ? {} : { values }) },
    ],
  },
});

describe('a policy that undoes its own writes is refused', () => {
  const rules = setting({ key: 'env', value: 'prod' });
  const byLabel = { objectSelector: { matchLabels: { env: 'staging' } } };
  const namespaces = {
    resources: [{ group: '', resource: 'namespaces' }],
    namespaceSelector: { matchLabels: { env: 'x' } },
  };

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['matchLabels', matching(byLabel), 'spec.match.objectSelector.matchLabels[env]'],
    ['In', matching(byExpression('In', ['a'])), 'spec.match.objectSelector.matchExpressions[1]'],
    ['Exists', matching(byExpression('Exists')), 'spec.match.objectSelector.matchExpressions[1]'],
    [
      'exclude: DoesNotExist',
      { exclude: [{ names: ['a'] }, byExpression('DoesNotExist')] },
      'spec.exclude[1].objectSelector.matchExpressions[1]',
    ],
    [
      'exclude: NotIn',
      { exclude: [byExpression('NotIn', ['a'])] },
      'spec.exclude[0].objectSelector.matchExpressions[1]',
    ],
    [
      'a path to the label itself',
      { rules: setting({ key: 'env', valueFrom: { jsonPath: '$.metadata.labels.env' } }) },
      'spec.rules[0].set.labels[0].valueFrom.jsonPath',
    ],
    [
      'a path to a label that another rule sets',
      {
        rules: [
          ...rules,
          { name: 'r2', default: { annotations: [{ key: 'a', valueFrom: { jsonPath: "$.metadata.labels['env']" } }] } },
        ],
      },
      'spec.rules[1].default.annotations[0].valueFrom.jsonPath',
    ],
    [
      'a path to all labels',
      {
        rules: [
          ...rules,
          { name: 'r2', set: { annotations: [{ key: 'a', valueFrom: { jsonPath: '$.metadata.labels.*' } }] } },
        ],
      },
      'spec.rules[1].set.annotations[0].valueFrom.jsonPath',
    ],
    ['a Namespace by its own labels', { match: namespaces }, 'spec.match.namespaceSelector.matchLabels[env]'],
    [
      'a Namespace that a glob brings in',
      { match: { ...namespaces, resources: [{ group: '*', resource: '*' }] } },
      'spec.match.namespaceSelector.matchLabels[env]',
    ],
  ])('%s', (_, fields, path) => {
    const [reason, ...issues] = refusal({ rules, ...fields });
    expect(reason).toBe('InvalidSpec');
    expect(issues).toEqual([
      expect.stringContaining(`${path}: must not ask for label 'env', which a rule of this policy sets`),
    ]);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    [
      'Namespaces are not of the scope of its glob',
      { match: { ...namespaces, resources: [{ group: '*', resource: '*', scope: 'Namespaced' }] }, rules },
    ],
    [
      'Namespaces are left out altogether',
      {
        match: { ...namespaces, resources: [{ group: '*', resource: '*' }] },
        exclude: [{ resources: [{ group: '', resource: 'namespaces' }] }],
        rules,
      },
    ],
    ['it asks that the label is absent', { ...matching(byExpression('DoesNotExist')), rules }],
    ['it asks for other values', { ...matching(byExpression('NotIn', ['prod'])), rules }],
    [
      'exclude asks that the label is absent',
      { exclude: [byLabel, byExpression('Exists'), byExpression('In', ['a'])], rules },
    ],
    ['it retains its keys', { ...matching(byLabel), removalPolicy: 'Retain', rules }],
    [
      'it asks for a label that it does not write',
      { ...matching({ objectSelector: { matchLabels: { app: 'x' } } }), rules },
    ],
    [
      'it writes an annotation of that name',
      { ...matching(byLabel), rules: [{ name: 'r1', set: { annotations: [{ key: 'env', value: 'x' }] } }] },
    ],
    [
      'it only defaults the label',
      { ...matching(byLabel), rules: [{ name: 'r1', default: { labels: [{ key: 'env', value: 'x' }] } }] },
    ],
    [
      'it selects namespaces of other objects',
      { ...matching({ namespaceSelector: { matchLabels: { env: 'x' } } }), rules },
    ],
  ])('but not when %s', (_, fields) => {
    expect(refusal(fields)).toEqual(['accepted']);
  });
});
