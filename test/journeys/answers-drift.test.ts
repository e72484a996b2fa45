import { beforeAll, describe, expect, test } from 'vitest';
import type { AuditMark } from '../cluster/audit-log.ts';
import { eventually } from '../cluster/eventually.ts';
import { keysAndOwners } from '../support/key-owners.ts';
import { configMap, is, useStage } from '../support/stage.ts';

/** 500 `failed to create typed` on apply: the stored object does not fit its CRD's types any more. */
const stage = useStage();

const GROUP = 'drift.example.com';
const NAME = `sizes.${GROUP}`;
const RECORD = 'watchkeeper.dev/own-keys';
const path = (ns: string, name: string) => `/apis/${GROUP}/v1/namespaces/${ns}/sizes/${name}`;

function crd(type: 'string' | 'integer') {
  const spec = { type: 'object', properties: { size: { type } } };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: NAME },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { plural: 'sizes', singular: 'size', kind: 'Size' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

const sized = (namespace: string, name: string, spec: object, labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: `${GROUP}/v1`,
  kind: 'Size',
  metadata: { namespace, name, labels },
  spec,
});

/** Resolves once the server applies by the new schema. */
async function withType(type: 'string' | 'integer', ns: string): Promise<void> {
  const { admin } = stage();
  await admin.apply(crd(type), { force: true });
  const probe = async () => {
    const query = 'fieldManager=probe&force=true&dryRun=All';
    const body = { apiVersion: `${GROUP}/v1`, kind: 'Size', metadata: { namespace: ns, name: 'victim' } };
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    return (await admin.request('PATCH', `${path(ns, 'victim')}?${query}`, body, headers)).status;
  };
  await eventually('the schema', probe, (status) => status === (type === 'string' ? 200 : 500));
}

async function enforce(ns: string, labels: Readonly<Record<string, string>>): Promise<void> {
  await stage().applyPolicy(ns, {
    mode: 'Enforce',
    match: {
      resources: [
        { group: GROUP, resource: 'sizes' },
        { group: '', resource: 'configmaps' },
      ],
      namespaces: [ns],
    },
    rules: [{ name: 'keys', set: { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) } }],
  });
}

const labelsOf = async (ns: string, name: string) => (await stage().admin.get(path(ns, name))).metadata.labels;

/** A namespace in which one object fitted its schema when it was labelled, and does not any more; another one does. */
async function drifted(labels: Readonly<Record<string, string>> = {}) {
  const { admin } = stage();
  const ns = await admin.createNamespace('answer-drift');
  await admin.apply(crd('string'), { force: true });
  await admin.waitForCrd(NAME);
  await eventually(
    'the objects',
    async () =>
      Promise.all([admin.apply(sized(ns, 'victim', { size: 'big' }, labels)), admin.apply(sized(ns, 'fits', {}))]),
    () => true,
  );
  const operator = await stage().startOperator();
  await enforce(ns, { team: 'blue', tier: 'a' });
  await stage().policy(ns, (policy) => policy.summary['owned'] === 2 && is(policy, 'Compliant') === 'True');
  await withType('integer', ns);
  return { ns, operator };
}

async function reported(ns: string) {
  const view = await stage().policy(ns, (policy) => policy.summary['errors'] === 1);
  expect(view.violations).toMatchObject([{ name: 'victim', rule: 'keys', result: 'Error' }]);
  expect(view.violations[0]?.message).toMatch(/failed to create typed|to smd typed/u);
  expect(is(view, 'Ready')).toBe('True');
}

beforeAll(async () => {
  await stage().grant(GROUP, ['sizes']);
});

