import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificate, FIXTURE_CRDS, scaledObject } from '../support/custom-kinds.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const CERTIFICATES = 'certificates.cert-manager.io';
const SCALED_OBJECTS = 'scaledobjects.keda.sh';

beforeAll(async () => {
  const { admin } = stage();
  await admin.applyFile(join(FIXTURE_CRDS, 'cert-manager.io_certificates.yaml'));
  await admin.applyFile(join(FIXTURE_CRDS, 'keda.sh_scaledobjects.yaml'));
  await stage().grant('cert-manager.io', ['certificates']);
  await stage().grant('keda.sh', ['scaledobjects']);
  await admin.waitForCrd(CERTIFICATES);
  await admin.waitForCrd(SCALED_OBJECTS);
});

afterAll(async () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await stage().admin.delete(`${crds}/${CERTIFICATES}`);
  await stage().admin.delete(`${crds}/${SCALED_OBJECTS}`);
});

const THREE_KINDS = [
  { group: '', resource: 'configmaps' },
  { group: 'cert-manager.io', resource: 'certificates' },
  { group: 'keda.sh', resource: 'scaledobjects' },
];

describe('a policy goes in, labels come out', () => {
  test('200 existing objects of three kinds get their label by exactly 200 writes, and then there are none', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('first', { 'cost-center': 'cc-7' });
    await admin.createMany(Array.from({ length: 100 }, (_, i) => configMap(ns, `cm-${i}`)));
    await admin.createMany(Array.from({ length: 60 }, (_, i) => certificate(ns, `cert-${i}`)));
    await admin.createMany(Array.from({ length: 40 }, (_, i) => scaledObject(ns, `so-${i}`)));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();

    const spec = {
      match: { resources: THREE_KINDS, namespaces: [ns] },
      rules: [
        { name: 'cost', set: { labels: [{ key: 'cost-center', valueFrom: { namespaceLabel: 'cost-center' } }] } },
      ],
    };
    await stage().applyPolicy('cost', { ...spec, mode: 'Audit' });
    const audited = await stage().policy('cost', (policy) => is(policy, 'Compliant') === 'False');
    expect(audited.summary).toEqual({ matched: 200, compliant: 0, violating: 200, errors: 0, yielded: 0, owned: 0 });
    expect(audited.violationsTotal).toBe(200);
    expect(audited.violations).toHaveLength(20);
    expect(audited.violations[0]).toMatchObject({
      namespace: ns,
      rule: 'cost',
      result: 'Violation',
      message: "label 'cost-center' is absent and would be set to 'cc-7'",
    });
    expect(await stage().writesSince(mark, ns)).toEqual([]);

    await stage().applyPolicy('cost', { ...spec, mode: 'Enforce' });
    const enforced = await stage().policy('cost', (policy) => policy.summary['owned'] === 200);
    expect(enforced.summary).toEqual({ matched: 200, compliant: 200, violating: 0, errors: 0, yielded: 0, owned: 200 });
    expect(enforced.violationsTotal).toBe(0);
    for (const type of ['Accepted', 'Watching', 'Ready', 'Compliant'])
      expect([type, is(enforced, type)]).toEqual([type, 'True']);
    expect(is(enforced, 'Contended')).toBe('False');

    // The last of all: when it is labelled, everything that was to be written before it is.
    await admin.create(configMap(ns, 'sentinel'));
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/sentinel`, (labels) => labels['cost-center'] === 'cc-7');
    await expect.poll(async () => (await stage().writesSince(mark, ns)).at(-1)?.name).toBe('sentinel');
    const writes = await stage().writesSince(mark, ns);
    expect(writes.filter(({ name }) => name !== 'sentinel')).toHaveLength(200);
    expect(writes.every(({ verb, code, subresource }) => verb === 'patch' && code === 200 && subresource === '')).toBe(
      true,
    );
    expect(new Set(writes.map(({ resource, name }) => `${resource}/${name}`)).size).toBe(201);
    expect(await operator.stop()).toBe(0);
  });
});
