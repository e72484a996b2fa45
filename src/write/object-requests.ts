import { MANAGER } from '../api/object.ts';
import { reviewSelfAccess } from '../kube/access-review.ts';
import { applyMetadata } from '../kube/apply.ts';
import type { KubeClient } from '../kube/client.ts';
import { mergePatchMetadata } from '../kube/merge-patch.ts';
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
    cleanUp: (
      { group, version, resource },
      { namespace, name, uid, resourceVersion },
      { labels, annotations, fromPicture },
    ) =>
      mergePatchMetadata(client, {
        gvr: { group, version, resource },
        namespace,
        name,
        uid,
        resourceVersion: fromPicture ? resourceVersion : undefined,
        labels: toNull(labels),
        annotations: toNull(annotations),
        fieldManager: MANAGER,
        signal,
      }),
    rewrite: ({ group, version, resource }, { namespace, name, uid, resourceVersion }, { labels, annotations }) =>
      mergePatchMetadata(client, {
        gvr: { group, version, resource },
        namespace,
        name,
        uid,
        resourceVersion,
        labels,
        annotations,
        fieldManager: MANAGER,
        signal,
      }),
    mayPatch: async ({ group, resource }, namespace) => {
      const question = { verb: 'patch', group, resource, namespace };
      return (await reviewSelfAccess(client, question, signal)).allowed;
    },
  };
}

function toNull(keys: ReadonlySet<string>): Record<string, null> {
  return Object.fromEntries([...keys].map((key) => [key, null]));
}
