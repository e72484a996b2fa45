import { describe, expect, test } from 'vitest';
import type { AuditMark } from '../cluster/audit-log.ts';
import { at } from '../cluster/kube-object.ts';
import { keysAndOwners } from '../support/key-owners.ts';
import { quiet } from '../support/policy-story.ts';
import { configMap, is, useStage } from '../support/stage.ts';

declare global {
  interface JSON {
    /** A part of a document as it is to be written. */
    rawJSON(text: string): unknown;
  }
}

const stage = useStage();

const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const path = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

function policyOn(namespace: string, rules: readonly object[], more: object = {}) {
  return { mode: 'Enforce' as const, match: { resources: [CONFIG_MAPS], namespaces: [namespace] }, rules, ...more };
}

const keysOf = async (file: string) => keysAndOwners(await stage().admin.get(file));

/** Until the object has these keys with these owners. */
async function settles(file: string, keys: Readonly<Record<string, string>>): Promise<void> {
  await expect.poll(async () => keysOf(file)).toEqual(keys);
}

/** How the operator wrote each object since, in order. */
async function writes(mark: AuditMark, namespace: string): Promise<readonly string[]> {
  const entries = await stage().writesSince(mark, namespace);
  return entries.map(({ name, fieldManager, code }) => `${name} ${fieldManager} ${code}`);
}

describe('copy from the Namespace', () => {
  const rule = {
    name: 'team',
    copy: {
      from: 'Namespace',
      labels: ['acme.io/*', 'kubernetes.io/*'],
      annotations: ['acme.io/*'],
      except: ['acme.io/internal-*'],
    },
  };

  test('follows the Namespace, reverts drift, and lets go of what the Namespace or the policy lets go', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('copied', { 'acme.io/team': 'blue', 'acme.io/internal-id': '7' });
    const namespace = `/api/v1/namespaces/${ns}`;
    await admin.patch(namespace, { metadata: { annotations: { 'acme.io/contact': 'b@example.com', other: 'x' } } });
    await admin.create(configMap(ns, 'web', { 'acme.io/team': 'red', 'acme.io/internal-id': '1' }));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy('copied', policyOn(ns, [rule]));
    const blue = {
      'acme.io/team': 'blue (watchkeeper)',
      'acme.io/internal-id': '1 (test-admin)',
      '@acme.io/contact': 'b@example.com (watchkeeper)',
    };
    await settles(path(ns, 'web'), blue);

    // What somebody changes or removes by hand comes back.
    await admin.patch(path(ns, 'web'), { metadata: { labels: { 'acme.io/team': 'red' } } });
    await settles(path(ns, 'web'), blue);
    await admin.patch(path(ns, 'web'), { metadata: { annotations: { 'acme.io/contact': null } } });
    await settles(path(ns, 'web'), blue);
    // What is not copied is nobody's business.
    await admin.patch(namespace, { metadata: { labels: { 'acme.io/internal-id': '8' }, annotations: { other: 'y' } } });

    await admin.patch(namespace, { metadata: { annotations: { 'acme.io/contact': 'c@example.com' } } });
    await settles(path(ns, 'web'), { ...blue, '@acme.io/contact': 'c@example.com (watchkeeper)' });
    await admin.patch(namespace, { metadata: { labels: { 'acme.io/team': null, 'acme.io/tier': 'gold' } } });
    const gold = {
      'acme.io/tier': 'gold (watchkeeper)',
      'acme.io/internal-id': '1 (test-admin)',
      '@acme.io/contact': 'c@example.com (watchkeeper)',
    };
    await settles(path(ns, 'web'), gold);

    // Another process finds everything as it is to be.
    await operator.stop();
    const another = await stage().startOperator();
    await stage().policy('copied', (policy) => policy.summary['owned'] === 1 && is(policy, 'Compliant') === 'True');
    await quiet(stage(), another);
    await stage().deletePolicy('copied');
    await settles(path(ns, 'web'), { 'acme.io/internal-id': '1 (test-admin)' });
    await quiet(stage(), another);
    await expect.poll(async () => writes(mark, ns)).toEqual(Array(6).fill('web watchkeeper 200'));
  });

  test('keeps what is held while it is in Audit, and says what it would do', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('copied', { 'acme.io/team': 'blue' });
    await admin.create(configMap(ns, 'web'));
    const operator = await stage().startOperator();
    await stage().applyPolicy('held', policyOn(ns, [rule]));
    await settles(path(ns, 'web'), { 'acme.io/team': 'blue (watchkeeper)' });
    await operator.stop();
    await stage().applyPolicy('held', policyOn(ns, [rule], { mode: 'Audit' }));
    await admin.patch(`/api/v1/namespaces/${ns}`, {
      metadata: { labels: { 'acme.io/team': null, 'acme.io/tier': 'gold' } },
    });
    await stage().startOperator();
    const { violations } = await stage().policy('held', (policy) => policy.violationsTotal === 2);
    expect(violations.map(({ message }) => message).toSorted()).toEqual([
      "label 'acme.io/team', set by Watchkeeper, is not wanted any more and would be removed",
      "label 'acme.io/tier' is absent and would be set to 'gold'",
    ]);
    expect(await keysOf(path(ns, 'web'))).toEqual({ 'acme.io/team': 'blue (watchkeeper)' });
  });

  test('that only fills what is absent displaces nothing', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('filled', { 'acme.io/team': 'blue', 'acme.io/tier': 'gold' });
    await admin.create(configMap(ns, 'web', { 'acme.io/team': 'red' }));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy(
      'filled',
      policyOn(ns, [{ name: 'fill', copy: { from: 'Namespace', labels: ['acme.io/*'], overwrite: 'IfAbsent' } }]),
    );
    await settles(path(ns, 'web'), { 'acme.io/team': 'red (test-admin)', 'acme.io/tier': 'gold (watchkeeper)' });
    await quiet(stage(), operator);
    await expect.poll(async () => writes(mark, ns)).toEqual(['web watchkeeper 200']);
  });
});

