import { expect, test } from 'vitest';
import { refuseByPolicy } from '../support/admission.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { configMap, useStage } from '../support/stage.ts';
import { expectUndisturbed, useTheatre } from '../support/undisturbed.ts';
import { isWritten, team } from './labelled.ts';

const stage = useStage();
const theatre = useTheatre(stage);

const RESOURCES = [
  { group: '', resource: 'configmaps' },
  { group: '', resource: 'resourcequotas' },
];
const EACH = 5;

const quota = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { namespace, name },
  spec: { hard: { pods: '100' } },
});

const names = Array.from({ length: EACH }, (_, i) => `n-${i}`);

/** What is labelled gets another value, and then somebody touches each object. */
const STORY: FaultStory = {
  objects: (ns) => [...names.map((name) => configMap(ns, name)), ...names.map((name) => quota(ns, name))],
  steps: [
    {
      act: async (scene) => {
        await stage().grant('', ['resourcequotas']);
        await scene.applyPolicy('team', team(scene.ns, 'blue', {}, RESOURCES));
      },
      until: (end) => isWritten(end, 'blue', 2 * EACH),
    },
    { act: (scene) => scene.applyPolicy('team', team(scene.ns, 'red', {}, RESOURCES)) },
    { act: async (scene) => touch(scene, 'first') },
  ],
  settled: (end) => isWritten(end, 'red', 2 * EACH),
};

async function touch(scene: Scene, note: string): Promise<void> {
  for (const resource of ['configmaps', 'resourcequotas']) {
    for (const name of names) await scene.patch(scene.path(resource, name), { annotations: { note } });
  }
}

async function redOf(scene: Scene, resource: string): Promise<void> {
  await stage().waitForCount(scene.path(resource, '').slice(0, -1), 'team=red', EACH);
}

const revoked: Fault = async (scene, change, at) => {
  if (at !== 2) return change();
  const { admin } = stage();
  const binding = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/test-targets-resourcequotas-core';
  await admin.delete(binding);
  await stage().grant('', ['resourcequotas'], ['get', 'list', 'watch']);
  await forbidden(scene);
  await change();
  await redOf(scene, 'configmaps');
  const view = await stage().policy(
    scene.policyName('team'),
    ({ conditions }) => conditions['Watching']?.reason === 'Forbidden',
  );
  expect(view.conditions['Ready']).toMatchObject({ status: 'False', reason: 'Forbidden' });
  expect(view.conditions['Watching']?.message).toContain('resources: ["resourcequotas"], verbs: ["patch"]');
  await stage().grant('', ['resourcequotas']);
};

test('N5: the right to write one kind is taken away and given back: the other kind goes on, the rule is named, and nothing is left over', async () => {
  const comparison = await theatre().compare(STORY, revoked);
  // Tries at growing intervals until the right is back. The ledger may name both kinds at once, or one after the other.
  expectUndisturbed(comparison, { status: 4, events: 4, ledger: 1, refused: 8 });
  expect(comparison.disturbed.writes.objects).toBe(4 * EACH);
});

/** The server has noticed that the right is gone. */
async function forbidden(scene: Scene): Promise<void> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: 'system:serviceaccount:watchkeeper:watchkeeper',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:watchkeeper', 'system:authenticated'],
      resourceAttributes: { verb: 'patch', group: '', resource: 'resourcequotas', namespace: scene.ns },
    },
  };
  await expect
    .poll(async () =>
      stage().admin.json('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review, {
        'content-type': 'application/json',
      }),
    )
    .toMatchObject({ status: { allowed: false } });
}

test('N6: an admission policy refuses the writes of one kind: each object is an error and tried once, until it changes', async () => {
  const refused: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const { admin, cluster } = stage();
    const lift = await refuseByPolicy(
      admin,
      {
        namespace: scene.ns,
        concerns: scene.path('configmaps', 'n-0'),
        labels: { team: 'red' },
      },
      {
        expression:
          "!has(object.metadata.labels) || !('team' in object.metadata.labels) || object.metadata.labels['team'] != 'red'",
        message: 'red is not allowed here',
      },
    );
    const mark = await cluster.auditMark();
    await change();
    await redOf(scene, 'resourcequotas');
    const view = await stage().policy(scene.policyName('team'), ({ summary }) => summary['errors'] === EACH);
    expect(view.conditions['Ready']?.status).toBe('True');
    expect(view.violations).toHaveLength(EACH);
    for (const { message } of view.violations) expect(message).toContain('red is not allowed here');
    const refusals = (await stage().writesSince(mark, scene.ns)).filter(({ code }) => code === 422);
    expect(refusals.map(({ name }) => name).toSorted()).toEqual(names);
    await lift();
  };
  const comparison = await theatre().compare(STORY, refused);
  expectUndisturbed(comparison, { status: 4, events: 2 * EACH + 4, ledger: 1, refused: 2 * EACH });
});

const closed: Fault = async (scene, change, at) => {
  if (at !== 2) return change();
  const { admin } = stage();
  for (const name of names) await admin.patch(scene.path('configmaps', name), { immutable: true });
  const hard = { 'count/configmaps': '0' };
  await admin.create({ ...quota(scene.ns, 'full'), spec: { hard } });
  // As the controller of quotas would.
  await admin.patch(scene.path('resourcequotas', 'full/status'), { status: { hard, used: hard } });
  // The server goes by both.
  const headers = { 'content-type': 'application/json' };
  const more = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: scene.ns, generateName: 'more-' } };
  const add = async () =>
    admin.request('POST', `${scene.path('configmaps', '').slice(0, -1)}?dryRun=All`, more, headers);
  await expect.poll(async () => (await add()).body).toContain('exceeded quota');
  await expect(admin.patch(scene.path('configmaps', 'n-0'), { data: { a: 'c' } })).rejects.toThrow('immutable');
  await stage().labels(scene.path('resourcequotas', 'full'), (labels) => labels['team'] === 'blue');
  await change();
  await redOf(scene, 'configmaps');
  await stage().labels(scene.path('resourcequotas', 'full'), (labels) => labels['team'] === 'red');
  await admin.delete(scene.path('resourcequotas', 'full'));
};

test('N6: what the server lets nobody change or add to, immutable objects under a quota that is used up, is labelled all the same', async () => {
  const { undisturbed, disturbed } = await theatre().compare(STORY, closed);
  expect(disturbed.end).toEqual(undisturbed.end);
  // The quota is an object as well, for a while: it is labelled too.
  expect(disturbed.writes.objects).toBe(undisturbed.writes.objects + 2);
  expect(disturbed.writes.refused).toBe(0);
});
