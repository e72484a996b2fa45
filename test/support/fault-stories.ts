import type { FaultStory, Scene, Step } from './fault-story.ts';
import type { PolicySpec } from './installation.ts';
import { configMap } from './stage.ts';
import { isEvaluated, type StoryEnd } from './story-end.ts';

export const CONFIG_MAPS = { group: '', resource: 'configmaps' };

/** Sets labels on the story's ConfigMaps; `more` adds to the spec. */
export function labelling(
  ns: string,
  labels: Readonly<Record<string, string>>,
  more: Partial<PolicySpec> & { readonly match?: object; readonly rules?: readonly object[] } = {},
): PolicySpec {
  const { match, rules = [], ...fields } = more;
  return {
    mode: 'Enforce',
    match: { resources: [CONFIG_MAPS], namespaces: [ns], ...match },
    rules: [
      ...Object.entries(labels).map(([key, value]) => ({ name: key, set: { labels: [{ key, value }] } })),
      ...rules,
    ],
    ...fields,
  };
}

/** A step by which the policy `team` sets these labels, until it owns a key on so many objects and says so. */
export function teamSets(labels: Readonly<Record<string, string>>, owned: number, more = {}): Step {
  return {
    act: (scene: Scene) => scene.applyPolicy('team', labelling(scene.ns, labels, more)),
    until: (end) => owns(end, owned),
  };
}

export function owns({ policies: { team } }: StoryEnd, owned: number): boolean {
  return isEvaluated(team) && team.summary['owned'] === owned;
}

const CLEAN_UP = { rules: [{ name: 'old', remove: { labels: ['legacy/*'] } }] };

/**
 * A policy comes, is edited and goes, over three objects: every kind of write that there is. One object has a key that is to be
 * removed, and one has a key of its user that the policy sets too.
 */
export const LIFE: FaultStory = {
  objects: (ns) => [configMap(ns, 'a'), configMap(ns, 'b', { 'legacy/x': 'y' }), configMap(ns, 'c', { team: 'a' })],
  steps: [
    teamSets({ team: 'a' }, 3, CLEAN_UP),
    teamSets({ squad: 'a', env: 'prod' }, 3, CLEAN_UP),
    { act: (scene) => scene.deletePolicy('team') },
  ],
  settled: ({ objects, ledger }) =>
    ledger.kinds.length === 0 && Object.values(objects).every((keys) => keys['squad'] === undefined),
};

/** The same without its end. */
export const BEGINNING: FaultStory = { ...LIFE, steps: LIFE.steps.slice(0, 2), settled: (end) => owns(end, 3) };