describe('rename', () => {
  const rename = { name: 'owner', rename: { labels: [{ from: 'owner', to: 'acme.io/owner' }] } };

  test('moves the value for good, in two writes', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('renamed');
    await admin.create(configMap(ns, 'web', { owner: 'core', other: 'x' }));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy('renamed', policyOn(ns, [rename], { mode: 'Audit' }));
    const audit = await stage().policy('renamed', (policy) => policy.violationsTotal === 1);
    expect(audit.violations[0]?.message).toBe("label 'owner' is 'core' and would be renamed to 'acme.io/owner'");

    await stage().applyPolicy('renamed', policyOn(ns, [rename]));
    const renamed = { 'acme.io/owner': 'core (watchkeeper-retained)', other: 'x (test-admin)' };
    await settles(path(ns, 'web'), renamed);
    await stage().policy('renamed', (policy) => is(policy, 'Compliant') === 'True' && policy.summary['matched'] === 1);

    // It is the object's own from here on: who changes it is not undone.
    await admin.patch(path(ns, 'web'), { metadata: { labels: { 'acme.io/owner': 'platform' } } });
    await operator.stop();
    const another = await stage().startOperator();
    await quiet(stage(), another);
    await stage().deletePolicy('renamed');
    await quiet(stage(), another);
    expect(await keysOf(path(ns, 'web'))).toEqual({
      'acme.io/owner': 'platform (test-admin)',
      other: 'x (test-admin)',
    });
    await expect.poll(async () => writes(mark, ns)).toEqual(['web watchkeeper-retained 200', 'web watchkeeper 200']);
  });

  test('destroys neither value where the new name is taken, says so, and goes on once it can', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('taken');
    await admin.create(configMap(ns, 'equal', { owner: 'core', 'acme.io/owner': 'core' }));
    await admin.create(configMap(ns, 'other', { owner: 'core', 'acme.io/owner': 'platform' }));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy('taken', policyOn(ns, [rename]));
    await settles(path(ns, 'equal'), { 'acme.io/owner': 'core (test-admin)' });
    const { violations } = await stage().policy('taken', (policy) => policy.violationsTotal === 1);
    expect(violations[0]).toMatchObject({
      name: 'other',
      result: 'Error',
      message: "label 'owner' is not renamed: label 'acme.io/owner' is there already with another value",
    });
    await quiet(stage(), operator);
    expect(await keysOf(path(ns, 'other'))).toEqual({
      'acme.io/owner': 'platform (test-admin)',
      owner: 'core (test-admin)',
    });
    await admin.patch(path(ns, 'other'), { metadata: { labels: { 'acme.io/owner': null } } });
    await settles(path(ns, 'other'), { 'acme.io/owner': 'core (watchkeeper-retained)' });
    await stage().policy('taken', (policy) => is(policy, 'Compliant') === 'True');
    await quiet(stage(), operator);
    await expect
      .poll(async () => writes(mark, ns))
      .toEqual(['equal watchkeeper 200', 'other watchkeeper-retained 200', 'other watchkeeper 200']);
  });
});

