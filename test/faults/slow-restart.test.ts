import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { useFaultProxy } from '../support/fault-proxy.ts';
import { POLICIES } from '../support/installation.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { quiet } from '../support/policy-story.ts';
import { configMap, is, useStage } from '../support/stage.ts';
import { PASS } from './proxy.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
/** How long each list takes; longer than a new policy waits for its objects before it says that they are not known. */
const SLOW_MS = 1_000;

test('M4: an operator that starts again, and whose lists are slow, writes no status: all stands as it was', async () => {
  const { admin, cluster } = stage();
  const { proxy, kubeconfig } = proxied();
  const ns = await admin.createNamespace('slow');
  await admin.create(configMap(ns, 'a'));
  const match = { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] };
  await stage().applyPolicy(`${ns}-set`, {
    mode: 'Enforce',
    match,
    rules: [{ name: 'kept', set: { labels: [{ key: 'kept', value: 'yes' }] } }],
  });
  await stage().applyPolicy(`${ns}-judge`, {
    mode: 'Audit',
    match,
    rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }],
  });
  const first = await OperatorProcess.start({ kubeconfig });
  await stage().policy(`${ns}-set`, (policy) => policy.summary['owned'] === 1 && is(policy, 'Ready') === 'True');
  await stage().policy(`${ns}-judge`, (policy) => is(policy, 'Compliant') === 'False');
  await quiet(stage(), first);
  await first.stop();
  const statuses = async () =>
    (await admin.list(POLICIES)).items.map(({ metadata, status }) => [metadata.resourceVersion, status]);
  const before = await statuses();

  const mark = await cluster.auditMark();
  let slowed = 0;
  proxy.use(async ({ path, query }) => {
    if (path !== '/api/v1/configmaps' || query.has('watch')) return PASS;
    slowed += 1;
    await delay(SLOW_MS);
    return PASS;
  });
  const second = await OperatorProcess.start({ kubeconfig });
  await expect.poll(async () => second.metric('watchkeeper_evaluations_total')).toBeGreaterThan(0);
  // Written by the time that this policy is.
  await stage().applyPolicy(`${ns}-late`, {
    mode: 'Audit',
    match,
    rules: [{ name: 'late', require: { labels: [{ key: 'kept' }] } }],
  });
  await stage().policy(`${ns}-late`, (policy) => is(policy, 'Compliant') === 'True');
  await stage().deletePolicy(`${ns}-late`);
  expect(slowed).toBeGreaterThan(0);
  expect(await statuses()).toEqual(before);
  const written = (await cluster.entriesSince(mark)).filter(
    ({ userAgent, name, resource }) =>
      userAgent.startsWith('watchkeeper/') && resource === 'watchpolicies' && name !== `${ns}-late`,
  );
  expect(written).toEqual([]);
});
