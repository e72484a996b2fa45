import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { parsePolicySpec } from '../../src/api/parse-policy.ts';
import { watchPolicyStatusSchema } from '../../src/api/status.ts';
import { type Admin, createAdmin } from '../cluster/api.ts';
import { at, conditionOf } from '../cluster/kube-object.ts';
import { sharedControlPlane } from '../cluster/shared.ts';
import { badPolicies, goodPolicies, specOver } from '../support/policy-fixtures.ts';

const CRD = 'watchpolicies.watchkeeper.dev';
const CRD_PATH = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD}`;
const CRD_FILE = fileURLToPath(new URL('../../crds/watchkeeper.dev_watchpolicies.yaml', import.meta.url));
const POLICIES = '/apis/watchkeeper.dev/v1alpha1/watchpolicies';
const TABLE = 'application/json;as=Table;g=meta.k8s.io;v=v1';
const tableSchema = z.object({
  columnDefinitions: z.array(z.object({ name: z.string(), priority: z.number() })),
  rows: z.array(z.object({ cells: z.array(z.unknown()) })),
});

let admin: Admin;

beforeAll(async () => {
  admin = await createAdmin(await sharedControlPlane());
  await admin.applyFile(CRD_FILE);
  await admin.waitForCrd(CRD);
});

afterAll(async () => {
  await admin.delete(CRD_PATH);
  await admin.waitForGone(CRD_PATH);
  admin.close();
});

/** As `kubectl apply --validate=strict` would, but nothing is kept. */
async function tryPolicy(name: string, spec: unknown) {
  const body = { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', metadata: { name }, spec };
  const headers = { 'content-type': 'application/json' };
  const query = '?dryRun=All&fieldValidation=Strict';
  const { status, body: answer } = await admin.request('POST', `${POLICIES}${query}`, body, headers);
  const parsed: unknown = JSON.parse(answer);
  const message = at(parsed, 'message');
  return { status, object: parsed, message: typeof message === 'string' ? message : '' };
}

describe('the CustomResourceDefinition', () => {
  test('is accepted as it is in the file, with a structural schema', async () => {
    const crd = await admin.get(CRD_PATH);
    expect(conditionOf(crd, 'Established')).toMatchObject({ status: 'True' });
    expect(conditionOf(crd, 'NamesAccepted')).toMatchObject({ status: 'True' });
    expect(conditionOf(crd, 'NonStructuralSchema')).toBeUndefined();
  });

  test('is found by its short name and category', async () => {
    const { resources } = Object(await admin.json('GET', '/apis/watchkeeper.dev/v1alpha1'));
    expect(resources).toContainEqual(
      expect.objectContaining({
        name: 'watchpolicies',
        singularName: 'watchpolicy',
        namespaced: false,
        shortNames: ['wp'],
        categories: ['watchkeeper'],
      }),
    );
    expect(resources).toContainEqual(expect.objectContaining({ name: 'watchpolicies/status' }));
  });
});

describe('the API server and this process agree', () => {
  test.each(goodPolicies())('to accept $metadata.name, and on its defaults', async ({ metadata, spec }) => {
    const { status, object, message } = await tryPolicy(metadata.name, spec);
    expect(message).toBe('');
    expect(status).toBe(201);
    expect(parsePolicySpec(spec)).toEqual({ ok: true, spec: at(object, 'spec') });
  });

  test.each(badPolicies())('to refuse $name', async ({ spec, server }) => {
    expect(parsePolicySpec(spec).ok).toBe(false);
    const { status, message } = await tryPolicy('bad', spec);
    expect([400, 422]).toContain(status);
    expect(message).toContain(server ?? 'spec');
  });

  test('that the name of a policy is a DNS subdomain', async () => {
    expect((await tryPolicy('Not_A_Subdomain', specOver({}))).status).toBe(422);
  });

  test('that a policy has a spec', async () => {
    expect((await tryPolicy('empty', undefined)).message).toContain('spec: Required value');
  });

  test('that null is as good as nothing to the server, so it never reaches this process', async () => {
    const { status, object } = await tryPolicy('nulls', { ...specOver({}), category: null, mode: null });
    expect(status).toBe(201);
    expect(at(object, 'spec', 'category')).toBeUndefined();
    expect(at(object, 'spec', 'mode')).toBe('Audit');
  });

  test('that a policy at every bound at once costs the server less than it allows', async () => {
    const keys = Array.from({ length: 64 }, (_, index) => ({
      key: `acme.io/k${index}`,
      valueFrom: { jsonPath: '$.a' },
    }));
    const expressions = Array.from({ length: 64 }, (_, index) => ({ key: `k${index}`, operator: 'In', values: ['a'] }));
    const matchLabels = Object.fromEntries(expressions.map(({ key }) => [`${'a'.repeat(200)}.io/${key}`, 'b']));
    const selector = { matchLabels, matchExpressions: expressions };
    const spec = specOver({
      exclude: Array.from({ length: 64 }, () => ({ objectSelector: selector, namespaceSelector: selector })),
      lookups: Array.from({ length: 16 }, (_, index) => ({ name: `l${index}`, owner: 'Root' })),
      rules: Array.from({ length: 64 }, (_, index) =>
        index % 2 === 0
          ? { name: `r${index}`, set: { labels: keys, annotations: keys } }
          : { name: `r${index}`, copy: { from: 'Lookup', lookup: 'l15', labels: ['a'] } },
      ),
    });
    expect(parsePolicySpec(spec).ok).toBe(true);
    expect(await tryPolicy('large', spec)).toMatchObject({ status: 201, message: '' });
  });
});

describe('the status', () => {
  const name = 'status-of-it';
  const path = `${POLICIES}/${name}`;
  const now = '2026-01-01T00:00:00Z';
  const status = {
    observedGeneration: 1,
    enforcedGeneration: 1,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: 1,
        lastTransitionTime: now,
        reason: 'Ready',
        message: 'Well.',
      },
    ],
    watching: { synced: 3, notServed: 0, forbidden: 0, failed: 0, skipped: 9 },
    resources: [{ group: '', resource: 'configmaps', version: 'v1', state: 'Watching', message: '' }],
    summary: { matched: 80, compliant: 78, violating: 2, errors: 0, yielded: 0, owned: 41 },
    violations: [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        namespace: 'a',
        name: 'b',
        rule: 'r1',
        result: 'Violation',
        severity: 'high',
        message: '',
        since: now,
      },
    ],
    violationsTotal: 2,
  };

  beforeAll(async () => {
    await admin.create({
      apiVersion: 'watchkeeper.dev/v1alpha1',
      kind: 'WatchPolicy',
      metadata: { name },
      spec: specOver({}),
    });
  });

  test('is written on its own, and leaves the generation alone', async () => {
    await admin.patch(`${path}/status`, { status: null });
    await admin.patch(path, { status });
    expect((await admin.get(path))['status']).toBeUndefined();
    const written = await admin.patch(`${path}/status`, { status, spec: { mode: 'Enforce' } });
    expect(written['status']).toEqual(status);
    expect(at(written, 'spec', 'mode')).toBe('Audit');
    expect(written.metadata.generation).toBe(1);
  });

  test('stands in the columns of kubectl get', async () => {
    await admin.patch(`${path}/status`, { status });
    const table = tableSchema.parse(await admin.json('GET', path, undefined, { accept: TABLE }));
    const columns = table.columnDefinitions.map((column) => [column.name, column.priority]);
    expect(columns).toEqual([
      ['Name', 0],
      ['Mode', 0],
      ['Ready', 0],
      ['Matched', 0],
      ['Violating', 0],
      ['Owned', 0],
      ['Age', 0],
      ['Watching', 1],
      ['Message', 1],
    ]);
    const cells = table.rows.flatMap((row) => row.cells);
    // All but the age.
    expect(cells.toSpliced(6, 1)).toEqual([name, 'Audit', 'True', 80, 2, 41, 3, 'Well.']);
  });

  test.each([
    ['a message that is too long', { violations: [{ ...status.violations[0], message: 'x'.repeat(257) }] }],
    ['too many violations', { violations: Array.from({ length: 501 }, () => status.violations[0]) }],
    ['too many resources', { resources: Array.from({ length: 51 }, () => status.resources[0]) }],
    ['two conditions of one type', { conditions: [status.conditions[0], status.conditions[0]] }],
    ['an unknown state', { resources: [{ ...status.resources[0], state: 'Fine' }] }],
  ])('is refused by both with %s', async (_, wrong) => {
    expect(watchPolicyStatusSchema.safeParse(wrong).success).toBe(false);
    const headers = { 'content-type': 'application/merge-patch+json' };
    expect((await admin.request('PATCH', `${path}/status`, { status: wrong }, headers)).status).toBe(422);
  });

  test('at every bound is well below what etcd stores', async () => {
    const violation = {
      ...status.violations[0],
      kind: 'k'.repeat(63),
      namespace: 'n'.repeat(63),
      name: 'o'.repeat(253),
      rule: 'r'.repeat(63),
      message: '漢'.repeat(256),
    };
    const full = {
      violations: Array.from({ length: 500 }, () => violation),
      resources: Array.from({ length: 50 }, () => ({ ...status.resources[0], message: '漢'.repeat(256) })),
    };
    const written = await admin.patch(`${path}/status`, { status: full });
    expect(at(written, 'status', 'violations')).toHaveLength(500);
  });
});
