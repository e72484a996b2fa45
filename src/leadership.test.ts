import { expect, test } from 'vitest';
import { cachedObject } from '../test/support/cached-object.ts';
import { POLICIES, systemCluster } from '../test/support/controller-world.ts';
import { ManualClock } from '../test/support/manual-clock.ts';
import { quietLedger } from '../test/support/quiet-ledger.ts';
import { ScriptedKubeClient } from '../test/support/scripted-kube-client.ts';
import type { WatchPolicyStatus } from './api/status.ts';
import { silentLog } from './base/log.ts';
import { MetaController } from './controller/meta-controller.ts';
import { PolicySet } from './controller/policy-set.ts';
import { Leadership } from './leadership.ts';
import { Metrics } from './ops/metrics.ts';

const SPEC = {
  mode: 'Audit',
  match: { resources: [{ group: '', resource: 'configmaps' }] },
  rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }],
};
const SINCE = '2025-12-01T00:00:00Z';

/** What an earlier leader says of so many ConfigMaps, none of which has the label. */
function reported(...names: readonly string[]): WatchPolicyStatus {
  const about = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'default',
    rule: 'team',
    result: 'Violation',
  } as const;
  const count = names.length;
  return {
    observedGeneration: 1,
    summary: { matched: count, compliant: 0, violating: count, errors: 0, yielded: 0, owned: 0 },
    violations: names.map((name) => ({ ...about, name, severity: 'medium', message: 'm', since: SINCE })),
    violationsTotal: count,
  };
}

/** A replica that stands by, with caches as warm as its watches made them. */
async function standby() {
  const clock = new ManualClock();
  const cluster = systemCluster();
  const client = new ScriptedKubeClient(() => ({ body: JSON.stringify({ metadata: { resourceVersion: '1000' } }) }));
  const policies = new PolicySet();
  const ledger = quietLedger();
  let leadership: Leadership | undefined;
  const meta = new MetaController({
    clock,
    random: () => 0,
    log: silentLog,
    discovery: cluster.discovery,
    createListWatch: cluster.createListWatch,
    missingVerbs: async () => [],
    policies,
    ledger,
    protection: () => 'Free',
    objects: {
      add: (kind) => leadership?.objects.add(kind),
      remove: (kind) => leadership?.objects.remove(kind),
      enqueue: (...due) => leadership?.objects.enqueue(...due),
      startPass: (kind) => leadership?.objects.startPass(kind),
      isBusy: () => false,
    },
    observer: {
      policyChanged: (entry) => leadership?.policySeen(entry),
      policyRemoved: (name) => leadership?.policyRemoved(name),
      kindChanged: (name) => leadership?.touchPoliciesOn(name),
    },
  });
  const quiet = async (): Promise<void> => {
    for (let i = 0; i < 15; i++) await clock.settle();
  };
  const readLedger = async (): Promise<void> => {
    await ledger.load();
    meta.ledgerLoaded();
    await quiet();
  };
  const lead = async (): Promise<Leadership> => {
    meta.ledgerOutdated();
    meta.policiesOutdated();
    leadership = new Leadership({
      client,
      policies,
      ledger,
      meta,
      metrics: new Metrics('test'),
      protection: () => 'Free',
      identity: 'replica-b',
      namespace: 'watchkeeper',
      writeConcurrency: undefined,
      statusViolations: 20,
      clock,
      log: silentLog,
    });
    leadership.begin();
    await readLedger();
    return leadership;
  };
  meta.start();
  await readLedger();
  const report = async (status: WatchPolicyStatus): Promise<void> => {
    cluster.put(POLICIES, cachedObject({ name: 'p', namespace: '', body: { spec: SPEC, status } }));
    await quiet();
  };
  return { clock, cluster, client, meta, quiet, report, lead };
}

test('who begins to lead takes over what the leader before it said last, also where its own watch still owes that', async () => {
  const { clock, cluster, client, meta, quiet, report, lead } = await standby();
  cluster.put('namespaces', cachedObject({ name: 'default', namespace: '' }));
  cluster.put('configmaps', cachedObject({ name: 'a' }));
  await report(reported('a'));
  cluster.put('configmaps', cachedObject({ name: 'late' }));
  cluster.mute(POLICIES);
  await report(reported('a', 'late'));
  const leadership = await lead();
  await clock.advance(10_000);
  await quiet();
  const said = leadership.verdicts.violations('p', 9).map(({ name, since }) => `${name} ${since}`);
  expect(said).toEqual([`a ${SINCE}`, `late ${SINCE}`]);
  await leadership.drain({ writesMs: 1_000, allMs: 1_000 });
  const events = client.requests.filter(({ path }) => path.includes('/events')).map(({ body }) => String(body));
  expect(events).toEqual([expect.stringContaining('"reason":"PolicyAccepted"')]);
  await meta.stop();
});