describe('remove', () => {
  const rule = { name: 'legacy', remove: { labels: ['legacy/*', 'old'], annotations: ['legacy/*'] } };

  test('takes all keys of an object in one write, again when one comes back, and brings nothing back later', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('retired');
    await admin.create(configMap(ns, 'web', { 'legacy/a': '1', 'legacy/b': '2', old: '3', kept: '4' }));
    await admin.patch(path(ns, 'web'), { metadata: { annotations: { 'legacy/note': 'secret', kept: 'x' } } });
    await admin.create(configMap(ns, 'clean'));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy('retired', policyOn(ns, [rule], { mode: 'Audit' }));
    const audit = await stage().policy('retired', (policy) => policy.violationsTotal === 4);
    expect(audit.violations.map(({ message }) => message).toSorted()).toEqual([
      "annotation 'legacy/note' is there and would be removed",
      "label 'legacy/a' is '1' and would be removed",
      "label 'legacy/b' is '2' and would be removed",
      "label 'old' is '3' and would be removed",
    ]);

    await stage().applyPolicy('retired', policyOn(ns, [rule]));
    const kept = { kept: '4 (test-admin)', '@kept': 'x (test-admin)' };
    await settles(path(ns, 'web'), kept);
    await admin.patch(path(ns, 'web'), { metadata: { labels: { 'legacy/a': '1' } } });
    await settles(path(ns, 'web'), kept);
    await operator.stop();
    await admin.patch(path(ns, 'web'), { metadata: { labels: { 'legacy/c': '1' } } });
    const another = await stage().startOperator();
    await settles(path(ns, 'web'), kept);
    await quiet(stage(), another);
    await stage().deletePolicy('retired');
    await quiet(stage(), another);
    expect(await keysOf(path(ns, 'web'))).toEqual(kept);
    await expect.poll(async () => writes(mark, ns)).toEqual(Array(3).fill('web watchkeeper 200'));
  });

  test("takes another policy's keys too where it comes first, and the other one says so", async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('compete');
    await admin.create(configMap(ns, 'web'));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    const set = { name: 'sets', set: { labels: [{ key: 'old', value: 'v' }] } };
    await stage().applyPolicy('b-set', policyOn(ns, [set]));
    await settles(path(ns, 'web'), { old: 'v (watchkeeper)' });
    await stage().applyPolicy('a-remove', policyOn(ns, [rule]));
    await settles(path(ns, 'web'), {});
    const yielded = await stage().policy('b-set', (policy) => policy.summary['yielded'] === 1);
    expect(yielded.violations[0]?.message).toBe("label 'old' is decided by policy 'a-remove' rule 'legacy'");
    // With a higher priority the other one wins.
    await stage().applyPolicy('b-set', policyOn(ns, [set], { priority: 1 }));
    await settles(path(ns, 'web'), { old: 'v (watchkeeper)' });
    await stage().policy('a-remove', (policy) => policy.summary['yielded'] === 1);
    await quiet(stage(), operator);
    await expect.poll(async () => writes(mark, ns)).toEqual(Array(3).fill('web watchkeeper 200'));
  });
});

