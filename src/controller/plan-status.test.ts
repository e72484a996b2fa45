import { expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { planWatches } from '../watchplan/plan.ts';
import { PlanStatus } from './plan-status.ts';

const on = (...resources: readonly string[]) => ({
  match: { resources: resources.map((resource) => ({ group: 'acme.io', resource })) },
  rules: [{ name: 'r', require: { labels: [{ key: 'a' }] } }],
});

test('of each policy it is said whether its status tells of one of the kinds, of few kinds or of many', () => {
  const programs = [
    programOf('a', on('things')),
    programOf('b', on('things', 'gadgets')),
    programOf('c', on('others')),
  ];
  const plan = planWatches({
    programs,
    discovery: new Map(),
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(),
  });
  const status = new PlanStatus({
    plan: () => plan,
    kinds: { get: () => undefined, of: () => [], state: () => ({ state: 'Watching', message: '' }) },
    prerequisites: { met: true, missing: () => [] },
    namespaces: undefined,
    isReady: () => true,
  });
  const policiesOn = (...names: readonly string[]) => [...status.policiesOn(new Set(names))];
  expect(policiesOn('gadgets.acme.io')).toEqual([undefined, 'b', undefined]);
  expect(policiesOn('things.acme.io', 'none.acme.io', 'nor.acme.io')).toEqual(['a', 'b', undefined]);
  expect(policiesOn()).toEqual([undefined, undefined, undefined]);
});
