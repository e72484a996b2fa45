import { expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import type { Fault, FaultStory } from '../support/fault-story.ts';
import { configMap } from '../support/stage.ts';
import { expectUndisturbed, useTheatre } from '../support/undisturbed.ts';
import { isWritten, teamBecomes } from './labelled.ts';

/** A file of its own, beside which others run: it waits for the operator's own time-outs. */
const theatre = useTheatre();

const STORY: FaultStory = {
  objects: (ns) => ['a', 'b', 'c'].map((name) => configMap(ns, name)),
  steps: [
    teamBecomes('blue', 3),
    {
      act: async (scene) => {
        await scene.patch(scene.path('configmaps', 'a'), { labels: { team: 'red' } });
        await scene.stage.admin.delete(scene.path('configmaps', 'b'));
        await scene.stage.admin.create(configMap(scene.ns, 'd'));
      },
    },
  ],
  settled: (end) => isWritten(end, 'blue', 3) && 'configmaps/d' in end.objects,
};

/** A PING goes out every 20 s and must be answered within 10 s; the rest is for a machine that has much to do. */
const FOUND_WITHIN_MS = 30_000 + 5_000;

test('N2: connections go silent and stay open: each is found dead within half a minute, and nothing that happened meanwhile is missed', async () => {
  let foundAfter = Number.NaN;
  const silent: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const { operator } = scene;
    const since = performance.now();
    scene.proxy.network.lose();
    await change();
    const lost = () => operator.metric('watchkeeper_connections_ended_total', 'pool="watch",reason="Silent"');
    await eventually('the loss', lost, (count) => count > 0, { intervalMs: 100 });
    foundAfter = performance.now() - since;
    const reason: unknown = expect.stringContaining('no answer to a PING within 10 s');
    expect(operator.lines).toContainEqual(expect.objectContaining({ reason }));
  };
  const comparison = await theatre().compare(STORY, silent);
  // An Event is under way when it begins.
  expectUndisturbed(comparison, { status: 1, events: 2, refused: 1 });
  expect(foundAfter).toBeLessThan(FOUND_WITHIN_MS);
});
