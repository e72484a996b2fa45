import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BOUNDS } from '../../src/api/bounds.ts';
import { eventually } from '../cluster/eventually.ts';
import { Author, type RoleRule } from '../support/author.ts';
import { POLICIES, type PolicySpec } from '../support/installation.ts';
import { useStage } from '../support/stage.ts';

/** What the API server lets the author of a policy ask of the operator. */
const stage = useStage();

const may = (verb: 'patch' | 'list', group: string, ...resources: readonly string[]): RoleRule => ({
  apiGroups: [group],
  resources,
  verbs: [verb],
});

let nobody: Author;
let writer: Author;
let reader: Author;
let everything: Author;
beforeAll(async () => {
  const { admin } = stage();
  nobody = await Author.withRights(admin, 'nobody', []);
  writer = await Author.withRights(admin, 'writer', [
    may('patch', '', 'configmaps'),
    may('patch', 'apps', '*'),
    may('patch', 'many.test', ...many),
    may('list', 'many.test', ...many),
  ]);
  reader = await Author.withRights(admin, 'reader', [may('list', '', 'configmaps'), may('list', 'apps', '*')]);
  everything = await Author.withRights(admin, 'everything', [
    { apiGroups: ['*'], resources: ['*'], verbs: ['patch', 'list'] },
  ]);
  // Admission policies are heeded a moment after they were made, each for itself.
  for (const spec of [
    writing(secrets),
    judging(secrets),
    looking({ object: { resource: secrets, name: { value: 'a' } } }),
    labelling('istio-injection'),
  ])
    await eventually(
      'the admission policy',
      async () => nobody.tries(spec),
      ({ message }) => message.includes('must'),
    );
});
afterAll(async () => {
  for (const author of [nobody, writer, reader, everything]) await author.gone();
});

const many = Array.from({ length: BOUNDS.resources }, (_, i) => `things${i}`);

interface Entry {
  readonly group: string;
  readonly resource: string;
}
const configMaps: Entry = { group: '', resource: 'configmaps' };
const secrets: Entry = { group: '', resource: 'secrets' };
const set = { name: 'set', set: { labels: [{ key: 'team', value: 'a' }] } };
const judge = { name: 'judge', require: { labels: [{ key: 'team' }] } };

const policyOf = (resources: readonly Entry[], rules: readonly object[], more: object = {}): PolicySpec => ({
  match: { resources },
  rules,
  ...more,
});
const writing = (...resources: readonly Entry[]) => policyOf(resources, [set]);
const judging = (...resources: readonly Entry[]) => policyOf(resources, [judge]);
const looking = (...lookups: readonly object[]) =>
  policyOf([configMaps], [judge], { lookups: lookups.map((lookup, i) => ({ name: `a${i}`, ...lookup })) });
const labelling = (key: string) => policyOf([configMaps], [{ name: 'set', set: { labels: [{ key, value: 'a' }] } }]);

const TAKEN = { status: 201, message: '' };
const refusedFor = (path: string, right: string) => ({
  status: 403,
  message: expect.stringContaining(`${path}: the author must be allowed to ${right} in all namespaces`),
});

describe('G2: a policy that writes', () => {
  test.each<[string, object]>([
    ['set', { set: { labels: [{ key: 'a', value: 'b' }] } }],
    ['default', { default: { annotations: [{ key: 'a', value: 'b' }] } }],
    ['copy', { copy: { from: 'Namespace', labels: ['a'] } }],
    ['rename', { rename: { labels: [{ from: 'a', to: 'b' }] } }],
    ['remove', { remove: { annotations: ['a'] } }],
  ])('asks its author for the right to patch: %s', async (_what, action) => {
    const rules = [{ name: 'r', ...action }];
    for (const mode of ['Audit', 'Enforce', 'Suspended'] as const) {
      expect(await writer.tries(policyOf([configMaps], rules, { mode }))).toEqual(TAKEN);
      expect(await reader.tries(policyOf([configMaps], rules, { mode }))).toEqual(
        refusedFor('spec.match.resources[0]', 'patch configmaps of the core group'),
      );
    }
  });

  test.each(many.map((_, i) => i))('asks for each entry: the one at %i is not allowed', async (position) => {
    const entries = many.map((resource) => ({ group: 'many.test', resource }));
    entries[position] = { group: 'many.test', resource: 'others' };
    expect(await writer.tries(writing(...entries))).toEqual(
      refusedFor(`spec.match.resources[${position}]`, 'patch others of the group many.test'),
    );
    // As the last one it is asked for too.
    expect(await writer.tries(writing(...entries.slice(0, position + 1)))).toMatchObject({ status: 403 });
    expect(await writer.tries(judging(...entries))).toEqual(
      refusedFor(`spec.match.resources[${position}]`, 'list others of the group many.test'),
    );
  });

  test('a right in one namespace, on a subresource or on one name is not enough', async () => {
    const { admin } = stage();
    const narrow = await Author.withRights(admin, 'narrow', [
      may('patch', '', 'secrets/status'),
      { ...may('patch', '', 'secrets'), resourceNames: ['one'] },
    ]);
    const namespace = await admin.createNamespace('authors');
    const metadata = { namespace, name: 'narrow' };
    const group = 'rbac.authorization.k8s.io';
    await admin.create({ apiVersion: `${group}/v1`, kind: 'Role', metadata, rules: [may('patch', '', 'secrets')] });
    const roleRef = { apiGroup: group, kind: 'Role', name: 'narrow' };
    const subjects = [{ apiGroup: group, kind: 'User', name: 'narrow' }];
    await admin.create({ apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects });
    const policy = policyOf([secrets], [set], { match: { resources: [secrets], namespaces: [namespace] } });
    expect(await narrow.tries(policy)).toEqual(
      refusedFor('spec.match.resources[0]', 'patch secrets of the core group'),
    );
    await narrow.gone();
  });
});

