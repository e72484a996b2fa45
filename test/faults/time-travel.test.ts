import { it } from 'vitest';
import { labelling, owns, teamSets } from '../support/fault-stories.ts';
import type { Fault, FaultStory } from '../support/fault-story.ts';
import { useOwnStage } from '../support/own-stage.ts';
import { configMap } from '../support/stage.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';

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

/** Before the second edit, all that happened since the first one is lost. */
function restored(running: boolean): Fault {
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
    // So that the server does not come to the versions that are lost by what happens next.
    for (let i = 0; i < MANY; i += 1) {
      await scene.patch(`/api/v1/namespaces/${scene.ns}`, { annotations: { lost: String(i) } });
    }
    if (!running) await scene.kill();
    await own.cluster().restoreEtcd(snapshot);
    if (!running) await scene.start();
    await change();
  };
}

it.each([
  ['while it runs', true],
  ['while it is away', false],
] as const)(
  'S1: etcd is restored from a snapshot %s, and resourceVersions go back: what stands there then is what counts',
  async (_when, running) => {
    expectUndisturbed(await theatre().compare(STORY, restored(running)), {
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
