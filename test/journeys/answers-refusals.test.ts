import { describe, expect, test } from 'vitest';
import type { AuditMark } from '../cluster/audit-log.ts';
import { countByPolicy, refuseByPolicy, stripByPolicy } from '../support/admission.ts';
import { configMap, is, type PolicyView, useStage } from '../support/stage.ts';

/** Answers to a write that say no: what the object's Error is, how often it is tried, and who goes on meanwhile. */
const stage = useStage();

const path = (ns: string, name: string, resource = 'configmaps') => `/api/v1/namespaces/${ns}/${resource}/${name}`;
const blue = ({ team }: Readonly<Record<string, string>>) => team === 'blue';

const service = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace, name },
  spec: { ports: [{ port: 80 }] },
});

async function enforce(ns: string): Promise<void> {
  await stage().applyPolicy(ns, {
    mode: 'Enforce',
    match: { resources: ['configmaps', 'services'].map((resource) => ({ group: '', resource })), namespaces: [ns] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
}

/** The one Error that the policy has, and that the policy is ready all the same. */
async function errorOf(ns: string): Promise<{ readonly view: PolicyView; readonly message: string }> {
  const view = await stage().policy(ns, (policy) => policy.summary['errors'] === 1 && is(policy, 'Ready') === 'True');
  expect(view.conditions['Compliant']).toMatchObject({ status: 'False', reason: 'Errors' });
  expect(view.violations).toMatchObject([{ name: 'victim', rule: 'team', result: 'Error' }]);
  return { view, message: view.violations[0]?.message ?? '' };
}

/** Objects of the same kind and of another one that come now get their label. */
async function othersGoOn(ns: string, suffix = ''): Promise<void> {
  await stage().admin.create(configMap(ns, `other${suffix}`));
  await stage().admin.create(service(ns, `another${suffix}`));
  await stage().labels(path(ns, `other${suffix}`), blue);
  await stage().labels(path(ns, `another${suffix}`, 'services'), blue);
}

async function codes(mark: AuditMark, ns: string, name = 'victim'): Promise<readonly number[]> {
  return (await stage().writesSince(mark, ns)).filter((entry) => entry.name === name).map(({ code }) => code);
}

async function healed(ns: string): Promise<void> {
  await stage().labels(path(ns, 'victim'), blue);
  const view = await stage().policy(ns, (policy) => is(policy, 'Compliant') === 'True');
  expect(view.violations).toEqual([]);
}

describe('422 from validation or admission', () => {
  test('N6: is an Error of the object with the words of the ValidatingAdmissionPolicy, tried again when the object changes', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-422');
    const victim = path(ns, 'victim');
    await admin.create(configMap(ns, 'victim', {}, { a: 'locked' }));
    const locked = `object.data.a == 'locked' && has(object.metadata.labels) && 'team' in object.metadata.labels`;
    const message = 'locked objects have no team';
    const rule = { namespace: ns, concerns: victim, labels: { team: 'x' } };
    const lift = await refuseByPolicy(admin, rule, { expression: `!(${locked})`, message });
    const operator = await stage().startOperator();
    const mark = await cluster.auditMark();
    await enforce(ns);

    expect((await errorOf(ns)).message).toMatch(/^the API server refused the write: .*locked objects have no team$/);
    await othersGoOn(ns);
    expect(await codes(mark, ns)).toEqual([422]);
    const refused = await operator.metric('watchkeeper_writes_total', 'kind="configmaps",result="Refused"');
    expect(refused).toBe(1);

    await admin.patch(victim, { data: { a: 'open' } });
    await healed(ns);
    await expect.poll(async () => codes(mark, ns)).toEqual([422, 200]);
    await lift();
  });

  test('of the guard, as another policy changes more than labels in the same write: the Error says so, and names the field', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-guard');
    const victim = path(ns, 'victim');
    await admin.create(configMap(ns, 'victim'));
    const lift = await countByPolicy(admin, { namespace: ns, concerns: victim }, 'victim');
    await stage().startOperator();
    const mark = await cluster.auditMark();
    await enforce(ns);

    expect((await errorOf(ns)).message).toMatch(
      /^the API server refused the write: .* must not change data: Watchkeeper writes only labels and annotations/,
    );
    await othersGoOn(ns);
    expect(await codes(mark, ns)).toEqual([422]);
    expect((await admin.get(victim))['data']).toEqual({ a: 'b' });

    await lift();
    await admin.patch(victim, { data: { a: 'c' } });
    await healed(ns);
  });
});

describe('403, and the review allows', () => {
  test('of an admission policy: an Error of the object, and no right is said to be missing', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-403');
    const victim = path(ns, 'victim');
    await admin.create(configMap(ns, 'victim'));
    const message = 'not on my watch';
    const expression = `!(object.metadata.name == 'victim' && has(object.metadata.labels) && 'team' in object.metadata.labels)`;
    const rule = { namespace: ns, concerns: victim, labels: { team: 'x' } };
    const lift = await refuseByPolicy(admin, rule, { expression, message, reason: 'Forbidden' });
    await stage().startOperator();
    const mark = await cluster.auditMark();
    await enforce(ns);

    const { view, message: said } = await errorOf(ns);
    expect(said).toContain(message);
    expect(is(view, 'Watching')).toBe('True');
    expect(JSON.stringify(view.raw['status'])).not.toContain('grant');
    await othersGoOn(ns);
    expect(await codes(mark, ns)).toEqual([403]);
    await lift();
    // Nothing tells us that the rule is gone; a change of the object is reason to try, and else time is.
    await admin.patch(victim, { data: { a: 'c' } });
    await healed(ns);
  });

  test('of the RBAC escalation protection: an Error of the role, no advice to escalate, and other roles go on', async () => {
    const { admin, cluster } = stage();
    const group = 'rbac.authorization.k8s.io';
    const revoke = await stage().grant(group, ['roles']);
    const ns = await admin.createNamespace('answer-escalation');
    const role = (name: string, rule: object) => ({
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata: { namespace: ns, name },
      rules: [rule],
    });
    // The operator has every right of the one, and not of the other: it must not hand that out, not even by a label.
    await admin.create(role('victim', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }));
    await admin.create(role('harmless', { apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }));
    await stage().startOperator();
    const mark = await cluster.auditMark();
    await stage().applyPolicy(ns, {
      mode: 'Enforce',
      match: { resources: [{ group, resource: 'roles' }], namespaces: [ns] },
      rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
    });

    const { view, message } = await errorOf(ns);
    expect(message).toContain('attempting to grant RBAC permissions not currently held');
    expect(JSON.stringify(view.raw['status'])).not.toMatch(/escalate|"bind"|impersonate|verbs: \[/);
    await stage().labels(`/apis/${group}/v1/namespaces/${ns}/roles/harmless`, blue);
    expect(await codes(mark, ns)).toEqual([403]);
    await admin.patch(`/apis/${group}/v1/namespaces/${ns}/roles/victim`, {
      rules: [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }],
    });
    await stage().labels(`/apis/${group}/v1/namespaces/${ns}/roles/victim`, blue);
    await stage().policy(ns, (policy) => is(policy, 'Compliant') === 'True');
    await revoke();
  });
});

