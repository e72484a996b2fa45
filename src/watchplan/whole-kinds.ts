import type { Steps } from '../base/steps.ts';
import type { ServedResource } from '../kube/discovery.ts';
import { compileReachedKinds } from '../policy/reach.ts';
import { scopedOf } from './catalogue.ts';
import type { KindDraft } from './kind-plan.ts';
import type { Part, PlanInput } from './plan.ts';
import { mayWrite } from './verbs.ts';

/**
 * Of which kinds all objects must be seen, also those that no policy matches: where keys of ours may be on them. What
 * had left a match while nobody looked, or leaves it now, would not be found again. So it is where something is written
 * now, was written and is not known to be cleaned up, or is held for a policy that does not enforce; and where somebody
 * other than a policy reads the kind. An aggregated API server, which anybody may have written, is not trusted to tell
 * of what leaves a selection.
 */
export function* wholeKinds(
  { apiServiceUids, onRecord = new Map() }: Pick<PlanInput, 'apiServiceUids' | 'onRecord'>,
  parts: ReadonlyMap<string, Part>,
): Steps<(draft: KindDraft, served: ServedResource) => boolean> {
  const holding: ((served: ReturnType<typeof scopedOf>) => boolean)[] = [];
  for (const [policy, { reach }] of onRecord) {
    if (parts.get(policy)?.program.mode === 'Enforce') continue;
    holding.push(compileReachedKinds(reach));
    yield;
  }
  return ({ programs, owners }, served) => {
    if (owners.has('cleanup') || owners.has('source') || programs.some(mayWrite)) return true;
    if (served.versions.some(({ version }) => apiServiceUids.has(`${version}.${served.group}`))) return true;
    const scoped = scopedOf(served);
    return holding.some((isReached) => isReached(scoped));
  };
}
