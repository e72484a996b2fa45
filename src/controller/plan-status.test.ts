import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { programOf } from '../../test/support/compiled-policy.ts';
import { startInformer } from '../../test/support/kind-stage.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { quietKindSet } from '../../test/support/quiet-kind-set.ts';
import { apiError, ScriptedListWatch } from '../../test/support/scripted-list-watch.ts';
import { silentLog } from '../base/log.ts';
import { Informer } from '../informer/informer.ts';
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

const served = (resource: string, ...versions: readonly string[]) => ({
  group: 'acme.io',
  resource,
  stale: false,
  versions: versions.map((version) => ({
    version,
    kind: resource,
    scope: 'Cluster' as const,
    verbs: ['list', 'watch', 'patch'],
  })),
});

/** Reads the spec of objects. */
const sizing = (name: string, ...resources: readonly object[]): Program =>
  programOf(name, {
    mode: 'Audit',
    match: { resources: resources.map((each) => ({ group: 'acme.io', ...each })) },
    rules: [{ name: 'r', set: { labels: [{ key: 'size', valueFrom: { jsonPath: '$.spec.size' } }] } }],
  });

test('a version that cannot be read, and never could, is unread for its policies alone, whoever reads the kind in another', async () => {
  const clock = new ManualClock();
  const old = sizing('old', { resource: 'things', version: 'v1' }, { resource: 'others' });
  const late = sizing('late', { resource: 'things', version: 'v2' });
  const plan = planWatches({
    programs: [old, late],
    discovery: new Map([
      ['things.acme.io', served('things', 'v2', 'v1')],
      ['others.acme.io', served('others', 'v1')],
    ]),
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(),
  });
  const kinds = quietKindSet({ clock });
  const { informer: works } = await startInformer([cachedObject({ name: 'a', namespace: '' })]);
  const listWatch = new ScriptedListWatch();
  const fails = new Informer({ listWatch, clock, random: () => 0, log: silentLog, name: 'fails' });
  fails.start();
  for (const kindPlan of plan.kinds.values()) {
    kinds.adopt(kindPlan, (id) => (id.startsWith('things.acme.io acme.io/v1 ') ? fails : works));
  }
  const status = new PlanStatus({
    plan: () => plan,
    kinds,
    prerequisites: { met: true, missing: () => [] },
    namespaces: undefined,
    isReady: (kind) => kinds.isReady(kind),
  });
  const coverage = () => [old, late].map((program) => status.coverage(program));
  expect(coverage()).toEqual(['Pending', 'Pending']);
  (await listWatch.nextList()).fail(apiError('ServerError'));
  await clock.settle();
  expect(status.state(served('things'), old).state).toBe('Failed');
  for (const kind of kinds.values()) {
    const keys = kind.beginPass();
    for (let key = keys.draw(); key !== undefined; key = keys.draw()) kind.evaluated(key);
  }
  expect(coverage()).toEqual(['Partial', 'All']);
  await fails.stop();
  kinds.stop();
});
