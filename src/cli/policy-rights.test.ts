import { describe, expect, test } from 'vitest';
import { groupResourceName, parseGroupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { PolicyDocument } from './policy-documents.ts';
import { type RightsQuestion, rightsOf } from './policy-rights.ts';

const CLUSTER: DiscoverySnapshot = new Map(
  Object.entries({
    configmaps: ['list', 'watch', 'patch'],
    secrets: ['list', 'watch', 'patch'],
    events: ['list', 'watch', 'patch'],
    componentstatuses: ['get', 'list'],
    'leases.coordination.k8s.io': ['list', 'watch', 'patch'],
    'endpointslices.discovery.k8s.io': ['list', 'watch', 'patch'],
    'clusterroles.rbac.authorization.k8s.io': ['list', 'watch', 'patch'],
    'watchpolicies.watchkeeper.dev': ['list', 'watch', 'patch'],
    'policyreports.wgpolicyk8s.io': ['list', 'watch', 'patch'],
    'readings.acme.io': ['list', 'watch'],
  }).map(([name, verbs]): [string, ServedResource] => {
    const versions = [{ version: 'v1', kind: 'Kind', scope: 'Namespaced' as const, verbs }];
    return [name, { ...parseGroupResourceName(name), versions, stale: false }];
  }),
);

const WRITES = { set: { labels: [{ key: 'team', value: 'a' }] } };

function policy(name: string, fields: object = {}, action: object = WRITES): PolicyDocument {
  const match = { resources: [{ group: '', resource: 'configmaps' }] };
  const spec = { mode: 'Enforce', match, rules: [{ name: 'r1', ...action }], ...fields };
  return { name, uid: '', generation: 1, spec, where: `${name}.yaml` };
}

function ask(policies: readonly PolicyDocument[], question: Partial<RightsQuestion> = {}) {
  const answer = rightsOf({
    policies,
    discovery: CLUSTER,
    namespaces: undefined,
    operatorNamespace: 'watchkeeper',
    enforced: false,
    all: false,
    ...question,
  });
  if (!answer.ok) return answer.problems;
  return answer.rights.rights.map((right) => `${groupResourceName(right)}: ${right.verbs.join(' ')}`);
}

const named = (group: string, resource: string) => ({ match: { resources: [{ group, resource }] } });

describe('the rights of policies', () => {
  test('are those of their modes, or as if all were enforced', () => {
    const audit = policy('a', { mode: 'Audit' });
    expect(ask([audit])).toEqual(['configmaps: list watch']);
    expect(ask([audit], { enforced: true })).toEqual(['configmaps: list watch patch']);
  });

  test('on all kinds leave out what no policy may be about, and what has to be named', () => {
    const all = ['configmaps: list watch patch', 'readings.acme.io: list watch'];
    expect(ask([], { all: true })).toEqual(all);
    const secrets = policy('a', { ...named('', 'secrets'), mode: 'Audit' });
    expect(ask([secrets], { all: true })).toEqual([all[0], 'secrets: list watch', all[1]]);
  });

  test('without a cluster are on the group that the operator prefers, once', () => {
    const audit = policy('b', { ...named('networking.k8s.io', 'ingresses'), mode: 'Audit' });
    expect(ask([policy('a', named('extensions', 'ingresses')), audit], { discovery: undefined })).toEqual([
      'ingresses.networking.k8s.io: list watch patch',
    ]);
  });

  test('do not depend on which keys the operator lets policies write', () => {
    const key = 'pod-security.kubernetes.io/enforce';
    expect(ask([policy('a', {}, { set: { labels: [{ key, value: 'restricted' }] } })])).toHaveLength(1);
  });
});

describe('a policy that the operator would refuse is told by file, name and field', () => {
  test.each<[string, PolicyDocument, string]>([
    ['a field that is not there', policy('a', { colour: 'red' }), "a.yaml: 'a': spec.colour is not a field"],
    ['a name', policy('A_b'), "A_b.yaml: 'A_b': metadata.name "],
    ['a kind', policy('a', named('', 'events')), "a.yaml: 'a': spec.match.resources[0].resource must not be 'events'"],
    [
      'a kind that cannot be written',
      policy('a', named('acme.io', 'readings')),
      "a.yaml: 'a': spec.match.resources[0].resource must not be 'readings' in a policy that writes",
    ],
    [
      'a version that is missing',
      policy('a', {}, { check: { jsonPath: '$.data.x', operator: 'Exists' } }),
      "a.yaml: 'a': spec.match.resources[0].version must be set",
    ],
    [
      "the operator's own namespace",
      policy('a', { match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: ['watchkeeper'] } }),
      "a.yaml: 'a': spec.match.namespaces[0] must not be 'watchkeeper'",
    ],
  ])('%s', (_what, document, problem) => {
    expect(ask([document, policy('good')])).toEqual([expect.stringContaining(problem)]);
  });

  test('two of one name', () => {
    expect(ask([policy('a'), policy('a')])).toEqual(["a.yaml: 'a': there are two of this name"]);
  });

  test('globs, where there is no cluster', () => {
    const documents = [policy('a', named('apps', '*')), policy('b')];
    expect(ask(documents, { discovery: undefined })).toEqual([
      "a.yaml: 'a': spec.match.resources[0] has globs: which kinds they fit only a cluster can say",
    ]);
    expect(ask([policy('b')], { discovery: undefined })).toEqual(['configmaps: list watch patch']);
  });
});
