import { WATCH_POLICIES } from '../api/watch-policy.ts';
import type { DesiredWatch, DesiredWatches } from '../informer/registry.ts';
import { type WatchId, type WatchSpec, watchId } from '../informer/watch-spec.ts';
import type { Plan } from '../watchplan/plan.ts';

const METADATA = { kind: 'Metadata' } as const;

/** What is watched whatever the policies say. CRDs and APIServices are triggers: what is served, discovery tells. */
const SYSTEM_WATCHES = {
  policies: { gvr: WATCH_POLICIES, representation: { kind: 'Projected', fields: ['spec', 'status'] } },
  crds: {
    gvr: { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' },
    representation: METADATA,
  },
  apiServices: {
    gvr: { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' },
    representation: METADATA,
  },
} as const satisfies Record<string, WatchSpec>;

export const POLICIES_ID = watchId(SYSTEM_WATCHES.policies);
export const CRDS_ID = watchId(SYSTEM_WATCHES.crds);
export const API_SERVICES_ID = watchId(SYSTEM_WATCHES.apiServices);

/**
 * All that is to be watched. A kind of a policy that we watch for ourselves in the same way is one watch, of all
 * objects whatever the policy can match.
 */
export function desiredWatches({ kinds }: Plan): DesiredWatches {
  const desired = new Map<WatchId, DesiredWatch>();
  for (const spec of Object.values(SYSTEM_WATCHES)) desired.set(watchId(spec), { spec, owners: new Set(['system']) });
  for (const { views, owners } of kinds.values()) {
    for (const { spec } of views) {
      const id = watchId(spec);
      const ours = desired.get(id);
      desired.set(
        id,
        ours === undefined ? { spec, owners } : { ...ours, owners: new Set([...ours.owners, ...owners]) },
      );
    }
  }
  return desired;
}
