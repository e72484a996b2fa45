import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { BOUNDS } from '../src/api/bounds.ts';
import { COHABITING } from '../src/api/cohabitation.ts';
import { neverTarget } from '../src/api/protected-keys.ts';
import { parseGroupResourceName } from '../src/api/resource.ts';

const parts = join(import.meta.dirname, '..', 'deploy', 'parts');
const expressions = z.array(z.object({ expression: z.string().optional(), messageExpression: z.string().optional() }));
const documentSchema = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    failurePolicy: z.string().optional(),
    policyName: z.string().optional(),
    validationActions: z.array(z.string()).optional(),
    matchConditions: expressions.default([]),
    variables: expressions.default([]),
    validations: expressions.default([]),
  }),
});
const documents = ['guard.yaml', 'authors.yaml'].flatMap((file) =>
  parseAllDocuments(readFileSync(join(parts, file), 'utf8')).map((document) => documentSchema.parse(document.toJS())),
);
const policies = documents.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');

test('each admission policy is bound, and refuses what it fails on', () => {
  const bound = documents.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding').map(({ spec }) => spec);
  expect(bound.map(({ policyName }) => policyName)).toEqual(policies.map(({ metadata }) => metadata.name));
  for (const { validationActions } of bound) expect(validationActions).toEqual(['Deny']);
  for (const { spec } of policies) expect(spec.failurePolicy).toBe('Fail');
});

/** What Kubernetes 1.30 has of CEL, as far as it is used. */
const KNOWN =
  'all allowed check contains endsWith exists filter group has join map matches replace resource size split startsWith';

test('expressions use only functions that Kubernetes 1.30 knows', () => {
  const used = policies.flatMap(({ spec }) =>
    [...spec.matchConditions, ...spec.variables, ...spec.validations].flatMap(({ expression, messageExpression }) => {
      const code = `${expression ?? ''} ${messageExpression ?? ''}`.replaceAll(/r?'[^']*'/g, "''");
      return [...code.matchAll(/([A-Za-z]+)\(/g)].map(([, name]) => name);
    }),
  );
  expect([...new Set(used)].filter((name) => !KNOWN.split(' ').includes(name ?? ''))).toEqual([]);
});

test('there is a validation for each entry that the API takes', () => {
  const counts = Object.fromEntries(policies.map(({ metadata, spec }) => [metadata.name, spec.validations.length]));
  expect(counts).toMatchObject({
    'watchkeeper-authors-writes': BOUNDS.resources,
    'watchkeeper-authors-judgements': BOUNDS.resources,
    'watchkeeper-authors-lookups': BOUNDS.lookups,
  });
});

test("the further names of resources are in the group 'extensions', which asks for all groups", () => {
  const further = COHABITING.flatMap((names) => names.slice(1))
    .map(parseGroupResourceName)
    .filter((name) => neverTarget(name) === undefined);
  expect(new Set(further.map(({ group }) => group))).toEqual(new Set(['extensions']));
});
