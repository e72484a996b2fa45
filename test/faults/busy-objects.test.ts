import { expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { BusyWriter } from '../support/busy-writer.ts';
import { labelling } from '../support/fault-stories.ts';
import type { Fault, FaultStory, Step } from '../support/fault-story.ts';
import { configMap } from '../support/stage.ts';
import { expectStatusesRefused, useTheatre } from '../support/undisturbed.ts';
import { changesOf, hold } from './event-faults.ts';
import { isWritten, teamBecomes } from './labelled.ts';

const theatre = useTheatre();

const OBJECTS = 10;
/** Before the policy is edited, meanwhile, and after it. */
const EACH = 200;

/** Values that are right only for the object as it was read: where there was none, and what stands under another name. */
const GUARDED = [
  { name: 'tier', default: { labels: [{ key: 'tier', value: 'web' }] } },
  { name: 'old', rename: { labels: [{ from: 'legacy', to: 'modern' }] } },
];

/** The label is given another value, and these rules come with it, until each object has these keys. */
function edited(rules: readonly object[], ...keys: readonly string[]): FaultStory {
  const isDone = (labels: Readonly<Record<string, string>>) => keys.every((key) => labels[key] !== undefined);
  const edit: Step = { act: (scene) => scene.applyPolicy('team', labelling(scene.ns, { team: 'red' }, { rules })) };
  return {
    objects: (ns) => Array.from({ length: OBJECTS }, (_, i) => configMap(ns, `cm-${i}`, { legacy: `v${i}` })),
    steps: [teamBecomes('blue', OBJECTS), edit],
    settled: (end) => isWritten(end, 'red', OBJECTS) && Object.values(end.objects).every(isDone),
  };
}

test('N7: another field manager writes the objects two hundred times a second: each is written once, and none is refused', async () => {
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
  const { undisturbed, disturbed } = await theatre().compare(edited([]), busy);
  expect(disturbed.end).toEqual(undisturbed.end);
  expect(made).toBeGreaterThanOrEqual(2 * EACH);
  // Such an apply names no version, so none is lost to the other writer.
  expect(disturbed.writes.objects).toBe(undisturbed.writes.objects);
  expectStatusesRefused(disturbed.log);
  expect(disturbed.writes.status).toBeLessThanOrEqual(undisturbed.writes.status + 3);
});

test('N7: what another field manager writes just before a default and a rename is not undone by them', async () => {
  const { objects, steps, settled } = edited(GUARDED, 'tier', 'modern');
  const byHand: Step = {
    act: async (scene) => {
      await scene.patch(scene.path('configmaps', 'cm-0'), { labels: { tier: 'api' } });
      await scene.patch(scene.path('configmaps', 'cm-1'), { labels: { legacy: 'newer' } });
    },
  };
  const late = Promise.withResolvers<void>();
  const unseen: Fault = async (scene, change, at) => {
    if (at === 0) scene.proxy.useEvents(hold(changesOf(`${scene.ns}/`), late.promise));
    await change();
    if (at < 3) return;
    const collection = scene.path('configmaps', '').slice(0, -1);
    await scene.stage.waitForCount(collection, 'team=red,tier=web,modern,!legacy', OBJECTS - 2);
    const refused = () => scene.operator.metric('watchkeeper_writes_total', 'result="Stale"');
    await eventually('refused writes of both', refused, (count) => count >= 2);
    late.resolve();
  };
  const told: FaultStory = { objects, steps: steps.toSpliced(1, 0, byHand), settled };
  const { undisturbed, disturbed } = await theatre().compare(told, unseen);
  expect(disturbed.end).toEqual(undisturbed.end);
  expect(disturbed.end.objects['configmaps/cm-0']?.['tier']).toMatch(/^api /);
  expect(disturbed.end.objects['configmaps/cm-1']?.['modern']).toMatch(/^newer /);
  expect(disturbed.writes.objects).toBe(undisturbed.writes.objects);
  expect(disturbed.writes.refused).toBeGreaterThanOrEqual(2);
});
