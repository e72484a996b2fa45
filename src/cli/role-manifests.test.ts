import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { NeededRight } from '../watchplan/rights.ts';
import { jsonText, policyRules, remarks, roleManifests, yamlText } from './role-manifests.ts';

const right = (group: string, resource: string, ...verbs: NeededRight['verbs']): NeededRight => ({
  group,
  resource,
  verbs: verbs.length === 0 ? ['list', 'watch'] : verbs,
  policies: ['p'],
  served: true,
});

const RIGHTS = [
  right('', 'configmaps', 'list', 'watch', 'patch'),
  right('', 'pods'),
  right('', 'services', 'list', 'watch', 'patch'),
  right('apps', 'deployments'),
];
const CLUSTER = { operatorNamespace: 'watchkeeper', serviceAccount: 'watchkeeper', namespaces: undefined };

test('rules put together what has the same group and the same verbs', () => {
  expect(policyRules(RIGHTS)).toEqual([
    { apiGroups: [''], resources: ['configmaps', 'services'], verbs: ['list', 'watch', 'patch'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list', 'watch'] },
  ]);
});

/** Kind and namespace of each. */
function kinds(namespaces: readonly string[] | undefined, rights = RIGHTS) {
  return roleManifests(rights, { operatorNamespace: 'ops', serviceAccount: 'watchkeeper', namespaces }).map(
    ({ kind, metadata }) => [kind, (metadata as { readonly namespace?: string }).namespace],
  );
}

describe('the roles', () => {
  test('are one for the cluster, or one in each namespace, each with its binding', () => {
    expect(kinds(undefined)).toEqual([
      ['ClusterRole', undefined],
      ['ClusterRoleBinding', undefined],
    ]);
    expect(kinds(['a', 'b'])).toEqual([
      ['Role', 'a'],
      ['RoleBinding', 'a'],
      ['Role', 'b'],
      ['RoleBinding', 'b'],
    ]);
  });

  test("are bound to the operator's ServiceAccount in its own namespace", () => {
    expect(
      roleManifests(RIGHTS, { operatorNamespace: 'ops', serviceAccount: 'acme-watchkeeper', namespaces: ['a'] })[1],
    ).toMatchObject({
      roleRef: { kind: 'Role', name: 'watchkeeper-targets' },
      subjects: [{ kind: 'ServiceAccount', name: 'acme-watchkeeper', namespace: 'ops' }],
    });
  });

  test('are none where there is nothing to grant', () => {
    expect(kinds(undefined, [])).toEqual([]);
  });
});

test('YAML and JSON say the same; the comment comes first', () => {
  const manifests = roleManifests(RIGHTS, CLUSTER);
  const yaml = yamlText(['One line.', '', 'Another.'], manifests);
  expect(yaml).toMatch(/^# One line\.\n#\n# Another\.\napiVersion: /);
  expect(yaml).toContain('    resources: [configmaps, services]\n    verbs: [list, watch, patch]\n');
  const documents = parseAllDocuments(yaml).map((document) => document.toJS() as unknown);
  expect(documents).toEqual(manifests);
  expect(parse(jsonText(manifests))).toEqual({ apiVersion: 'v1', kind: 'List', items: manifests });
});

test('what the roles do not show is remarked', () => {
  const rights = [right('', 'secrets'), { ...right('late.io', 'things'), served: false }];
  expect(remarks({ rights, outOfReach: [{ group: '', resource: 'nodes', why: 'nodes is cluster-scoped' }] })).toEqual([
    'Left out: nodes is cluster-scoped.',
    'Granted for the time when the cluster serves them: things.late.io.',
    expect.stringContaining('Of Secrets only metadata is read'),
  ]);
  expect(remarks({ rights: RIGHTS, outOfReach: [] })).toEqual([]);
});
