import { describe, it } from 'vitest';
import { owns, teamSets } from '../support/fault-stories.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { configMap } from '../support/stage.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { changesOf, duplicate, type EventFault, reorder, replay } from './event-faults.ts';

const theatre = useTheatre();

const object = (scene: Scene, name: string) => scene.path('configmaps', name);

/** Objects change, go and come again, under a policy that labels them and one that judges what they change to. */
const STORY: FaultStory = {
  objects: (ns) => ['a', 'b', 'c'].map((name) => configMap(ns, name)),
  steps: [
    teamSets({ team: 'a' }, 3),
    {
      act: async (scene) => {
        const { admin } = scene.stage;
        await scene.patch(object(scene, 'a'), { labels: { tier: 'one' } });
        await scene.patch(object(scene, 'a'), { labels: { tier: null } });
        await scene.patch(object(scene, 'b'), { labels: { 'legacy/y': 'z' } });
        await scene.patch(object(scene, 'b'), { labels: { 'legacy/y': null } });
        await admin.delete(object(scene, 'c'));
        await scene.patch(object(scene, 'a'), { labels: { tier: 'two' } });
      },
    },
    teamSets({ team: 'b' }, 2, { rules: [{ name: 'tier', forbid: { labels: ['legacy/*', 'tier'] } }] }),
  ],
  settled: (end) => owns(end, 2) && end.policies['team']?.results.length === 1,
};

/** Small and repeatable. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const SEEDS = (process.env['SEEDS'] ?? '1,2').split(',').map(Number);

const TROUBLES: Readonly<
  Record<string, (ns: string, random: () => number) => { fault: EventFault; flush?: () => void }>
> = {
  'come twice': (ns) => ({ fault: duplicate(changesOf(ns)) }),
  'come in another order': (ns, random) => reorder(changesOf(`${ns}/`), 3, random),
  'come again later': (ns, random) => ({ fault: replay(changesOf(ns), random) }),
};

describe('rows 36 and 52: events that come twice, late or in another order', () => {
  it.each(Object.keys(TROUBLES).flatMap((trouble) => SEEDS.map((seed) => ({ trouble, seed }))))(
    'S5: events $trouble (seed $seed): the same end, by the same writes',
    async ({ trouble, seed }) => {
      const random = randomOf(seed);
      let flush: (() => void) | undefined;
      const fault: Fault = async (scene, change, at) => {
        if (at === 0) {
          const events = TROUBLES[trouble]?.(scene.ns, random);
          if (events !== undefined) scene.proxy.useEvents(events.fault);
          flush = events?.flush;
        }
        await change();
        if (at > 1) flush?.();
      };
      // A write by an old picture may be refused, and what it was for is made by the new one.
      expectUndisturbed(await theatre().compare(STORY, fault), { ...PACE, ledger: 1, refused: 2 });
    },
  );
});