describe('500 `failed to create typed` on apply', () => {
  test('keys are kept by merge patch and it is said so; after a restart they are found again and removed; nothing of others is', async () => {
    const { admin, cluster } = stage();
    const { ns, operator } = await drifted({ mine: 'x', team: 'red' });
    const mark = await cluster.auditMark();
    await enforce(ns, { team: 'green', size: 'l' });
    await stage().labels(path(ns, 'fits'), ({ team }) => team === 'green');
    await stage().labels(path(ns, 'victim'), ({ team }) => team === 'green');
    await reported(ns);
    expect(await labelsOf(ns, 'victim')).toEqual({ mine: 'x', team: 'green', size: 'l' });
    await admin.create(configMap(ns, 'beside'));
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/beside`, ({ team }) => team === 'green');
    const codes = async (since: AuditMark) =>
      (await stage().writesSince(since, ns)).filter(({ name }) => name === 'victim').map(({ code }) => code);
    // Applies are tried again once the patch has been seen, and a while later.
    await expect.poll(async () => (await codes(mark)).slice(0, 2)).toEqual([500, 200]);
    expect((await codes(mark)).length).toBeLessThanOrEqual(4);

    // Whoever starts anew tries once, has nothing to patch, and says the same.
    await operator.stop();
    const again = await cluster.auditMark();
    const second = await stage().startOperator();
    await expect.poll(async () => codes(again)).toEqual([500]);
    await admin.create(configMap(ns, 'sentinel'));
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/sentinel`, ({ team }) => team === 'green');
    const still = await stage().policy(
      ns,
      ({ violations }) => violations[0]?.message.includes('to smd typed') === true,
    );
    expect(still.violationsTotal).toBe(1);
    expect(await codes(again)).toEqual([500]);

    // While we are down the policy goes, and one of the keys is taken over by hand.
    await second.stop();
    await stage().deletePolicy(ns);
    await admin.patch(path(ns, 'victim'), { metadata: { labels: { size: 'xl' } } });
    await stage().startOperator();
    await stage().labels(path(ns, 'victim'), ({ team }) => team === undefined);
    const after = await admin.waitFor(path(ns, 'victim'), ({ metadata }) => metadata.annotations[RECORD] === undefined);
    expect(after.metadata.labels).toEqual({ mine: 'x', size: 'xl' });
    expect(after['spec']).toEqual({ size: 'big' });
    await stage().labels(path(ns, 'fits'), ({ team }) => team === undefined);
  });

  test('when the object fits again, apply owns the keys without a gap, and they can still be removed', async () => {
    const { admin, cluster } = stage();
    const { ns } = await drifted({ mine: 'x' });
    await enforce(ns, { team: 'green' });
    await stage().labels(path(ns, 'victim'), ({ team, tier }) => team === 'green' && tier === undefined);
    await reported(ns);
    const record = (await admin.get(path(ns, 'victim'))).metadata.annotations[RECORD];
    expect(JSON.parse(record ?? '')).toMatchObject({ applied: { labels: { team: 'green' } } });

    await withType('string', ns);
    const mark = await cluster.auditMark();
    await admin.patch(path(ns, 'victim'), { metadata: { annotations: { touched: 'yes' } } });
    const healed = await stage().policy(ns, (policy) => is(policy, 'Compliant') === 'True');
    expect(healed.summary).toMatchObject({ owned: 2, errors: 0 });
    const owners = keysAndOwners(await admin.get(path(ns, 'victim')));
    expect(owners['team']).toBe('green (before-first-apply, watchkeeper)');
    const writes = (await stage().writesSince(mark, ns)).filter(({ name }) => name === 'victim');
    expect(
      writes.filter(({ code }) => code === 200).map(({ requestURI }) => requestURI.includes('force=true')),
    ).toEqual([true]);

    await stage().deletePolicy(ns);
    await stage().labels(path(ns, 'victim'), ({ team }) => team === undefined);
    const after = await admin.waitFor(path(ns, 'victim'), ({ metadata }) => metadata.annotations[RECORD] === undefined);
    expect(after.metadata.labels).toEqual({ mine: 'x' });
    expect(after.metadata.annotations).toEqual({ touched: 'yes' });
  });

  test("a key that has the wanted value already is somebody else's and stays when the policy goes", async () => {
    const { admin } = stage();
    const { ns } = await drifted({ owner: 'me' });
    await enforce(ns, { owner: 'me', team: 'green' });
    await stage().labels(path(ns, 'victim'), ({ team }) => team === 'green');
    await stage().deletePolicy(ns);
    await stage().labels(path(ns, 'victim'), ({ team }) => team === undefined);
    expect(await labelsOf(ns, 'victim')).toEqual({ owner: 'me' });
    expect((await admin.get(path(ns, 'victim'))).metadata.annotations).toEqual({});
  });
});