describe('values', () => {
  test('from annotations of the Namespace are made to fit, or fall back', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('fitted');
    const namespace = `/api/v1/namespaces/${ns}`;
    await admin.patch(namespace, { metadata: { annotations: { contact: 'Team Blue <b@example.com>' } } });
    await admin.create(configMap(ns, 'web'));
    await stage().startOperator();
    const key = { key: 'contact', valueFrom: { namespaceAnnotation: 'contact' }, invalidValue: 'Sanitize' };
    await stage().applyPolicy(
      'fitted',
      policyOn(ns, [{ name: 'contact', set: { labels: [{ ...key, fallback: 'nobody' }] } }]),
    );
    await settles(path(ns, 'web'), { contact: 'Team-Blue-b-example.com (watchkeeper)' });
    await admin.patch(namespace, { metadata: { annotations: { contact: '???' } } });
    await settles(path(ns, 'web'), { contact: 'nobody (watchkeeper)' });
    const { summary } = await stage().policy('fitted', (policy) => policy.summary['owned'] === 1);
    expect(summary['errors']).toBe(0);
  });

  test('that are integers beyond 2^53 are seen as such and never rounded', async () => {
    const { admin } = stage();
    const group = 'numbers.writes.acme.io';
    await admin.apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `counters.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'counters', singular: 'counter', kind: 'Counter' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: { spec: { type: 'object', properties: { n: { type: 'integer', format: 'int64' } } } },
              },
            },
          },
        ],
      },
    });
    await admin.waitForCrd(`counters.${group}`);
    await stage().grant(group, ['counters']);
    const ns = await admin.createNamespace('numbers');
    // A number of JavaScript would be rounded on the way to the server.
    const counter = (name: string, n: string) =>
      admin.apply({
        apiVersion: `${group}/v1`,
        kind: 'Counter',
        metadata: { namespace: ns, name },
        spec: { n: JSON.rawJSON(n) },
      });
    await counter('safe', '9007199254740991');
    await counter('large', '9007199254740993');
    await stage().startOperator();
    await stage().applyPolicy('numbers', {
      mode: 'Enforce',
      match: { resources: [{ group, resource: 'counters', version: 'v1' }], namespaces: [ns] },
      rules: [{ name: 'n', set: { labels: [{ key: 'n', valueFrom: { jsonPath: '$.spec.n' } }] } }],
    });
    const { violations } = await stage().policy('numbers', (policy) => policy.violationsTotal === 1);
    expect(violations[0]).toMatchObject({
      name: 'large',
      result: 'Error',
      message: expect.stringContaining('the value is an integer beyond 2^53'),
    });
    const file = (name: string) => `/apis/${group}/v1/namespaces/${ns}/counters/${name}`;
    await stage().labels(file('safe'), ({ n }) => n === '9007199254740991');
    expect((await admin.get(file('large'))).metadata.labels).toEqual({});
  });
});

const controlled = (namespace: string, name: string, labels: Readonly<Record<string, string>>) => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'no-such-uid', controller: true };
  const object = configMap(namespace, name, labels);
  return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
};

describe('protection', () => {
  test('G6: an object of a controller keeps its labels of somebody else, and gets new ones', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('controlled');
    await admin.create(controlled(ns, 'pod', { app: 'web', owner: 'core', 'legacy/a': '1' }));
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy(
      'controlled',
      policyOn(ns, [
        { name: 'change', set: { labels: [{ key: 'app', value: 'other' }] } },
        { name: 'move', rename: { labels: [{ from: 'owner', to: 'acme.io/owner' }] } },
        { name: 'clean', remove: { labels: ['legacy/*'] } },
        { name: 'add', set: { labels: [{ key: 'team', value: 'blue' }] } },
      ]),
    );
    const { violations } = await stage().policy('controlled', (policy) => policy.violationsTotal === 3);
    const why = 'the object belongs to a controller, which may select it by this label';
    expect(violations.map(({ result, message }) => `${result}: ${message}`).toSorted()).toEqual([
      `Error: label 'app' is not changed: ${why}`,
      `Error: label 'legacy/a' is not removed: ${why}`,
      `Error: label 'owner' is not renamed: ${why}`,
    ]);
    await settles(path(ns, 'pod'), {
      app: 'web (test-admin)',
      'legacy/a': '1 (test-admin)',
      owner: 'core (test-admin)',
      team: 'blue (watchkeeper)',
    });
    await quiet(stage(), operator);
    await expect.poll(async () => writes(mark, ns)).toEqual(['pod watchkeeper 200']);
  });

  test('the owner of the cluster allows keys that are protected otherwise', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('allowed', { 'topology.kubernetes.io/zone': 'z1' });
    await admin.create(configMap(ns, 'web', { 'node.kubernetes.io/x': '1' }));
    const policy = policyOn(ns, [
      { name: 'inject', set: { labels: [{ key: 'istio-injection', value: 'enabled' }] } },
      { name: 'zone', copy: { from: 'Namespace', labels: ['**'] } },
      { name: 'clean', remove: { labels: ['node.*/**'] } },
    ]);
    const operator = await stage().startOperator();
    await stage().applyPolicy('allowed', policy);
    const refused = await stage().policy('allowed', (view) => is(view, 'Accepted') === 'False');
    expect(refused.conditions['Accepted']?.message).toContain("the cluster's owner can allow it with --allow-keys");
    await operator.stop();

    const allowing = await stage().startOperator({ args: ['--allow-keys', 'istio-injection'] });
    await settles(path(ns, 'web'), {
      'istio-injection': 'enabled (watchkeeper)',
      'node.kubernetes.io/x': '1 (test-admin)',
    });
    await allowing.stop();
    await stage().startOperator({
      args: ['--allow-keys', 'istio-injection', '--allow-keys', 'topology.kubernetes.io/*'],
    });
    await settles(path(ns, 'web'), {
      'istio-injection': 'enabled (watchkeeper)',
      'node.kubernetes.io/x': '1 (test-admin)',
      'topology.kubernetes.io/zone': 'z1 (watchkeeper)',
    });
    // Never by any glob: the label that every Namespace has.
    expect(at((await admin.get(path(ns, 'web'))).metadata, 'labels')).not.toHaveProperty('kubernetes.io/metadata.name');
  });
});
