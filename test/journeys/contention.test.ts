import { expect, test } from 'vitest';
import type { AuditMark } from '../cluster/audit-log.ts';
import { LabelFighter } from '../support/label-fighter.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

function path(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps/${name}`;
}

function enforce(namespace: string, key: string, value: string, match: object = {}) {
  return {
    mode: 'Enforce' as const,
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace], ...match },
    rules: [{ name: key, set: { labels: [{ key, value }] } }],
  };
}

const has = (key: string) => ({ objectSelector: { matchExpressions: [{ key, operator: 'Exists' }] } });
const lacks = (key: string) => ({ objectSelector: { matchExpressions: [{ key, operator: 'DoesNotExist' }] } });

/** Two policies on the objects `fought` and `free`. */
async function twoPolicies(ns: string, prefix = ''): Promise<void> {
  await stage().applyPolicy(`${prefix}team`, enforce(ns, 'team', 'blue'));
  await stage().applyPolicy(`${prefix}tier`, enforce(ns, 'tier', 'web'));
}

/** By object and policy, how often the operator wrote it. */
async function ownWrites(mark: AuditMark, ns: string, prefix = '') {
  const entries = (await stage().cluster.entriesSince(mark)).filter(({ userAgent }) =>
    userAgent.startsWith('watchkeeper/'),
  );
  const objects = (name: string) => entries.filter((entry) => entry.namespace === ns && entry.name === name).length;
  const statuses = (name: string) =>
    entries.filter((entry) => entry.resource === 'watchpolicies' && entry.name === `${prefix}${name}`).length;
  return { fought: objects('fought'), free: objects('free'), team: statuses('team'), tier: statuses('tier') };
}

test('F1, N7: a label that another manager sets back is left to it and the manager named, until it gives up', async () => {
  const { admin, cluster } = stage();
  const [calm, ns] = [await admin.createNamespace('calm'), await admin.createNamespace('fought')];
  for (const place of [calm, ns]) for (const name of ['fought', 'free']) await admin.create(configMap(place, name));
  await stage().startOperator();
  // The same where nobody fights.
  const before = await cluster.auditMark();
  await twoPolicies(calm, 'calm-');
  for (const name of ['calm-team', 'calm-tier'])
    await stage().policy(name, (policy) => policy.summary['owned'] === 2 && is(policy, 'Compliant') === 'True');
  const undisturbed = await ownWrites(before, calm, 'calm-');
  const fighter = new LabelFighter(admin, path(ns, 'fought'), 'gitops', ['team', 'red']);
  const written = async (mark: AuditMark, name: string) =>
    (await stage().writesSince(mark, ns)).filter((write) => write.name === name).length;
  try {
    const start = await cluster.auditMark();
    await twoPolicies(ns);
    const contended = await stage().policy(
      'team',
      (policy) =>
        is(policy, 'Contended') === 'True' &&
        policy.conditions['Contended']?.message.includes("'gitops'") === true &&
        // A fight is told of at once, what holds of all objects when all of them are evaluated.
        policy.violationsTotal === 1,
    );
    const since = Date.now();
    expect(contended.conditions['Contended']?.reason).toBe('AnotherManager');
    expect(contended.conditions['Contended']?.message).toContain(`ConfigMap ${ns}/fought: label 'team'`);
    expect(contended.violations).toMatchObject([{ name: 'fought', rule: 'team', result: 'Yielded' }]);
    expect(contended.summary).toMatchObject({ matched: 2, yielded: 1, violating: 0, errors: 0 });
    expect(is(contended, 'Ready')).toBe('True');
    // Four writes of the label in place of one; and both keys are one write or two, as it happens.
    const disturbed = await ownWrites(start, ns);
    expect(disturbed.fought).toBeLessThanOrEqual(undisturbed.fought + 3 + 1);
    expect(disturbed.free).toBeLessThanOrEqual(undisturbed.free + 1);
    // Statuses are written once a second at most, while it takes a few to find out.
    expect(disturbed.team).toBeLessThanOrEqual(undisturbed.team + 4);
    expect(disturbed.tier).toBeLessThanOrEqual(undisturbed.tier + 1);

    // Other keys of the object, other objects and other policies go on.
    const quiet = await cluster.auditMark();
    await admin.patch(path(ns, 'free'), { metadata: { labels: { team: 'red' } } });
    await stage().labels(path(ns, 'free'), (labels) => labels['team'] === 'blue' && labels['tier'] === 'web');
    await admin.patch(path(ns, 'fought'), { metadata: { labels: { tier: 'db' } } });
    await stage().labels(path(ns, 'fought'), (labels) => labels['team'] === 'red' && labels['tier'] === 'web');
    expect(is(await stage().policy('tier', () => true), 'Contended')).toBe('False');
    await expect.poll(() => written(quiet, 'free')).toBe(1);
    expect(await written(quiet, 'fought')).toBe(1);
    await fighter.stop();

    // It is tried once more after a minute, and not before.
    await stage().labels(path(ns, 'fought'), (labels) => labels['team'] === 'blue');
    expect(Date.now() - since).toBeGreaterThan(50_000);
    const over = await stage().policy('team', (policy) => is(policy, 'Contended') === 'False');
    expect(over.violations).toEqual([]);
    expect(over.summary).toMatchObject({ matched: 2, compliant: 2, owned: 2, yielded: 0 });
    expect(await written(quiet, 'fought')).toBe(2);
  } finally {
    await fighter.stop();
  }
});

test('F3: policies that undo each other are stopped and named, and heal at once when one of them goes', async () => {
  const { admin, cluster } = stage();
  const ns = await admin.createNamespace('cycle');
  await admin.create(configMap(ns, 'spins'));
  await stage().startOperator();
  const start = await cluster.auditMark();
  await stage().applyPolicy('marker', enforce(ns, 'marked', '1', { names: ['sentinel'] }));
  await stage().applyPolicy('without-y', enforce(ns, 'x', '1', lacks('y')));
  await stage().labels(path(ns, 'spins'), (labels) => labels['x'] === '1');
  await stage().applyPolicy('with-x', enforce(ns, 'y', '1', has('x')));
  for (const name of ['without-y', 'with-x']) {
    const contended = await stage().policy(
      name,
      (policy) => is(policy, 'Contended') === 'True' && policy.summary['yielded'] !== undefined,
    );
    expect(contended.conditions['Contended']?.reason).toBe('SelfOscillation');
    expect(contended.conditions['Contended']?.message).toMatch(
      /ConfigMap .*\/spins: policies 'with-x' and 'without-y' undo each other's writes of label 'x' and label 'y'/,
    );
    expect(contended.summary).toMatchObject({ yielded: 1 });
  }
  const mark = await cluster.auditMark();
  expect((await stage().writesSince(start, ns)).length).toBeLessThanOrEqual(8);
  // What was under way would have been made before this one.
  await admin.create(configMap(ns, 'sentinel', { y: 'mine' }));
  await stage().labels(path(ns, 'sentinel'), (labels) => labels['marked'] === '1');
  await expect.poll(async () => (await stage().writesSince(mark, ns)).map(({ name }) => name)).toEqual(['sentinel']);

  await stage().deletePolicy('with-x');
  await stage().labels(path(ns, 'spins'), (labels) => labels['x'] === '1' && labels['y'] === undefined);
  const healed = await stage().policy('without-y', (policy) => is(policy, 'Contended') === 'False');
  expect(healed.violations).toEqual([]);
});
