import { expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { planWatches } from '../watchplan/plan.ts';
import { CRDS_ID, desiredWatches } from './system-watches.ts';

test('what a policy selects of a kind that we watch for ourselves takes nothing away from us', () => {
  const crds = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' };
  const policy = programOf('p', {
    mode: 'Audit',
    match: { resources: [crds], objectSelector: { matchLabels: { team: 'a' } } },
    rules: [{ name: 'r1', require: { labels: [{ key: 'owner' }] } }],
  });
  const version = {
    version: 'v1',
    kind: 'CustomResourceDefinition',
    scope: 'Cluster' as const,
    verbs: ['list', 'watch'],
  };
  const plan = planWatches({
    programs: [policy],
    discovery: new Map([
      ['customresourcedefinitions.apiextensions.k8s.io', { ...crds, versions: [version], stale: false }],
    ]),
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(),
  });
  const planned = plan.kinds.get('customresourcedefinitions.apiextensions.k8s.io')?.views[0].spec;
  expect(planned?.selection).toEqual([{ labelSelector: 'team in (a)' }]);
  const { spec, owners } = desiredWatches(plan).get(CRDS_ID) ?? {};
  expect(spec?.selection).toBeUndefined();
  expect([...(owners ?? [])].toSorted()).toEqual(['policy/p', 'system']);
});
