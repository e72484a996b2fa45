import { expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import { planWatches } from '../watchplan/plan.ts';
import { PlanStatus } from './plan-status.ts';

const on = (...resources: readonly string[]) => ({
  match: { resources: resources.map((resource) => ({ group: 'acme.io', resource })) },
  rules: [{ name: 'r', require: { labels: [{ key: 'a' }] } }],
});

function statusOf(programs: readonly Program[], discovery: DiscoverySnapshot = new Map()): PlanStatus {
  const plan = planWatches({
    programs,
    discovery,
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(),
  });
  return new PlanStatus({
    plan: () => plan,
    kinds: { get: () => undefined, of: () => [], state: () => ({ state: 'Watching', message: '' }) },
    prerequisites: { met: true, missing: () => [] },
    namespaces: undefined,
    isReady: () => true,
  });
}

test('of each policy it is said whether its status tells of one of the kinds, of few kinds or of many', () => {
  const status = statusOf([
    programOf('a', on('things')),
    programOf('b', on('things', 'gadgets')),
    programOf('c', on('others')),
  ]);
  const policiesOn = (...names: readonly string[]) => [...status.policiesOn(new Set(names))];
  expect(policiesOn('gadgets.acme.io')).toEqual([undefined, 'b', undefined]);
  expect(policiesOn('things.acme.io', 'none.acme.io', 'nor.acme.io')).toEqual(['a', 'b', undefined]);
  expect(policiesOn()).toEqual([undefined, undefined, undefined]);
});

test('a refusal is of the spec that was planned, and not of one that came while the next plan is made', () => {
  const verbs = ['list', 'watch'];
  const versions = [{ version: 'v1', kind: 'Thing', scope: 'Namespaced' as const, verbs }];
  const things = { group: 'acme.io', resource: 'things', stale: false, versions };
  const writing = { ...on('things'), rules: [{ name: 'r', set: { labels: [{ key: 'a', value: 'b' }] } }] };
  const planned = programOf('p', writing);
  const status = statusOf([planned], new Map([['things.acme.io', things]]));
  expect(status.refusal(planned)).toHaveLength(1);
  expect(status.refusal(programOf('p', on('things')))).toBeUndefined();
});
