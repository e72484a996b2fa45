import { expect, test } from 'vitest';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { configMap } from '../support/stage.ts';
import { isEvaluated } from '../support/story-end.ts';
import { expectStatusesRefused, expectUndisturbed, useTheatre } from '../support/undisturbed.ts';
import { changesOf, drop } from './event-faults.ts';
import { configMaps, isWritten, team, teamBecomes } from './labelled.ts';
import { GONE, PASS } from './proxy.ts';

const theatre = useTheatre();

const NAMES = ['again', 'changes', 'gone', 'leaves', 'stays'];
/** Objects that are labelled at first, the one that is made anew, and the one that matches no more. */
const WRITES = NAMES.length + 2;

/** Objects go, come again, change and stop to match while nobody may be looking. */
const CHANGES: FaultStory = {
  objects: (ns) => NAMES.map((name) => configMap(ns, name, { tier: 'web' })),
  steps: [
    {
      act: async (scene) => {
        const match = { objectSelector: { matchLabels: { tier: 'web' } } };
        await scene.applyPolicy('team', team(scene.ns, 'blue', match));
        await scene.applyPolicy('owned', {
          match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [scene.ns] },
          rules: [{ name: 'owner', require: { labels: [{ key: 'owner' }] } }],
        });
      },
      until: (end) => isWritten(end, 'blue', NAMES.length) && end.policies['owned']?.resultsTotal === NAMES.length,
    },
    {
      act: async (scene) => {
        const { admin } = scene.stage;
        const at = (name: string) => scene.path('configmaps', name);
        await admin.delete(at('gone'));
        await admin.delete(at('again'));
        await admin.create(configMap(scene.ns, 'again', { tier: 'web', owner: 'me' }));
        await admin.create(configMap(scene.ns, 'brief'));
        await admin.delete(at('brief'));
        for (const note of ['1', '2', '3']) await scene.patch(at('changes'), { annotations: { note } });
        await scene.patch(at('changes'), { labels: { owner: 'me' } });
        await scene.patch(at('leaves'), { labels: { tier: 'db' } });
      },
    },
  ],
  settled: (end) => {
    const { team: set, owned } = end.policies;
    return isWritten(end, 'blue', 3) && isEvaluated(set) && isEvaluated(owned) && owned.resultsTotal === 2;
  },
};

/** While the step goes on nobody can see it. */
const during =
  (before: (scene: Scene) => Promise<void> | void, after: (scene: Scene) => Promise<void> | void, step = 2): Fault =>
  async (scene, change, at) => {
    if (at !== step) return change();
    await scene.answered();
    await before(scene);
    await change();
    await after(scene);
  };

const CUT_AND_GONE = [
  'the watches are cut and their version is gone when they come back',
  during(goDown, (scene) => {
    forgetVersions(scene);
    comeUp(scene);
  }),
] as const;
const DOWN = ['the operator is down', during(kill, start)] as const;

const away = [
  ['the watches are cut and go on where they were', during(goDown, comeUp)],
  CUT_AND_GONE,
  [
    'no event comes, and then a list',
    during(
      ({ proxy, ns }) => proxy.useEvents(drop(changesOf(ns))),
      (scene) => {
        forgetVersions(scene);
        scene.proxy.network.cut();
      },
    ),
  ],
  DOWN,
] as const;

test.each(away)('U1, U2: objects go, come again and stop to match while %s', async (_, fault) => {
  const comparison = await theatre().compare(CHANGES, fault);
  // Results that come and go one by one, or all at once: a status and an Event more or less. Some are under way when it begins.
  expectUndisturbed(comparison, { objects: 0, status: 3, events: 3, refused: 3 });
  expect(comparison.disturbed.writes.objects).toBe(WRITES);
  const { team: set, owned } = comparison.disturbed.end.policies;
  expect(owned?.results.map((line) => line.split(' ')[1])).toEqual(['NS/leaves', 'NS/stays']);
  expect(set?.summary).toMatchObject({ matched: 3, owned: 3, violating: 0 });
});

const OBJECTS = 12;

const BACK_AND_FORTH: FaultStory = {
  objects: (ns) => configMaps(ns, OBJECTS),
  steps: [
    teamBecomes('blue', OBJECTS),
    {
      act: async (scene) => {
        await scene.applyPolicy('team', team(scene.ns, 'red'));
        await scene.applyPolicy('team', team(scene.ns, 'blue'));
      },
    },
  ],
  settled: (end) => isWritten(end, 'blue', OBJECTS),
};

/** A watch that goes on where it was tells of the version in between: whoever sees it writes it, and then the last one. */
const unseen = [CUT_AND_GONE, DOWN];

test.each(unseen)('U3: a policy is edited back and forth while %s: no object is written for it', async (_, fault) => {
  const { undisturbed, disturbed } = await theatre().compare(BACK_AND_FORTH, fault);
  expect(disturbed.end).toEqual(undisturbed.end);
  expect(disturbed.writes.objects).toBe(OBJECTS);
  expect(disturbed.writes.status).toBeLessThanOrEqual(undisturbed.writes.status + 2);
});

const slow: Fault = async (scene, change, at) => {
  if (at !== 2) return change();
  const first = Promise.withResolvers<void>();
  const edited = Promise.withResolvers<void>();
  scene.proxy.use(async ({ write, path }) => {
    if (write !== undefined && path.includes('/configmaps/cm-')) {
      first.resolve();
      await edited.promise;
    }
    return PASS;
  });
  // Between the edits a write of the one in between has come.
  await scene.applyPolicy('team', team(scene.ns, 'red'));
  await first.promise;
  await change();
  edited.resolve();
};

test('U3: a policy is edited back and forth while writes are slow: the last version wins, and no version costs an object more than a write', async () => {
  const { undisturbed, disturbed } = await theatre().compare(BACK_AND_FORTH, slow);
  expect(disturbed.end).toEqual(undisturbed.end);
  expect(disturbed.writes.objects).toBeGreaterThan(OBJECTS);
  expect(disturbed.writes.objects).toBeLessThanOrEqual(3 * OBJECTS);
  expectStatusesRefused(disturbed.log);
});

function goDown({ proxy }: Scene): void {
  proxy.network.down();
}

function comeUp({ proxy }: Scene): void {
  proxy.network.up();
}

function kill(scene: Scene): Promise<void> {
  return scene.kill();
}

function start(scene: Scene): Promise<void> {
  return scene.start();
}

/** Every watch of ConfigMaps and of policies that is asked for next, once, and no event in between. */
function forgetVersions({ proxy }: Scene): void {
  const met = new Set<string>();
  proxy.use(({ path, query }) => {
    if (query.get('watch') !== 'true' || !/\/(configmaps|watchpolicies)$/.test(path) || met.has(path)) return PASS;
    met.add(path);
    return GONE;
  });
  proxy.useEvents((event, send) => send(event));
}
