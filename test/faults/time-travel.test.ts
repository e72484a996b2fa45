import { expect, it } from 'vitest';
import { labelling, owns, teamSets } from '../support/fault-stories.ts';
import type { Fault, FaultStory } from '../support/fault-story.ts';
import { POLICIES } from '../support/installation.ts';
import { useOwnStage } from '../support/own-stage.ts';
import { ledgerOf } from '../support/policy-story.ts';
import { configMap, type Stage } from '../support/stage.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { REFUSE_BEFORE } from './proxy.ts';

/** Its etcd is restored here. */
const own = useOwnStage();
const theatre = useTheatre(own.stage);

const STORY: FaultStory = {
  objects: (ns) => [configMap(ns, 'a'), configMap(ns, 'b')],
  steps: [teamSets({ team: 'a' }, 2), teamSets({ team: 'c' }, 2)],
  settled: (end) => owns(end, 2),
};
const STORY_OBJECTS = 2;
/** Writes of objects in the time that is lost: two objects, one of them again after it was made again, and a third one. */
const LOST = 4;

/**
 * Of each object that stands there again, as it may be seen before the policy is: what the lost policy wants, and what the one that
 * stands there again does before it is edited.
 */
const STALE = 2;

const MANY = 200;

/** What the operator does meanwhile. */
type Meanwhile =
  | 'Runs'
  /** Reaches the server only when this has come past the versions that watches of policies and ConfigMaps have shown. */
  | 'RunsApart'
  | 'IsAway';

/** Before the second edit, all that happened since the first one is lost. */
function restored(meanwhile: Meanwhile): Fault {
  return async (scene, change, at) => {
    if (at !== 2) return change();
    const { admin } = scene.stage;
    const snapshot = await own.cluster().snapshotEtcd();
    await scene.applyPolicy('team', labelling(scene.ns, { team: 'b', lost: 'yes' }));
    await scene.stage.labels(scene.path('configmaps', 'a'), ({ team }) => team === 'b');
    await scene.stage.labels(scene.path('configmaps', 'b'), ({ team }) => team === 'b');
    await admin.delete(scene.path('configmaps', 'b'));
    await admin.create(configMap(scene.ns, 'b'));
    await admin.create(configMap(scene.ns, 'c'));
    for (const name of ['b', 'c']) await scene.stage.labels(scene.path('configmaps', name), ({ team }) => team === 'b');
    await scene.answered();
    const shown = Number((await admin.list(POLICIES)).resourceVersion);
    // So that the server does not come to the versions that are lost by what happens next.
    for (let i = 0; i < MANY; i += 1) await touch(scene.stage);
    if (meanwhile === 'IsAway') await scene.kill();
    if (meanwhile === 'RunsApart') scene.proxy.use(() => REFUSE_BEFORE);
    await own.cluster().restoreEtcd(snapshot);
    if (meanwhile === 'IsAway') await scene.start();
    await change();
    if (meanwhile !== 'RunsApart') return;
    while ((await touch(scene.stage)) <= shown);
    scene.proxy.clear();
  };
}

const NAMESPACE = '/api/v1/namespaces/default';
const API_SERVICE = '/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.watchkeeper.dev';

/** Changes something that is in no story and that the operator watches; at which version, is returned. */
async function touch({ admin }: Stage, path = NAMESPACE): Promise<number> {
  touches += 1;
  await admin.patch(path, { metadata: { annotations: { touched: String(touches) } } });
  return Number((await admin.get(path)).metadata.resourceVersion);
}

let touches = 0;

it.each([
  ['while it runs', 'Runs'],
  ['while it runs and reaches nobody', 'RunsApart'],
  ['while it is away', 'IsAway'],
] as const)(
  'S1: etcd is restored from a snapshot %s, and resourceVersions go back: what stands there then is what counts',
  async (_when, meanwhile) => {
    const running = meanwhile !== 'IsAway';
    expectUndisturbed(await theatre().compare(STORY, restored(meanwhile)), {
      ...PACE,
      each: running ? STALE : 0,
      objects: LOST + (running ? STALE * STORY_OBJECTS : 0),
      status: PACE.status + LOST,
      events: PACE.events + LOST,
      ledger: LOST,
      refused: LOST,
    });
  },
);

it.each([
  // Nobody takes a Lease, and reads the record anew with it.
  ['far', MANY, ['--leader-elect', 'false']],
  // Watches may find the server past the versions that they have seen.
  ['a little', 0, []],
])(
  'S1: etcd is restored %s back, to the middle of a clean-up that had ended since: that is ended again',
  async (_, since, args) => {
    const { admin } = own.stage();
    const ns = await admin.createNamespace('half-cleaned');
    const collection = `/api/v1/namespaces/${ns}/configmaps`;
    await admin.createMany(['a', 'b'].map((name) => configMap(ns, name)));
    const first = await own.stage().startOperator();
    await own.stage().applyPolicy('gone', labelling(ns, { gone: 'yes' }));
    await own.stage().waitForCount(collection, 'gone=yes', 2);
    expect(await first.stop()).toBe(0);
    await own.stage().deletePolicy('gone');
    const snapshot = await own.cluster().snapshotEtcd();
    await own.stage().startOperator({ args });
    await own.stage().waitForCount(collection, 'gone=yes', 0);
    const kinds = async () => (await ledgerOf(own.stage()))['kinds'];
    await expect.poll(kinds).toBe('');
    for (let i = 0; i < since; i += 1) await touch(own.stage(), API_SERVICE);
    const mark = await own.cluster().auditMark();
    await own.cluster().restoreEtcd(snapshot);
    const written = async () => (await own.stage().writesSince(mark, ns)).map(({ name }) => name).toSorted();
    await expect.poll(async () => [...new Set(await written())]).toEqual(['a', 'b']);
    await own.stage().waitForCount(collection, 'gone=yes', 0);
    await expect.poll(kinds).toBe('');
    expect((await written()).length).toBeLessThanOrEqual(2 * STALE);
  },
);