describe('G2: a policy that judges', () => {
  test.each<[string, object]>([
    ['require', { require: { labels: [{ key: 'a' }] } }],
    ['forbid', { forbid: { labels: ['a'] } }],
    ['check', { check: { jsonPath: '$.data', operator: 'Exists' } }],
    ['jsonSchema', { jsonSchema: { jsonPath: '$', schema: { type: 'object' } } }],
    ['validate', { validate: [{ expression: 'true' }] }],
    ['unique', { unique: { valueFrom: { jsonPath: '$.data.a' }, scope: 'Cluster' } }],
    ['limit', { limit: { max: 1, per: 'Cluster' } }],
  ])('asks its author for the right to list: %s', async (_what, action) => {
    const rules = [{ name: 'r', ...action }];
    expect(await reader.tries(policyOf([configMaps], rules))).toEqual(TAKEN);
    expect(await writer.tries(policyOf([configMaps], rules))).toEqual(
      refusedFor('spec.match.resources[0]', 'list configmaps of the core group'),
    );
  });

  test('and writes asks for both', async () => {
    for (const author of [reader, writer])
      expect(await author.tries(policyOf([configMaps], [set, judge]))).toMatchObject({ status: 403 });
    expect(await everything.tries(policyOf([configMaps], [set, judge]))).toEqual(TAKEN);
  });
});

describe('G2: a glob', () => {
  test.each<[Entry, string]>([
    [{ group: '*', resource: '*' }, 'all resources of all API groups'],
    [{ group: '', resource: 'config*' }, 'all resources of the core group'],
    [{ group: '', resource: 'configmaps*' }, 'all resources of the core group'],
    [{ group: '*', resource: 'configmaps' }, 'configmaps of all API groups'],
    [{ group: 'app*', resource: 'deployments' }, 'deployments of all API groups'],
    [{ group: '*.dev', resource: '*' }, 'all resources of all API groups'],
    // Another name for what is in other groups.
    [{ group: 'extensions', resource: 'deployments' }, 'deployments of all API groups'],
    [{ group: 'extensions', resource: 'replicationcontrollers' }, 'replicationcontrollers of all API groups'],
  ])('asks for all that it might fit: %o', async (entry, words) => {
    expect(await writer.tries(writing(entry))).toEqual(refusedFor('spec.match.resources[0]', `patch ${words}`));
    expect(await reader.tries(judging(entry))).toEqual(refusedFor('spec.match.resources[0]', `list ${words}`));
    expect(await everything.tries(policyOf([entry], [set, judge]))).toEqual(TAKEN);
  });

  test('over the resources of one group is for who may do that there', async () => {
    expect(await writer.tries(writing({ group: 'apps', resource: '*' }, { group: 'apps', resource: 'd*' }))).toEqual(
      TAKEN,
    );
    expect(await reader.tries(judging({ group: 'apps', resource: '*sets' }))).toEqual(TAKEN);
  });

  test('among what is excluded asks for nothing', async () => {
    const exclude = [{ resources: [{ group: '*', resource: 'secrets' }, secrets] }];
    expect(await writer.tries(policyOf([configMaps], [set], { exclude }))).toEqual(TAKEN);
  });
});

describe('G2: another spelling of a resource', () => {
  test.each([
    ['capitals', { group: '', resource: 'ConfigMaps' }],
    ['the kind', { group: '', resource: 'ConfigMap' }],
    ['spaces', { group: '', resource: 'configmaps ' }],
    ['a subresource', { group: '', resource: 'pods/status' }],
    ['a version', { group: 'apps/v1', resource: 'deployments' }],
  ])('is none: %s', async (_what, entry) => {
    const { status, message } = await everything.tries(writing(entry));
    expect([status, message]).toEqual([422, expect.stringMatching(/spec\.match\.resources\[0\]\.(group|resource)/)]);
  });

  test.each([
    { group: '', resource: 'configmap' },
    { group: '', resource: 'cm' },
    { group: 'core', resource: 'configmaps' },
  ])('names another resource, and the right to that is asked for: %o', async (entry) => {
    expect(await writer.tries(writing(entry))).toMatchObject({ status: 403 });
  });
});

