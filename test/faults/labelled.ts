import type { Manifest } from '../cluster/kube-object.ts';
import { CONFIG_MAPS, labelling } from '../support/fault-stories.ts';
import type { FaultStory, Step } from '../support/fault-story.ts';
import type { PolicySpec } from '../support/installation.ts';
import { configMap } from '../support/stage.ts';
import { isEvaluated, type StoryEnd } from '../support/story-end.ts';

/** So many ConfigMaps: `cm-0`, `cm-1` and so on. */
export function configMaps(ns: string, count: number): readonly Manifest[] {
  return Array.from({ length: count }, (_, i) => configMap(ns, `cm-${i}`));
}

/** A policy that keeps the label `team` on what it matches in the story's namespace. */
export function team(
  ns: string,
  value: string,
  match: Readonly<Record<string, unknown>> = {},
  resources: readonly { readonly group: string; readonly resource: string }[] = [CONFIG_MAPS],
): PolicySpec {
  return labelling(ns, { team: value }, { match: { resources, ...match } });
}

/** A step by which the policy `team` gives its label this value on ConfigMaps, until so many carry it. */
export function teamBecomes(value: string, count: number): Step {
  return {
    act: (scene) => scene.applyPolicy('team', team(scene.ns, value)),
    until: (end) => isWritten(end, value, count),
  };
}

/**
 * So many ConfigMaps get a label, and then another one, as one of them goes: in one step, in the middle of which things
 * can go wrong.
 */
export function relabelled(count: number): FaultStory {
  return {
    objects: (ns) => configMaps(ns, count),
    steps: [
      teamBecomes('blue', count),
      {
        act: async (scene) => {
          await scene.applyPolicy('team', team(scene.ns, 'red'));
          await scene.stage.admin.delete(scene.path('configmaps', 'cm-0'));
        },
      },
    ],
    settled: (end) => isWritten(end, 'red', count - 1),
  };
}

/**
 * Whether exactly so many objects carry the label as ours, and the policy `team` is content and Ready, as it may be before all is
 * written. Its counts may come later.
 */
export function isWritten({ objects, policies }: StoryEnd, value: string, count: number): boolean {
  const written = Object.values(objects).filter((keys) => keys['team'] === `${value} (watchkeeper)`);
  const policy = policies['team'];
  const isContent = ['Compliant', 'Ready'].every((type) => policy?.conditions[type]?.startsWith('True') === true);
  return written.length === count && isEvaluated(policy) && isContent;
}
