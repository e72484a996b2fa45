import { describe, expect, test } from 'vitest';
import { badPolicies, goodPolicies, specOver } from '../../test/support/policy-fixtures.ts';
import { BOUNDS } from './bounds.ts';
import { MAX_ISSUES, parsePolicySpec, policyNameProblem } from './parse-policy.ts';

function issuesOf(spec: unknown) {
  const parsed = parsePolicySpec(spec);
  return parsed.ok ? [] : parsed.issues;
}

describe('parsePolicySpec', () => {
  test.each(goodPolicies())('accepts $metadata.name', ({ spec }) => {
    expect(issuesOf(spec)).toEqual([]);
  });

  test.each(badPolicies())('refuses $name', ({ spec, path, message }) => {
    expect(issuesOf(spec)[0]).toEqual({ path, message });
  });

  test('fills in every default', () => {
    const parsed = parsePolicySpec(
      specOver({
        match: { resources: [{ group: 'apps', resource: 'deployments' }] },
        rules: [
          { name: 'a', set: { labels: [{ key: 'env', value: 'prod' }] } },
          { name: 'b', copy: { from: 'Namespace', labels: ['a'] } },
          { name: 'c', check: { jsonPath: '$.a', operator: 'Exists' } },
        ],
      }),
    );
    expect(parsed).toEqual({
      ok: true,
      spec: {
        mode: 'Audit',
        severity: 'medium',
        priority: 0,
        removalPolicy: 'Remove',
        match: { resources: [{ group: 'apps', resource: 'deployments', scope: '*' }] },
        rules: [
          { name: 'a', subject: 'Object', set: { labels: [{ key: 'env', value: 'prod', invalidValue: 'Report' }] } },
          { name: 'b', subject: 'Object', copy: { from: 'Namespace', labels: ['a'], overwrite: 'Always' } },
          { name: 'c', subject: 'Object', check: { jsonPath: '$.a', operator: 'Exists', quantifier: 'All' } },
        ],
      },
    });
  });

  test('names every field that is wrong, not only the first', () => {
    const issues = issuesOf(specOver({ mode: 'audit', priority: 'high', rules: 'none', wrong: 1, worse: 2 }));
    expect(issues.map(({ path }) => path)).toEqual([
      'spec.mode',
      'spec.priority',
      'spec.rules',
      'spec.wrong',
      'spec.worse',
    ]);
  });

  test('counts characters as the API server does, not UTF-16 units', () => {
    expect(issuesOf(specOver({ category: '🏷'.repeat(BOUNDS.category) }))).toEqual([]);
    expect(issuesOf(specOver({ category: '🏷'.repeat(BOUNDS.category + 1) }))).toEqual([
      { path: 'spec.category', message: 'must be at most 64 characters long, found 65' },
    ]);
  });

  test('keeps a message short and on one line, whatever was found', () => {
    const [issue] = issuesOf(specOver({ mode: `a\nb\u2028${'c'.repeat(100_000)}` }));
    expect(issue?.message).toBe(
      `must be one of 'Audit', 'Enforce' or 'Suspended', found 'a\ufffdb\ufffd${'c'.repeat(57)}...'`,
    );
  });

  test('keeps keywords of a JSON Schema as they are', () => {
    const schema = { type: 'object', enum: [null, 1, 'x'], properties: { a: { const: null } }, 'x-y': [{ z: {} }] };
    const parsed = parsePolicySpec(specOver({ rules: [{ name: 'r', jsonSchema: { jsonPath: '$', schema } }] }));
    expect(parsed.ok && parsed.spec.rules[0]?.jsonSchema?.schema).toEqual(schema);
  });
});

function deep(levels: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < levels; level++) value = { not: value };
  return { rules: [{ name: 'r', jsonSchema: { jsonPath: '$', schema: value } }] };
}

describe('parsePolicySpec never throws', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['match'] = cyclic;

  test.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'spec', 'is required and must be an object'],
    ['null', null, 'spec', 'must be an object, found null; leave the field out instead'],
    ['a list', [], 'spec', 'must be an object, found a list'],
    ['a text', 'spec', 'spec', "must be an object, found 'spec'"],
    ['a function', { match: () => {} }, 'spec.match', 'must be JSON, found a function'],
    ['a big integer', { priority: 5n }, 'spec.priority', 'must be JSON, found a bigint'],
    ['infinity', { priority: Number.POSITIVE_INFINITY }, 'spec.priority', 'must be a finite number, found Infinity'],
    ['a hundred thousand levels', deep(100_000), 'spec', 'must be nested at most 64 levels deep'],
    ['a cycle', cyclic, 'spec', 'must be nested at most 64 levels deep'],
    [
      'a long list',
      { rules: Array.from({ length: 200_000 }, () => 0) },
      'spec',
      'must hold at most 100000 members and entries',
    ],
    [
      'a prototype',
      JSON.parse('{"rules":[{"name":"r","__proto__":{"mode":"Enforce"}}]}'),
      'spec.rules[0]',
      "must not hold a member '__proto__'",
    ],
    [
      'a prototype as a label',
      JSON.parse('{"match":{"objectSelector":{"matchLabels":{"__proto__":"a"}}}}'),
      'spec.match.objectSelector.matchLabels',
      "must not hold a member '__proto__'",
    ],
    [
      'a getter that throws',
      Object.defineProperty({}, 'mode', {
        enumerable: true,
        get() {
          throw new Error('no');
        },
      }),
      'spec',
      'cannot be read: no',
    ],
  ])('on %s', (_, spec, path, message) => {
    expect(issuesOf(spec)[0]).toEqual({ path, message });
  });

  test('and lists no more issues than anybody reads', () => {
    const spec = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field${index}`, index]));
    expect(issuesOf(spec)).toHaveLength(MAX_ISSUES);
    const rules = Array.from({ length: 64 }, (_, index) => ({ name: `r${index}`, wrong: 1, worse: 2 }));
    expect(issuesOf(specOver({ rules }))).toHaveLength(MAX_ISSUES);
  });

  test('and takes constructor and toString for what they are: unknown fields and good label keys', () => {
    expect(issuesOf(specOver({ constructor: {}, toString: {} })).map(({ path }) => path)).toEqual([
      'spec.constructor',
      'spec.toString',
    ]);
    const match = {
      resources: [{ group: '', resource: 'pods' }],
      objectSelector: { matchLabels: { constructor: 'a' } },
    };
    expect(issuesOf(specOver({ match }))).toEqual([]);
    expect(
      issuesOf(specOver({ rules: [{ name: 'r', set: { labels: [{ key: 'constructor', value: 'x' }] } }] })),
    ).toEqual([]);
  });
});

test('the name of a policy is a DNS subdomain', () => {
  expect(policyNameProblem('cost-center.acme.io')).toBeUndefined();
  expect(policyNameProblem('Cost')).toContain("found 'Cost'");
});
