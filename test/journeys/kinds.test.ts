import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { conditionOf } from '../cluster/kube-object.ts';
import { certificate, database, FIXTURE_CRDS } from '../support/custom-kinds.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CERTIFICATES = 'certificates.cert-manager.io';
const DATABASES = 'databases.postgresql.cnpg.io';

const setEnv = [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }];

async function installCrd(file: string, name: string): Promise<void> {
  await stage().admin.applyFile(join(FIXTURE_CRDS, file));
  await stage().admin.waitForCrd(name);
}

async function removeCrd(name: string): Promise<void> {
  await stage().admin.delete(`${CRDS}/${name}`);
  await stage().admin.waitForGone(`${CRDS}/${name}`);
}

describe('kinds that come and go', () => {
  test('U5: a policy waits for a kind whose CRD comes later and labels its objects within a second of the CRD being established', async () => {
    const { admin } = stage();
    await stage().grant('postgresql.cnpg.io', ['databases']);
    const ns = await admin.createNamespace('late');
    await admin.create(configMap(ns, 'there-already'));
    await stage().startOperator();
    await stage().applyPolicy('late', {
      mode: 'Enforce',
      match: {
        resources: [
          { group: '', resource: 'configmaps' },
          { group: 'postgresql.cnpg.io', resource: 'databases' },
        ],
        namespaces: [ns],
      },
      rules: setEnv,
    });

    const waiting = await stage().policy(
      'late',
      (policy) => policy.conditions['Watching']?.reason === 'WaitingForResources',
    );
    expect(waiting.conditions['Watching']).toMatchObject({
      status: 'True',
      message: expect.stringContaining(DATABASES),
    });
    expect(is(waiting, 'Ready')).toBe('True');
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/there-already`, (labels) => labels['env'] === 'prod');

    await admin.applyFile(join(FIXTURE_CRDS, 'postgresql.cnpg.io_databases.yaml'));
    const crd = await admin.waitFor(
      `${CRDS}/${DATABASES}`,
      (object) => conditionOf(object, 'Established')?.['status'] === 'True',
    );
    // By apply: a POST is held back by kube-apiserver itself until 2 s after it called the kind established.
    const object = database(ns, 'orders');
    await eventually(
      'the first object',
      async () => admin.apply(object),
      () => true,
      { intervalMs: 5 },
    );
    const path = `/apis/postgresql.cnpg.io/v1/namespaces/${ns}/databases/orders`;
    await stage().labels(path, (labels) => labels['env'] === 'prod');
    const watching = await stage().policy('late', (policy) => policy.conditions['Watching']?.reason === 'Watching');
    expect(watching.watching).toMatchObject({ synced: 2, notServed: 0 });
    expect(crd.metadata.name).toBe(DATABASES);
    await removeCrd(DATABASES);
  });

  describe('rows 44 and 45: that go and are made again', () => {
    test('U4: a CRD that is deleted stops only its own informer; made again, its objects are labelled again', async () => {
      const { admin } = stage();
      await stage().grant('cert-manager.io', ['certificates']);
      await installCrd('cert-manager.io_certificates.yaml', CERTIFICATES);
      const ns = await admin.createNamespace('gone');
      await admin.create(configMap(ns, 'stays'));
      await admin.create(certificate(ns, 'goes'));
      const operator = await stage().startOperator();
      await stage().applyPolicy('gone', {
        mode: 'Enforce',
        match: {
          resources: [
            { group: '', resource: 'configmaps' },
            { group: 'cert-manager.io', resource: 'certificates' },
          ],
          namespaces: [ns],
        },
        rules: setEnv,
      });
      await stage().policy('gone', (policy) => policy.summary['owned'] === 2);

      await removeCrd(CERTIFICATES);
      const without = await stage().policy(
        'gone',
        (policy) => policy.conditions['Watching']?.reason === 'WaitingForResources',
      );
      expect(without.watching).toMatchObject({ synced: 1, notServed: 1 });
      expect(await operator.metric('watchkeeper_informer_state', `kind="${CERTIFICATES}"`)).toBe(0);
      await admin.create(configMap(ns, 'still-served'));
      await stage().labels(`/api/v1/namespaces/${ns}/configmaps/still-served`, (labels) => labels['env'] === 'prod');

      await installCrd('cert-manager.io_certificates.yaml', CERTIFICATES);
      await admin.create(certificate(ns, 'again'));
      await stage().labels(
        `/apis/cert-manager.io/v1/namespaces/${ns}/certificates/again`,
        (labels) => labels['env'] === 'prod',
      );
      const again = await stage().policy('gone', (policy) => policy.conditions['Watching']?.reason === 'Watching');
      expect(again.watching).toMatchObject({ synced: 2, notServed: 0 });
      await removeCrd(CERTIFICATES);
    });
  });

  describe('row 49: a kind that does not sync', () => {
    test('N5: a kind without rights says which rule is missing while the others go on, and heals when the rule is granted', async () => {
      const { admin } = stage();
      const ns = await admin.createNamespace('rights');
      await admin.create(configMap(ns, 'allowed'));
      await admin.create({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { namespace: ns, name: 'not-allowed' },
      });
      await stage().startOperator();
      await stage().applyPolicy('rights', {
        mode: 'Enforce',
        match: {
          resources: [
            { group: '', resource: 'configmaps' },
            { group: '', resource: 'serviceaccounts' },
          ],
          namespaces: [ns],
        },
        rules: setEnv,
      });
      const denied = await stage().policy('rights', (policy) => policy.conditions['Watching']?.reason === 'Forbidden');
      expect(denied.conditions['Watching']).toMatchObject({
        status: 'False',
        message: expect.stringContaining(
          `apiGroups: [""], resources: ["serviceaccounts"], verbs: ["list", "watch", "patch"]`,
        ),
      });
      expect(is(denied, 'Ready')).toBe('False');
      await stage().labels(`/api/v1/namespaces/${ns}/configmaps/allowed`, (labels) => labels['env'] === 'prod');

      // To read alone is not enough for a policy that writes.
      const revokeRead = await stage().grant('', ['serviceaccounts'], ['list', 'watch']);
      const readOnly = await stage().policy(
        'rights',
        (policy) => policy.conditions['Watching']?.message.includes('verbs: ["patch"]') === true,
      );
      expect(readOnly.conditions['Watching']).toMatchObject({ status: 'False', reason: 'Forbidden' });

      await stage().grant('', ['serviceaccounts']);
      const healed = await stage().policy('rights', (policy) => is(policy, 'Ready') === 'True');
      expect(healed.summary['owned']).toBe(2);
      await stage().labels(
        `/api/v1/namespaces/${ns}/serviceaccounts/not-allowed`,
        (labels) => labels['env'] === 'prod',
      );
      await revokeRead();
    });
  });

  test('a broken policy beside a good one is refused with its field, and the good one works', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('broken');
    await stage().startOperator();
    const match = { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] };
    await stage().applyPolicy('a-unsupported', {
      mode: 'Enforce',
      match,
      rules: [{ name: 'limit', limit: { max: 5, per: 'Namespace' } }],
    });
    await stage().applyPolicy('b-protected', {
      mode: 'Enforce',
      match,
      rules: [{ name: 'set', set: { annotations: [{ key: 'kubectl.kubernetes.io/restartedAt', value: 'now' }] } }],
    });
    await stage().applyPolicy('c-no-version', {
      mode: 'Enforce',
      match,
      rules: [{ name: 'set', set: { labels: [{ key: 'x', valueFrom: { jsonPath: '$.data.x' } }] } }],
    });
    await stage().applyPolicy('d-good', { mode: 'Enforce', match, rules: setEnv });
    await admin.create(configMap(ns, 'one'));
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/one`, (labels) => labels['env'] === 'prod');
    expect(is(await stage().policy('d-good', (policy) => policy.summary['owned'] === 1), 'Ready')).toBe('True');

    const refused = async (name: string) =>
      (await stage().policy(name, (policy) => is(policy, 'Accepted') === 'False')).conditions;
    expect((await refused('a-unsupported'))['Accepted']).toMatchObject({
      reason: 'NotSupported',
      message: expect.stringContaining('spec.rules[0].limit: this field is not supported yet'),
    });
    expect((await refused('b-protected'))['Accepted']).toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('spec.rules[0].set.annotations[0].key'),
    });
    const version = await refused('c-no-version');
    expect(version['Accepted']?.message).toContain('spec.match.resources[0].version: must be set');
    expect(version['Accepted']?.message).toContain("'v1'");
    expect(version['Ready']?.status).toBe('False');
  });
});
