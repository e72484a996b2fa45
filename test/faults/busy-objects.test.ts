import { expect, test } from 'vitest';
import { BusyWriter } from '../support/busy-writer.ts';
import type { Fault, FaultStory } from '../support/fault-story.ts';
import { useTheatre } from '../support/undisturbed.ts';
import { configMaps, isWritten, team, teamBecomes } from './labelled.ts';

const theatre = useTheatre();

const OBJECTS = 10;
const STORY: FaultStory = {
  objects: (ns) => configMaps(ns, OBJECTS),
  steps: [teamBecomes('blue', OBJECTS), { act: (scene) => scene.applyPolicy('team', team(scene.ns, 'red')) }],
  settled: (end) => isWritten(end, 'red', OBJECTS),
};

/** Before the policy is edited, meanwhile, and after it. */
const EACH = 200;

test('N7: another field manager writes the objects two hundred times a second: each is written once, and nothing of it for that', async () => {
  let made = 0;
  const busy: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const { admin } = scene.stage;
    const paths = Array.from({ length: OBJECTS }, (_, i) => scene.path('configmaps', `cm-${i}`));
    const writer = new BusyWriter({ admin, paths, perSecond: 200 });
    try {
      await writer.more(EACH);
      await change();
      await scene.stage.waitForCount(scene.path('configmaps', '').slice(0, -1), 'team=red', OBJECTS);
      await writer.more(EACH);
    } finally {
      await writer.stop();
    }
    made = writer.made;
  };
  const { undisturbed, disturbed } = await theatre().compare(STORY, busy);
  expect(disturbed.end).toEqual(undisturbed.end);
  expect(made).toBeGreaterThanOrEqual(2 * EACH);
  // An apply needs no version, so none is lost to the other writer.
  expect(disturbed.writes.objects).toBe(undisturbed.writes.objects);
  expect(disturbed.writes.refused).toBeLessThanOrEqual(OBJECTS);
  expect(disturbed.writes.status).toBeLessThanOrEqual(undisturbed.writes.status + 3);
});