describe('200, and nothing came of it', () => {
  test('a MutatingAdmissionPolicy strips our key: an Error, few writes, and others go on', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-strip');
    const victim = path(ns, 'victim');
    await admin.create(configMap(ns, 'victim'));
    const lift = await stripByPolicy(admin, { namespace: ns, concerns: victim }, 'team');
    await stage().startOperator();
    const mark = await cluster.auditMark();
    await enforce(ns);

    expect((await errorOf(ns)).message).toContain('an admission webhook or policy may undo it at once');
    await admin.create(service(ns, 'another'));
    await stage().labels(path(ns, 'another', 'services'), blue);
    const tries = await codes(mark, ns);
    expect(tries.length).toBeLessThanOrEqual(2);
    expect(new Set(tries)).toEqual(new Set([200]));
    expect((await admin.get(victim)).metadata.labels).toEqual({});

    await lift();
    await admin.patch(victim, { data: { a: 'c' } });
    await healed(ns);
  });
});

describe('200', () => {
  test('the answer is the new picture: one write for each object, and none after it', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-200');
    await admin.createMany(Array.from({ length: 20 }, (_, i) => configMap(ns, `cm-${i}`)));
    await stage().startOperator();
    const mark = await cluster.auditMark();
    await enforce(ns);
    await stage().policy(ns, (policy) => policy.summary['owned'] === 20 && is(policy, 'Compliant') === 'True');
    await othersGoOn(ns);
    await expect
      .poll(async () => (await stage().writesSince(mark, ns)).map(({ code }) => code))
      .toEqual(Array.from({ length: 22 }, () => 200));
  });
});
