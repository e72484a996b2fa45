import { expect, test } from 'vitest';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

/** As other tools have them, and as somebody would guess them. */
const SWITCHES = {
  'watchkeeper.dev/ignore': 'true',
  'watchkeeper.dev/disabled': 'true',
  'watchkeeper.dev/exclude': 'all',
  'watchkeeper.dev/mode': 'Suspended',
  'watchkeeper.dev/policy': 'none',
  'policies.example.com/skip': 'true',
};

test('G17: no label and no annotation of an object or its namespace switches a policy off that does not name it', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('switches', SWITCHES);
  await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { annotations: SWITCHES } });
  const object = configMap(ns, 'web', SWITCHES);
  await admin.create({ ...object, metadata: { ...object.metadata, annotations: SWITCHES } });
  await stage().startOperator();
  await stage().applyPolicy('steady', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [
      { name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } },
      { name: 'owner', require: { labels: [{ key: 'owner' }] } },
    ],
  });
  const path = `/api/v1/namespaces/${ns}/configmaps/web`;
  await stage().labels(path, ({ team }) => team === 'blue');
  // Nor where it comes later, with the label taken away.
  await admin.patch(path, {
    metadata: {
      labels: { team: null, 'watchkeeper.dev/pause': 'true' },
      annotations: { 'watchkeeper.dev/pause': 'true' },
    },
  });
  await stage().labels(path, ({ team }) => team === 'blue');
  const { summary, violations } = await stage().policy(
    'steady',
    (policy) => is(policy, 'Ready') === 'True' && policy.violationsTotal > 0,
  );
  expect(summary).toMatchObject({ matched: 1, violating: 1, errors: 0 });
  expect(violations).toMatchObject([{ name: 'web', rule: 'owner', result: 'Violation' }]);
});
