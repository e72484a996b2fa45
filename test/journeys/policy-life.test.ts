import { beforeAll, describe, expect, test } from 'vitest';
import { at } from '../cluster/kube-object.ts';
import { keysAndOwners } from '../support/key-owners.ts';
import { enforce, STORIES } from '../support/policy-stories.ts';
import { ENCOUNTERS, type Ending, play, quiet } from '../support/policy-story.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

describe.each(ENCOUNTERS)('a policy changes %s', (_, encounter) => {
  let endings: ReadonlyMap<string, readonly Ending[]>;

  beforeAll(async () => {
    endings = await play(stage(), STORIES, encounter);
  });

  test.each(STORIES)('$title', ({ name, steps }) => {
    const wanted = steps.map(({ ends: { says = [], ...ending } }) => ({ ...ending, says }));
    expect(endings.get(name)).toEqual(wanted);
  });
});

const BROKEN = [
  {
    what: 'a key that is protected',
    rule: { name: 'broken', set: { labels: [{ key: 'kubectl.kubernetes.io/x', value: 'y' }] } },
    reason: 'InvalidSpec',
    says: "spec.rules[1].set.labels[0].key: must not be 'kubectl.kubernetes.io/x'",
  },
  {
    what: 'a part that is not supported yet',
    rule: { name: 'broken', unique: { valueFrom: { jsonPath: '$.metadata.name' }, scope: 'Cluster' } },
    reason: 'NotSupported',
    says: 'spec.rules[1].unique: this field is not supported yet',
  },
];

describe.each(BROKEN)('a policy that is edited and now has $what', ({ rule, reason, says }) => {
  test('says where it is wrong; the last generation stays in force, after a restart keys are held, and mended it goes on', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('broken');
    const path = (name: string) => `/api/v1/namespaces/${ns}/configmaps/${name}`;
    const keys = async (...names: readonly string[]) =>
      Promise.all(names.map(async (name) => keysAndOwners(await admin.get(path(name)))));
    const labelled = async (team: string, ...names: readonly string[]) =>
      Promise.all(names.map(async (name) => stage().labels(path(name), (labels) => labels['team'] === team)));
    await admin.createMany([configMap(ns, 'web'), configMap(ns, 'api')]);
    const operator = await stage().startOperator();
    await stage().applyPolicy('broken', enforce(ns, { team: 'a' }));
    await labelled('a', 'web', 'api');

    const good = enforce(ns, { team: 'b' });
    await stage().applyPolicy('broken', { ...good, rules: [...(good['rules'] as readonly unknown[]), rule] });
    const refused = await stage().policy('broken', (policy) => is(policy, 'Accepted') === 'False');
    expect(refused.conditions['Accepted']).toMatchObject({ reason, message: expect.stringContaining(says) });
    expect(refused.conditions['Accepted']?.message).toContain('Generation 1 stays in force.');
    expect(at(refused.raw, 'status', 'enforcedGeneration')).toBe(1);
    expect(is(refused, 'Ready')).toBe('False');

    // The generation in force labels what is new, and reverts drift.
    await admin.create(configMap(ns, 'new'));
    await admin.patch(path('web'), { metadata: { labels: { team: 'drifted' } } });
    await labelled('a', 'new', 'web');
    await operator.stop();

    // It is not known any more, only the keys that it had: they stay, and nothing else is done.
    const mark = await stage().cluster.auditMark();
    const another = await stage().startOperator();
    await stage().policy(
      'broken',
      ({ conditions }) => conditions['Accepted']?.message.includes('keys set earlier are kept') === true,
    );
    await admin.patch(path('web'), { metadata: { labels: { tier: 'front' } } });
    await admin.patch(path('api'), { metadata: { labels: { team: 'drifted' } } });
    await admin.create(configMap(ns, 'late'));
    await quiet(stage(), another);
    expect(await keys('web', 'api', 'new', 'late')).toEqual([
      { team: 'a (watchkeeper)', tier: 'front (test-admin)' },
      { team: 'drifted (test-admin)' },
      { team: 'a (watchkeeper)' },
      {},
    ]);
    expect(await stage().writesSince(mark, ns)).toEqual([]);

    await stage().applyPolicy('broken', good);
    await labelled('b', 'web', 'api', 'new', 'late');
    const b = { team: 'b (watchkeeper)' };
    expect(await keys('web', 'api', 'new', 'late')).toEqual([{ ...b, tier: 'front (test-admin)' }, b, b, b]);
    await stage().policy('broken', (policy) => is(policy, 'Accepted') === 'True' && is(policy, 'Ready') === 'True');
  });
});
