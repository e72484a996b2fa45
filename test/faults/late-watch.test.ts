import { describe, it } from 'vitest';
import { owns, teamSets } from '../support/fault-stories.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { configMap } from '../support/stage.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { changesOf, hold } from './event-faults.ts';

const theatre = useTheatre();

const note = (text: string) => ({
  act: (scene: Scene) => scene.patch(scene.path('configmaps', 'a'), { annotations: { note: text } }),
});

/** Two edits of a policy, with changes by hand in between that ask for nothing. */
const STORY: FaultStory = {
  objects: (ns) => [configMap(ns, 'a'), configMap(ns, 'b', { team: 'x' })],
  steps: [teamSets({ team: 'a' }, 2), note('one'), note('two'), teamSets({ team: 'b', env: 'prod' }, 2), note('three')],
  settled: (end) => owns(end, 2),
};

describe('row 51: what was written counts before its event comes', () => {
  it('S3: the watch of the objects is late by two edits: each object is written once for each of them', async () => {
    const late = Promise.withResolvers<void>();
    const fault: Fault = async (scene, change, at) => {
      if (at === 0) scene.proxy.useEvents(hold(changesOf(`${scene.ns}/`), late.promise));
      await change();
      if (at === STORY.steps.length) late.resolve();
    };
    expectUndisturbed(await theatre().compare(STORY, fault), { ...PACE, ledger: 0 });
  });
});
