import { reviewSelfAccess } from '../kube/access-review.ts';
import { applyMetadata } from '../kube/apply.ts';
import type { KubeClient } from '../kube/client.ts';
import type { WriteRequests } from './object-writer.ts';

/** The requests of an ObjectWriter, made through a client until the signal aborts. */
export function objectRequests(client: KubeClient, signal: AbortSignal): WriteRequests {
  return {
    apply: (
      { group, version, resource, kind },
      { namespace, name, uid, resourceVersion },
      { fieldManager, keys, guarded },
    ) =>
      applyMetadata(client, {
        gvr: { group, version, resource },
        kind,
        namespace,
        name,
        uid,
        resourceVersion: guarded ? resourceVersion : undefined,
        labels: Object.fromEntries(keys.labels),
        annotations: Object.fromEntries(keys.annotations),
        fieldManager,
        signal,
      }),
    mayPatch: async ({ group, resource }, namespace) => {
      const question = { verb: 'patch', group, resource, namespace };
      return (await reviewSelfAccess(client, question, signal)).allowed;
    },
  };
}
