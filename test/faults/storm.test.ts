import { expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { useOwnStage } from '../support/own-stage.ts';
import { configMap } from '../support/stage.ts';
import { useTheatre } from '../support/undisturbed.ts';
import { isWritten, team } from './labelled.ts';
import { type Fate, GO_AWAY, GONE, LOSE_ANSWER, PASS, REFUSE_BEFORE, REFUSE_STREAM, refusal } from './proxy.ts';

/** Its etcd is killed here. */
const own = useOwnStage();
const theatre = useTheatre(own.stage);

const OBJECTS = 30;

const STORY: FaultStory = {
  objects: (ns) => Array.from({ length: OBJECTS }, (_, i) => configMap(ns, `cm-${i}`)),
  steps: [
    {
      act: (scene) => scene.applyPolicy('team', team(scene.ns, 'blue')),
      until: (end) => isWritten(end, 'blue', OBJECTS),
    },
    {
      act: async (scene) => {
        await scene.applyPolicy('team', team(scene.ns, 'red'));
        await scene.stage.admin.delete(scene.path('configmaps', 'cm-0'));
      },
    },
  ],
  settled: (end) => isWritten(end, 'red', OBJECTS - 1),
};

/** In this order, again and again. */
const TROUBLES: readonly Fate[] = [
  refusal(500, 'InternalError'),
  REFUSE_BEFORE,
  { kind: 'Answer', status: 502, body: '<html>bad gateway</html>', contentType: 'text/html' },
  LOSE_ANSWER,
  refusal(503, 'ServiceUnavailable'),
  { kind: 'Truncate', bytes: 40, end: 'Reset' },
  REFUSE_STREAM,
  refusal(504, 'Timeout'),
  GO_AWAY,
  { kind: 'Truncate', bytes: 40, end: 'Clean' },
  { kind: 'Mislabel', contentType: 'text/html' },
];

/** Every request meets a trouble, but for each fifth, until it is over. */
class Storm {
  requests = 0;
  troubles = 0;
  #isOver = false;

  begin({ proxy }: Scene): void {
    proxy.use(({ query }) => this.#next(query.get('watch') === 'true'));
    proxy.network.cut();
  }

  end(): void {
    this.#isOver = true;
  }

  async until(what: 'requests' | 'troubles', count: number): Promise<void> {
    const happened = async () => this[what];
    await eventually(`${count} ${what}`, happened, (found) => found >= count);
  }

  #next(isWatch: boolean): Fate {
    if (this.#isOver) return PASS;
    this.requests += 1;
    if (this.requests % 5 === 0) return PASS;
    const fate = TROUBLES[this.troubles % TROUBLES.length] ?? PASS;
    this.troubles += 1;
    // The answer to a watch has no end.
    return isWatch && fate.kind === 'LoseAnswer' ? GONE : fate;
  }
}

/** By then each watch has failed so often that it would wait for up to a minute. */
const TROUBLES_MET = 45;
/** Within this all is seen and written once the server is well: far less than such a wait. */
const HEALS_WITHIN_MS = 15_000;

test('N4: each request fails in another way, and etcd is killed meanwhile: the same end, and soon', async () => {
  const storming: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const storm = new Storm();
    storm.begin(scene);
    await change();
    await storm.until('troubles', TROUBLES_MET);
    await own.cluster().killEtcd();
    await storm.until('requests', storm.requests + 5);
    await own.cluster().startEtcd();
    // Changes nothing, and goes through once the API server has found it again.
    const touch = () => scene.patch(scene.path('configmaps', 'cm-1'), { annotations: { touched: null } });
    await eventually('a write', touch, () => true);
    storm.end();
    const objects = scene.path('configmaps', '').slice(0, -1);
    await own.stage().waitForCount(objects, 'team=red', OBJECTS - 1, HEALS_WITHIN_MS);
  };
  const { undisturbed, disturbed } = await theatre().compare(STORY, storming);
  expect(disturbed.end).toEqual(undisturbed.end);
  // A write whose answer was lost may be made again, and changes nothing.
  expect(disturbed.writes.objects).toBeLessThanOrEqual(undisturbed.writes.objects + OBJECTS);
});
