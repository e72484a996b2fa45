import { describe, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { configMap } from '../support/stage.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
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

/** Until a connection that leads nowhere was found out. */
async function lost({ operator }: Scene): Promise<void> {
  const silent = () => operator.metric('watchkeeper_connections_ended_total', 'pool="watch",reason="Silent"');
  await eventually('the loss', silent, (count) => count > 0, { intervalMs: 100 });
}

test('N2: all connections freeze, and go on: what was held comes, nothing is written for it, and none is given up', async () => {
  let dialed = Number.NaN;
  const frozen: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const { network } = scene.proxy;
    const { length } = network.attempts;
    network.freeze();
    await change();
    await expect.poll(() => network.held).toBeGreaterThan(0);
    network.thaw();
    await eventually(
      'what was held',
      () => scene.stage.admin.get(scene.path('configmaps', 'd')),
      ({ metadata }) => metadata?.labels?.['team'] === 'blue',
    );
    dialed = network.attempts.length - length;
  };
  expectUndisturbed(await theatre().compare(STORY, frozen), PACE);
  expect(dialed).toBe(0);
});

/** Nothing gets through while the objects change, and until that was found out and somebody has tried anew. */
const vanished: Fault = async (scene, change, at) => {
  if (at !== 2) return change();
  const { network } = scene.proxy;
  await scene.answered();
  network.loseAll();
  await change();
  await lost(scene);
  const { length } = network.attempts;
  await expect.poll(() => network.attempts.length).toBeGreaterThan(length);
  network.up();
};

test('N2: no connection leads anywhere any more, also no new one, until the network is back: the same end, by the same writes', async () => {
  // As of each outage it is told of this one.
  expectUndisturbed(await theatre().compare(STORY, vanished), { status: 4, events: 4, refused: 1 });
});

/** A PING goes out every 20 s and must be answered within 10 s; the rest is for a machine that has much to do. */
const FOUND_WITHIN_MS = 30_000 + 5_000;

describe('row 23: connections of an operator that lead nowhere any more', () => {
  test('N2: connections go silent and stay open: each is found dead within half a minute, and nothing that happened meanwhile is missed', async () => {
    let foundAfter = Number.NaN;
    const silent: Fault = async (scene, change, at) => {
      if (at !== 2) return change();
      await scene.answered();
      const since = performance.now();
      scene.proxy.network.lose();
      await change();
      await lost(scene);
      foundAfter = performance.now() - since;
      const reason: unknown = expect.stringContaining('no answer to a PING within 10 s');
      expect(scene.operator.lines).toContainEqual(expect.objectContaining({ reason }));
    };
    const comparison = await theatre().compare(STORY, silent);
    // An Event is under way when it begins.
    expectUndisturbed(comparison, { status: 1, events: 2, refused: 1 });
    expect(foundAfter).toBeLessThan(FOUND_WITHIN_MS);
  });
});
