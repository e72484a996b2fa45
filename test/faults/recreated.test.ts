import { describe, expect, it } from 'vitest';
import type { Manifest } from '../cluster/kube-object.ts';
import { labelling, teamSets } from '../support/fault-stories.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { POLICIES } from '../support/installation.ts';
import { configMap, useStage } from '../support/stage.ts';
import { isEvaluated } from '../support/story-end.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { type Fate, PASS } from './proxy.ts';

const stage = useStage();
const theatre = useTheatre(stage);

/** The first write of what lies at this path waits at the door until the swap is done. */
function swapBefore(path: (scene: Scene) => string, swap: (scene: Scene) => Promise<unknown>): Fault {
  return async (scene, change, at) => {
    if (at !== 1) return change();
    const came = Promise.withResolvers<void>();
    const released = Promise.withResolvers<Fate>();
    scene.proxy.use((request) => {
      if (request.write === undefined || request.path !== path(scene)) return PASS;
      came.resolve();
      return released.promise;
    });
    await change();
    await came.promise;
    await swap(scene);
    released.resolve(PASS);
    scene.proxy.clear();
  };
}

const web = (scene: Scene) => scene.path('configmaps', 'web');

const teamNamespace = (ns: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: `${ns}-team` },
});
const teamPath = ({ ns }: Scene) => `/api/v1/namespaces/${ns}-team`;

/** It only judges: whether its end is seen before it is there again, objects do not tell. */
const judging = (ns: string) => labelling(ns, { team: 'a' }, { mode: 'Audit' });

const ONE_OBJECT: FaultStory = {
  objects: (ns) => [configMap(ns, 'web'), configMap(ns, 'other')],
  steps: [teamSets({ team: 'a' }, 2)],
  settled: () => true,
};

describe('between our read and our write', () => {
  it('S2, G7: an object is deleted and made again under its name: the write is refused, and the new one gets its label', async () => {
    const fault = swapBefore(web, async (scene) => {
      await scene.stage.admin.delete(web(scene));
      await scene.stage.admin.create(configMap(scene.ns, 'web', {}, { a: 'second' }));
    });
    // The refused one is the 422 to the old `uid`.
    expectUndisturbed(await theatre().compare(ONE_OBJECT, fault), { ...PACE, refused: 1 });
  });

  it('S2, G7: an object is deleted and stays away: nothing is made in its place', async () => {
    const fault = swapBefore(web, (scene) => scene.stage.admin.delete(web(scene)));
    const story = { ...ONE_OBJECT, steps: [teamSets({ team: 'a' }, 1)] };
    const { end, writes } = await theatre().tell(story, fault);
    expect(end.objects).toEqual({ 'configmaps/other': { team: 'a (watchkeeper)' } });
    expect(end.policies['team']).toMatchObject({ summary: { matched: 1, errors: 0 }, results: [] });
    expect(writes).toMatchObject({ objects: 1, refused: 1 });
  });

  it('S2: a policy is deleted and made again: the status of the old one is not written to the new one', async () => {
    const story: FaultStory = {
      ...ONE_OBJECT,
      steps: [
        {
          act: (scene) => scene.applyPolicy('team', judging(scene.ns)),
          until: ({ policies: { team } }) => isEvaluated(team) && team.resultsTotal === 2,
        },
      ],
    };
    const fault = swapBefore(
      (scene) => `${POLICIES}/${scene.policyName('team')}/status`,
      async (scene) => {
        await scene.deletePolicy('team');
        await scene.applyPolicy('team', judging(scene.ns));
      },
    );
    // What the old one had to tell in Events, the new one may tell too.
    const comparison = await theatre().compare(story, fault);
    expectUndisturbed(comparison, { ...PACE, events: comparison.undisturbed.writes.events + PACE.events, refused: 1 });
    expect(comparison.disturbed.writes.refused).toBe(1);
  });

  it('S2: a namespace is deleted and made again: the write is refused, and the new one gets its label', async () => {
    await stage().grant('', ['namespaces']);
    const story: FaultStory = {
      objects: (ns) => [teamNamespace(ns)],
      steps: [
        {
          act: (scene) =>
            scene.applyPolicy('team', {
              ...labelling(scene.ns, { team: 'a' }),
              match: { resources: [{ group: '', resource: 'namespaces' }], names: [`${scene.ns}-team`] },
            }),
          until: ({ policies: { team } }) => isEvaluated(team) && team.summary['owned'] === 1,
        },
      ],
      settled: () => true,
    };
    const fault = swapBefore(teamPath, async (scene) => {
      await removeNamespace(scene, teamPath(scene));
      await scene.stage.admin.create(teamNamespace(scene.ns));
    });
    expectUndisturbed(await theatre().compare(story, fault), { ...PACE, refused: 1 });
  });
});

/** As the namespace controller does when a namespace is empty. */
async function removeNamespace({ stage: { admin } }: Scene, path: string): Promise<void> {
  await admin.delete(path);
  const namespace = await admin.find(path);
  if (namespace !== undefined) await admin.replace(`${path}/finalize`, { ...namespace, spec: { finalizers: [] } });
  await admin.waitForGone(path);
}
