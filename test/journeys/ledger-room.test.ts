import { expect, test } from 'vitest';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const resources = [{ group: '', resource: 'configmaps' }];

/** A policy that the API server takes, with some 350 kB of keys, about a namespace that is not there. */
function large(name: string) {
  const prefix = Array.from({ length: 4 }, () => 'd'.repeat(50)).join('.');
  const keys = (rule: number) => Array.from({ length: 64 }, (_, i) => `${prefix}/${name}-${rule}-${i}`);
  return {
    mode: 'Enforce' as const,
    match: { resources, namespaces: ['of-nobody'] },
    rules: Array.from({ length: 24 }, (_, rule) => ({
      name: `r${rule}`,
      set: { annotations: keys(rule).map((key) => ({ key, value: 'v' })) },
    })),
  };
}

test('G9: policies with more keys than can be put on record are refused one by one; all others go on, and room that is given back is used', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('ledger-room');
  await stage().startOperator();
  const enforced = (name: string) => stage().policy(name, (policy) => is(policy, 'Ready') === 'True');
  for (const name of ['large-a', 'large-b']) {
    await stage().applyPolicy(name, large(name));
    await enforced(name);
  }
  await stage().applyPolicy('large-c', large('large-c'));
  const refused = await stage().policy('large-c', (policy) => is(policy, 'Accepted') === 'False');
  expect(refused.conditions['Accepted']?.message).toMatch(
    /^spec\.rules: must name fewer keys, or shorter ones: .* beside other policies \d+ of 800000 are left/,
  );
  await stage().applyPolicy('small', {
    mode: 'Enforce',
    match: { resources, namespaces: [ns] },
    rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }],
  });
  await admin.create(configMap(ns, 'one'));
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/one`, ({ env }) => env === 'prod');
  await stage().deletePolicy('large-a');
  await enforced('large-c');
});
