import type { Manifest } from '../../test/cluster/kube-object.ts';
import { between, byOperator, wrote } from '../audit-trail.ts';
import { COST_CENTER, NAMESPACES, SAMPLES } from '../samples.ts';
import { cells, labelOf, NOTHING, OBJECT_HEAD, type Scene, setLabel } from '../scene.ts';
import { duration } from '../terminal.ts';

/** What somebody changes by hand comes back. */
export async function drift(scene: Scene): Promise<void> {
  scene.terminal.say('Somebody changes the label of one object by hand, and takes it away from another.');
  const rows: (readonly string[])[] = [];
  for (const [index, value] of [
    [0, 'cc-9999'],
    [SAMPLES.length - 1, null],
  ] as const) {
    const object = SAMPLES[index];
    if (object !== undefined) rows.push([...cells(object), ...(await driftAndBack(scene, object, value))]);
  }
  scene.terminal.table([...OBJECT_HEAD, 'WAS', 'BY HAND', 'IS AGAIN', 'AFTER'], rows);
}

async function driftAndBack(scene: Scene, object: Manifest, value: string | null): Promise<readonly string[]> {
  const { installation, trail } = scene;
  const path = await installation.admin.pathOf(object);
  const wanted = NAMESPACES[object.metadata.namespace ?? ''];
  const was = await labelOf(scene, object, COST_CENTER);
  const mark = await trail.mark();
  await setLabel(scene, object, COST_CENTER, value);
  const again = await installation.admin.waitFor(path, ({ metadata }) => metadata.labels[COST_CENTER] === wanted);
  const byHand = await trail.first(mark, 'the change', (entry) => wrote(entry, path) && !byOperator(entry));
  const back = await trail.first(mark, 'its repair', (entry) => wrote(entry, path) && byOperator(entry));
  const isAgain = again.metadata.labels[COST_CENTER];
  return [was ?? NOTHING, value ?? NOTHING, isAgain ?? NOTHING, duration(between(byHand, back))];
}
