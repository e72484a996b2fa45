import type { PolicySpec } from '../support/installation.ts';
import type { StoryEnd } from '../support/story-end.ts';

/** A policy that keeps the label `team` on what it matches in the story's namespace. */
export function team(
  ns: string,
  value: string,
  match: Readonly<Record<string, unknown>> = {},
  resources: readonly { readonly group: string; readonly resource: string }[] = [{ group: '', resource: 'configmaps' }],
): PolicySpec {
  return {
    mode: 'Enforce',
    match: { resources, namespaces: [ns], ...match },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value }] } }],
  };
}

/**
 * Whether exactly so many objects carry the label as ours, and the policy `team` is content. It is so before all is written;
 * and its counts may come later.
 */
export function isWritten({ objects, policies }: StoryEnd, value: string, count: number): boolean {
  const written = Object.values(objects).filter((keys) => keys['team'] === `${value} (watchkeeper)`);
  const { isCurrent, conditions = {} } = policies['team'] ?? {};
  return written.length === count && isCurrent === true && conditions['Compliant']?.startsWith('True') === true;
}
