import { WATCH_POLICIES } from '../api/watch-policy.ts';
import { recordOf } from '../base/json-value.ts';
import type { KubeClient } from '../kube/client.ts';
import { createListWatch } from '../kube/list-watch-client.ts';
import type { PolicyDocument } from './policy-documents.ts';

/** The policies of a cluster, by name. Rejects with ApiError. */
export async function listPolicies(client: KubeClient, signal: AbortSignal): Promise<PolicyDocument[]> {
  const list = createListWatch(client, {
    gvr: WATCH_POLICIES,
    representation: { kind: 'Projected', fields: ['spec'] },
  });
  const { items } = await list.list({ signal });
  return items
    .map(({ name, uid, generation, body }) => ({ name, uid, generation, spec: body?.['spec'], where: 'the cluster' }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export function isEnforced({ spec }: Pick<PolicyDocument, 'spec'>): boolean {
  return recordOf(spec)['mode'] === 'Enforce';
}
