import { expect, test } from 'vitest';
import { AggregatedApi } from '../support/aggregated-api.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

test('415 on apply: the kind is Failed for policies that write it, with that reason; judging and other kinds go on', async () => {
  const { admin } = stage();
  const group = 'no-apply.example.com';
  await using api = await AggregatedApi.start(admin, { group, serverSideApply: false });
  const revoke = await stage().grant(group, ['gadgets']);
  const ns = await admin.createNamespace('answer-415');
  for (let i = 0; i < 30; i++) api.store.create(ns, `gadget-${i}`, { size: i });
  await admin.create(configMap(ns, 'beside'));
  const operator = await stage().startOperator();
  const gadgets = { group, resource: 'gadgets' };
  await stage().applyPolicy('writes', {
    mode: 'Enforce',
    match: { resources: [gadgets, { group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  await stage().applyPolicy('judges', {
    mode: 'Enforce',
    match: { resources: [gadgets], namespaces: [ns] },
    rules: [{ name: 'owner', require: { labels: [{ key: 'owner' }] } }],
  });

  const writes = await stage().policy(
    'writes',
    ({ conditions, watching }) => conditions['Watching']?.reason === 'Failed' && watching['synced'] === 1,
  );
  expect(writes.conditions['Watching']?.message).toContain(
    'gadgets.no-apply.example.com: nothing can be written to it, as its API server knows no server-side apply',
  );
  expect(writes.conditions['Ready']).toMatchObject({ status: 'False', reason: 'Failed' });
  expect(writes.watching).toMatchObject({ failed: 1 });
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/beside`, ({ team }) => team === 'blue');

  const judges = await stage().policy('judges', (policy) => policy.summary['violating'] === 30);
  expect([is(judges, 'Ready'), is(judges, 'Watching')]).toEqual(['True', 'True']);
  // Nobody else asks for each of the thirty, and what comes later is judged.
  expect(await operator.metric('watchkeeper_writes_total', 'result="NoServerSideApply"')).toBeLessThan(20);
  api.store.create(ns, 'later', { size: 1 });
  await stage().policy('judges', (policy) => policy.summary['violating'] === 31);
  expect(await operator.metric('watchkeeper_writes_total', 'result="NoServerSideApply"')).toBeLessThan(26);
  await revoke();
});
