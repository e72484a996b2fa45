import { describe, expect, test } from 'vitest';
import { groupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import { chooseKinds } from './cleanup-kinds.ts';

const ALL = ['list', 'watch', 'patch'];
const served = (group: string, resource: string, verbs = ALL): ServedResource => ({
  group,
  resource,
  versions: [{ version: 'v1', kind: 'X', scope: 'Namespaced', verbs }],
  stale: false,
});
const discovery: DiscoverySnapshot = new Map(
  [
    served('apps', 'deployments'),
    served('', 'configmaps'),
    served('', 'events'),
    served('', 'bindings', ['create']),
    served('metrics.k8s.io', 'pods', ['get', 'list']),
    served('watchkeeper.dev', 'watchpolicies'),
  ].map((resource) => [groupResourceName(resource), resource]),
);

function names(asked?: readonly string[]): readonly string[] | string {
  const chosen = chooseKinds(discovery, asked);
  return chosen.ok ? chosen.kinds.map(groupResourceName) : chosen.problem;
}

describe('the kinds of a cleanup', () => {
  test('are all that can be listed and patched and that a policy may be about', () => {
    expect(names()).toEqual(['configmaps', 'deployments.apps']);
  });

  test('are those that are asked for, each once', () => {
    expect(names(['deployments.apps', 'deployments.apps'])).toEqual(['deployments.apps']);
  });

  test.each([
    ['deployments', "'deployments' is not served by this cluster; did you mean 'deployments.apps'?"],
    ['confgmaps', "did you mean 'configmaps'?"],
    ['zzz', "'zzz' is not served by this cluster (the plural"],
    ['events', 'carries no keys of Watchkeeper: Events come by the thousand'],
    ['bindings', 'cannot be listed and patched'],
  ])('%s is refused in words', (asked, problem) => {
    expect(names(['configmaps', asked])).toContain(problem);
  });
});
