import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { useOwnStage } from '../support/own-stage.ts';
import { expectUndisturbed, useTheatre } from '../support/undisturbed.ts';
import { configMaps, isWritten, team, teamBecomes } from './labelled.ts';
import { PASS } from './proxy.ts';

/** Without its cache the API server asks etcd about each version, so what is compacted is gone at once. */
const own = useOwnStage({ apiServerFlags: ['--watch-cache=false'] });
const theatre = useTheatre(own.stage);

const OBJECTS = 40;
/** With those of the story more than a page of a list. */
const OTHERS = 520;

beforeAll(async () => {
  const { admin } = own.stage();
  const ns = await admin.createNamespace('others');
  await admin.createMany(configMaps(ns, OTHERS));
});

/** So many get a label and then another one, after one of them has gone. */
function relabelledWithoutOne(count: number): FaultStory {
  return {
    objects: (ns) => configMaps(ns, count),
    steps: [
      teamBecomes('blue', count),
      {
        act: async (scene) => {
          await scene.stage.admin.delete(scene.path('configmaps', 'cm-0'));
          await scene.applyPolicy('team', team(scene.ns, 'red'));
        },
      },
    ],
    settled: (end) => isWritten(end, 'red', count - 1),
  };
}

const STORY = relabelledWithoutOne(OBJECTS);

/** What else is written for a fault: statuses and Events that tell of it, and what was under way. */
const TOLD = { objects: 0, status: 4, events: 6, refused: 8 };

test('N1: etcd is compacted while the watches are cut, and the version of each is gone: a list, no gap, no second write', async () => {
  let gone = 0;
  const compacted: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const { operator, proxy } = scene;
    await scene.answered();
    proxy.network.down();
    await change();
    await own.cluster().compactEtcd();
    proxy.network.up();
    const restarts = () => operator.metric('watchkeeper_informer_restarts_total', 'kind="configmaps",cause="Gone"');
    await eventually('a watch that is gone', restarts, (count) => count > 0);
    gone = await restarts();
    expect(await operator.metric('watchkeeper_informer_relists_total', 'kind="configmaps"')).toBe(1);
  };
  expectUndisturbed(await theatre().compare(STORY, compacted), TOLD);
  expect(gone).toBe(1);
});

describe('row 11: a list whose later pages expired', () => {
  test('N1: etcd is compacted between two pages of a list, and its token is gone: one list of all, nothing twice', async () => {
    const lists: string[] = [];
    const compacted: Fault = async (scene, change, at) => {
      if (at !== 1) return change();
      // As its policy comes, the kind is listed for the first time.
      scene.proxy.use(async ({ path, query }) => {
        if (!path.endsWith('/api/v1/configmaps') || query.get('watch') === 'true') return PASS;
        lists.push(query.has('continue') ? 'page' : query.has('limit') ? 'first page' : 'all');
        if (query.has('continue')) {
          // A version of its own, or there would be nothing to compact.
          await scene.stage.admin.createNamespace('later');
          await own.cluster().compactEtcd();
        }
        return PASS;
      });
      await change();
    };
    expectUndisturbed(await theatre().compare(STORY, compacted), TOLD);
    expect(lists).toEqual(['first page', 'page', 'all']);
  });
});

/** So many that the work takes a while. */
const MANY = 600;
const LONG = relabelledWithoutOne(MANY);

/** Objects that became red, by etcd, which needs no API server: made, then blue, then red. */
async function redIn(ns: string): Promise<number> {
  const changes = await own.cluster().changes();
  return [...changes].filter(([key, count]) => key.startsWith(`/registry/configmaps/${ns}/cm-`) && count > 2).length;
}

async function expectWorkLeft(ns: string): Promise<void> {
  expect(await redIn(ns)).toBeLessThan(MANY - 1);
}

test.each([
  [
    'the API server is restarted twice',
    async () => {
      await own.cluster().restartApiServer();
      await own.cluster().restartApiServer();
    },
  ],
  [
    'the API server is killed',
    async ({ ns }: Scene) => {
      await own.cluster().killApiServer();
      await expectWorkLeft(ns);
      await own.cluster().startApiServer();
    },
  ],
  [
    'etcd stands still for a while',
    async ({ operator }: Scene) => {
      own.cluster().pauseEtcd();
      try {
        // None ends meanwhile.
        const waiting = () => operator.metric('watchkeeper_writes_in_flight');
        await eventually('writes', waiting, (count) => count > 0);
      } finally {
        own.cluster().resumeEtcd();
      }
    },
  ],
] as const)('N4: %s in the middle of the work: the same end, and no object changes twice', async (_, trouble) => {
  const fault: Fault = async (scene, change, at) => {
    await change();
    if (at !== 2) return;
    const red = () => redIn(scene.ns);
    await eventually('the first writes', red, (count) => count > 0, { intervalMs: 5 });
    await expectWorkLeft(scene.ns);
    await trouble(scene);
  };
  // What was under way is not known to be done, and may be asked for again: at most as many as are under way at once,
  // for each of two restarts.
  expectUndisturbed(await theatre().compare(LONG, fault), { ...TOLD, objects: 16 * 2, refused: 16 * 2 });
});
