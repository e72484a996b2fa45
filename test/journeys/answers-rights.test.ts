import { beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { createAdmin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';
import { configMap, is, useStage } from '../support/stage.ts';

/** Rights that are missing: each is named exactly, holds up nothing else, and its grant is noticed. */
const stage = useStage();
// What other tests left would be taken away first, and refused by what stands there.
beforeEach(async () => stage().sweep());

const MERGE = { 'content-type': 'application/merge-patch+json' };
const RBAC = 'rbac.authorization.k8s.io';
const OPERATOR = { kind: 'ServiceAccount', name: 'watchkeeper', namespace: 'watchkeeper' };
const LIMITS = { group: '', resource: 'limitranges' };
const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const OBJECTS = 60;
const blue = ({ team }: Readonly<Record<string, string>>) => team === 'blue';
const path = (ns: string, name: string, resource = 'limitranges') => `/api/v1/namespaces/${ns}/${resource}/${name}`;

const limitRange = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { namespace, name },
  spec: { limits: [{ type: 'Pod', max: { cpu: '4' } }] },
});

async function enforce(name: string, namespaces: readonly string[], resources = [LIMITS, CONFIG_MAPS]): Promise<void> {
  await stage().applyPolicy(name, {
    mode: 'Enforce',
    match: { resources, namespaces },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
}

async function forbidden(name: string, verbs: string) {
  const view = await stage().policy(
    name,
    ({ conditions }) =>
      conditions['Watching']?.reason === 'Forbidden' && conditions['Watching'].message.includes(verbs),
  );
  expect(view.conditions['Ready']).toMatchObject({ status: 'False', reason: 'Forbidden' });
  expect(view.conditions['Watching']?.message).not.toMatch(/escalate|"bind"|impersonate|"create"|"\*"/u);
  return view.conditions['Watching']?.message ?? '';
}

/** Replaces the rules of one of the operator's own roles; returns how to put them back. */
async function withRules(role: string, rules: readonly object[]): Promise<() => Promise<void>> {
  const { admin } = stage();
  const before = (await admin.get(role))['rules'];
  await admin.patch(role, { rules });
  return async () => {
    await admin.patch(role, { rules: before });
  };
}

describe('403, and a SelfSubjectAccessReview denies', () => {
  test.each([
    ['list', ['watch', 'patch']],
    ['watch', ['list', 'patch']],
    ['patch', ['list', 'watch']],
  ])(
    '%s alone is missing: it alone is named, other kinds go on, and it heals once it is granted',
    async (verb, granted) => {
      const { admin, cluster } = stage();
      const ns = await admin.createNamespace(`no-${verb}`);
      await admin.createMany(Array.from({ length: OBJECTS }, (_, i) => limitRange(ns, `l-${i}`)));
      await admin.create(configMap(ns, 'beside'));
      const revoke = await stage().grant('', ['limitranges'], granted);
      await stage().startOperator();
      const mark = await cluster.auditMark();
      await enforce(ns, [ns]);
      const message = await forbidden(ns, `verbs: ["${verb}"]`);
      expect(message).toContain(
        `grant the operator's ServiceAccount apiGroups: [""], resources: ["limitranges"], verbs: ["${verb}"]`,
      );
      await stage().labels(path(ns, 'beside', 'configmaps'), blue);
      // Those that were under way together, and a try now and then: not one for each object.
      const refused = (await stage().writesSince(mark, ns)).filter(({ code }) => code === 403);
      expect(refused.length).toBeLessThan(OBJECTS);

      await stage().grant('', ['limitranges']);
      await stage().waitForCount(`/api/v1/namespaces/${ns}/limitranges`, 'team=blue', OBJECTS);
      const healed = await stage().policy(ns, (policy) => is(policy, 'Ready') === 'True');
      expect(healed.watching).toMatchObject({ synced: 2, forbidden: 0 });
      await revoke();
    },
  );

  test('G2: a right that is taken from the operator while it runs stops its writes, and what was written stays', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('revoked');
    await admin.create(limitRange(ns, 'before'));
    const revoke = await stage().grant('', ['limitranges']);
    const operator = await stage().startOperator();
    await enforce(ns, [ns], [LIMITS]);
    await stage().labels(path(ns, 'before'), blue);
    await revoke();
    await eventually(
      'the refusal of the API server',
      async () => (await rights()).status,
      (status) => status === 403,
    );
    const mark = await cluster.auditMark();
    await admin.create(limitRange(ns, 'after'));
    await forbidden(ns, 'verbs: [');
    const taken = (await stage().writesSince(mark, ns)).filter(({ code }) => code < 300);
    expect(taken).toEqual([]);
    expect((await admin.get(path(ns, 'after'))).metadata.labels).toEqual({});
    expect((await admin.get(path(ns, 'before'))).metadata.labels).toEqual({ team: 'blue' });
    expect(await operator.stop()).toBe(0);

    async function rights() {
      const client = await createAdmin(stage().operatorKubeconfig);
      const answer = await client.request('PATCH', `${path(ns, 'before')}?dryRun=All`, { metadata: {} }, MERGE);
      client.close();
      return answer;
    }
  });

  test('N5: a right to patch in some namespaces only: these go on, the others are named with the rule, and heal by a Role', async () => {
    const { admin } = stage();
    const [good, bad] = [await admin.createNamespace('may'), await admin.createNamespace('may-not')];
    for (const ns of [good, bad]) await admin.create(limitRange(ns, 'one'));
    const revoke = await stage().grant('', ['limitranges'], ['list', 'watch']);
    const grantIn = async (namespace: string) => {
      const metadata = { namespace, name: 'patch-limits' };
      const rules = [{ apiGroups: [''], resources: ['limitranges'], verbs: ['patch'] }];
      await admin.create({ apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules });
      const roleRef = { apiGroup: RBAC, kind: 'Role', name: 'patch-limits' };
      await admin.create({ apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects: [OPERATOR] });
    };
    await grantIn(good);
    await stage().startOperator();
    await enforce('both', [good, bad], [LIMITS]);
    await enforce('within', [good], [LIMITS]);
    await stage().labels(path(good, 'one'), blue);
    expect(await forbidden('both', 'by a Role')).toContain(
      `grant the operator's ServiceAccount by a Role in the namespace ${bad}: apiGroups: [""], resources: ["limitranges"], verbs: ["patch"]`,
    );
    // What comes there later is written at once, and a policy that reaches no further misses nothing.
    await admin.create(limitRange(good, 'later'));
    await stage().labels(path(good, 'later'), blue);
    await stage().policy('within', (policy) => is(policy, 'Ready') === 'True');

    await grantIn(bad);
    await stage().labels(path(bad, 'one'), blue);
    await stage().policy('both', (policy) => is(policy, 'Ready') === 'True');
    await revoke();
  });
});

describe("the operator's own rights", () => {
  test.each([
    ['get', ['patch', 'create'], 'the ledger cannot be read'],
    ['patch', ['get', 'create'], 'the ledger cannot be kept'],
    ['create', ['get', 'patch'], 'the ledger cannot be kept'],
  ])('%s on the ledger is missing: nothing is written, status says why, and it heals', async (verb, granted, why) => {
    const { admin } = stage();
    const ns = await admin.createNamespace(`ledger-${verb}`);
    await admin.create(configMap(ns, 'one'));
    const restore = await withRules(`/apis/${RBAC}/v1/namespaces/watchkeeper/roles/watchkeeper-ledger`, [
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: ['watchkeeper-ledger'],
        verbs: granted.filter((one) => one !== 'create'),
      },
      ...(granted.includes('create') ? [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }] : []),
    ]);
    // In the operator's own namespace nothing else may be granted by targets.yaml.
    const restoreTargets = await withRules(`/apis/${RBAC}/v1/clusterroles/watchkeeper-targets`, [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] },
    ]);
    await admin.create({
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: { namespace: ns, name: 'targets' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'edit-config-maps' },
      subjects: [OPERATOR],
    });
    await admin.apply({
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'edit-config-maps' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch'] }],
    });
    stage().launchOperator();
    await enforce(ns, [ns], [CONFIG_MAPS]);
    const told = `${why}: configmaps "watchkeeper-ledger" is forbidden`;
    const view = await stage().policy(ns, ({ conditions }) => conditions['Ready']?.message.includes(told) === true);
    expect(view.conditions['Ready']?.message).toContain(`cannot ${verb} resource "configmaps"`);
    expect((await admin.get(path(ns, 'one', 'configmaps'))).metadata.labels).toEqual({});
    await restore();
    await stage().labels(path(ns, 'one', 'configmaps'), blue);
    await stage().policy(ns, (policy) => is(policy, 'Ready') === 'True');
    await restoreTargets();
  });

  test('patch on the status of policies is missing: no status can say so, so the log does once, and /readyz; all else goes on, and it heals', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('no-status');
    const role = `/apis/${RBAC}/v1/clusterroles/watchkeeper`;
    const rules = z.array(z.looseObject({ resources: z.array(z.string()) })).parse((await admin.get(role))['rules']);
    const restore = await withRules(
      role,
      rules.filter(({ resources }) => !resources.includes('watchpolicies/status')),
    );
    const grant = 'apiGroups: ["watchkeeper.dev"], resources: ["watchpolicies/status"], verbs: ["patch"]';
    const operator = await stage().startOperator();
    for (const name of ['first', 'second', 'third']) await enforce(name, [ns], [CONFIG_MAPS]);
    await admin.create(configMap(ns, 'one'));
    await stage().labels(path(ns, 'one', 'configmaps'), blue);
    const readyz = async () => operator.page('/readyz');
    await eventually('/readyz', readyz, ({ status, body }) => status === 200 && body.includes(grant));
    const failed = async () => operator.metric('watchkeeper_status_writes_total', 'result="failed"');
    await eventually('tries', failed, (count) => count >= 6);
    const loud = operator.lines.filter(({ level, msg }) => level >= 40 && /status|right/.test(msg));
    expect(loud.map(({ msg }) => msg)).toEqual([
      'a status could not be written; it is tried again',
      'a right is missing',
    ]);
    expect(loud[1]?.['reason']).toContain(grant);

    await restore();
    for (const name of ['first', 'second', 'third']) {
      await stage().policy(name, (policy) => is(policy, 'Ready') === 'True');
    }
    await eventually('/readyz', readyz, ({ body }) => !body.includes(grant));
  });
});