describe('G2: a lookup', () => {
  const node = { group: '', resource: 'nodes', version: 'v1' };
  const deployments = { group: 'apps', resource: 'deployments', version: 'v1' };

  test.each<[string, object, string]>([
    ['an object', { object: { resource: node, name: { value: 'a' } } }, 'list nodes of the core group'],
    ['a list', { list: { resource: node } }, 'list nodes of the core group'],
    ['an owner', { owner: 'Controller' }, 'list all resources of all API groups'],
  ])('asks for the right to list: %s', async (_what, lookup, right) => {
    const allowed = { list: { resource: deployments } };
    expect(await reader.tries(looking(allowed))).toEqual(TAKEN);
    expect(await reader.tries(looking(lookup))).toEqual(refusedFor('spec.lookups[0]', right));
    expect(await everything.tries(looking(lookup))).toEqual(TAKEN);
    const last = BOUNDS.lookups - 1;
    const lookups = [...Array.from({ length: last }, () => allowed), lookup];
    expect(await reader.tries(looking(...lookups))).toEqual(refusedFor(`spec.lookups[${last}]`, right));
  });
});

const rulesOf = (length: number, action: object) => Array.from({ length }, (_, i) => ({ name: `r${i}`, ...action }));

describe('G2: within the cost that the API server allows is', () => {
  /** Long enough that a policy full of them is nearly as large as etcd stores. */
  const keys = Array.from({ length: BOUNDS.keys }, (_, i) => `${`k${i}.`.padEnd(186, 'p.')}x/${'n'.repeat(63)}`);
  const globs = Array.from({ length: BOUNDS.keys }, (_, i) => `glob-${i}.test/*`);

  test.each<[string, readonly object[]]>([
    ['set', rulesOf(BOUNDS.rules - 1, { set: { labels: keys.map((key) => ({ key, value: 'a' })) } })],
    [
      'rename',
      rulesOf(32, { rename: { annotations: keys.map((from, i) => ({ from, to: `${from.slice(0, -3)}${i}` })) } }),
    ],
    ['remove', rulesOf(BOUNDS.rules - 1, { remove: { labels: globs } })],
  ])('a policy as large as the API takes it: %s', async (_what, rules) => {
    const resources = many.map((resource) => ({ group: 'many.test', resource }));
    const lookups = Array.from({ length: BOUNDS.lookups }, (_, i) => ({
      name: `a${i}`,
      list: { resource: { ...resources[0], version: 'v1' } },
    }));
    expect(await writer.tries(policyOf(resources, [...rules, judge], { lookups }))).toEqual(TAKEN);
  });
});

describe('G2: of a policy that is there', () => {
  const name = 'authors-updates';
  const spec = (more: object = {}) => policyOf([configMaps], [set], { mode: 'Enforce', ...more });
  const only = { status: 200, message: '' };
  const refused = refusedFor('spec.match.resources[0]', 'patch configmaps of the core group');

  test('metadata may be changed without the rights, and the spec written as it is', async () => {
    await stage().applyPolicy(name, spec());
    expect(await nobody.patches(name, { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } } })).toEqual(only);
    const found = await stage().admin.get(`${POLICIES}/${name}`);
    expect(await nobody.replaces(name, found)).toEqual(only);
    expect(await nobody.patches(name, { spec: spec() })).toEqual(only);
  });

  test.each<[string, object]>([
    ['its rules', { rules: [{ ...set, severity: 'low' }] }],
    ['its description', { description: 'a' }],
    ['its resources', { match: { resources: [configMaps, secrets] } }],
    ['its priority', { priority: 5 }],
    ['what becomes of its keys', { removalPolicy: 'Retain' }],
    ['its mode and more', { mode: 'Suspended', description: 'a' }],
  ])('%s may not', async (_what, changed) => {
    await stage().applyPolicy(name, spec());
    expect(await nobody.patches(name, { spec: changed })).toEqual(refused);
    expect(await writer.patches(name, { spec: changed })).toMatchObject({ status: 'match' in changed ? 403 : 200 });
  });

  test.each([
    ['Enforce', 'Suspended', true],
    ['Audit', 'Suspended', true],
    ['Enforce', 'Audit', true],
    ['Audit', 'Enforce', false],
    ['Suspended', 'Enforce', false],
    ['Suspended', 'Audit', false],
  ] as const)('the mode may go from %s to %s: %s', async (from, to, goes) => {
    await stage().applyPolicy(name, spec({ mode: from }));
    expect(await nobody.patches(name, { spec: { mode: to } })).toEqual(goes ? only : refused);
    expect(await writer.patches(name, { spec: { mode: to } })).toEqual(only);
  });
});

test('a spec that the API does not take is refused in the words of the API', async () => {
  expect((await nobody.tries(undefined)).message).toContain('spec: Required value');
  expect((await nobody.tries({ match: 'all' })).message).toContain('spec.match: Invalid value');
  expect((await nobody.tries({ match: { resources: 'a' }, rules: {} })).message).toContain('spec.rules: Invalid value');
  expect((await nobody.tries({ match: { resources: [] }, rules: [set] })).message).toContain('spec.match.resources');
});
