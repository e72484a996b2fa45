import { expect, test } from 'vitest';
import { configMap, is, useStage } from '../support/stage.ts';

/** JSON may hold them as they are. What is sent for server-side apply is read as YAML, which may not. */
const ODD = 'x\u0092y\u0085z\u007f\u2028\ufeff\ufffe\uffff';

const stage = useStage();

test('characters that YAML does not know are written to objects as they are, and told in a status', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('odd');
  await admin.patch(`/api/v1/namespaces/${ns}`, { metadata: { annotations: { 'acme.io/note': ODD } } });
  await admin.create(configMap(ns, 'web'));
  const operator = await stage().startOperator();
  const match = { resources: [{ group: '', resource: 'configmaps', version: 'v1' }], namespaces: [ns], names: ['web'] };
  const copy = { name: 'note', copy: { from: 'Namespace', annotations: ['acme.io/*'] } };
  const set = { name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } };
  await stage().applyPolicy('odd', { mode: 'Enforce', match, rules: [copy, set] });
  const web = async () => (await admin.get(`/api/v1/namespaces/${ns}/configmaps/web`)).metadata;
  await expect.poll(web).toMatchObject({ labels: { team: 'blue' }, annotations: { 'acme.io/note': ODD } });
  await stage().policy('odd', (view) => is(view, 'Compliant') === 'True');

  const check = { name: 'kind', message: `not ${ODD}`, check: { jsonPath: '$.data.kind', operator: 'Exists' } };
  const policy = '/apis/watchkeeper.dev/v1alpha1/watchpolicies/odd';
  await admin.patch(policy, { spec: { rules: [copy, set, check] } });
  const told = await stage().policy('odd', ({ violationsTotal }) => violationsTotal === 1);
  expect(told.violations).toMatchObject([{ name: 'web', message: `not ${ODD}` }]);

  // Cut in the middle of a character that takes two units of UTF-16.
  const cut = { ...check, check: { ...check.check, jsonPath: `$.data[?(@.a=='${'x'.repeat(14)}😀')]` } };
  await admin.patch(policy, { spec: { rules: [cut] } });
  const refused = await stage().policy('odd', (view) => is(view, 'Accepted') === 'False');
  expect(refused.conditions['Accepted']?.message).toContain('must not hold filters');
  await operator.stop();
});
