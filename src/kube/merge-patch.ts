import type { CachedObject } from '../api/object.ts';
import { type ApplyTarget, orNothing } from './apply.ts';
import type { KubeClient } from './client.ts';
import { MERGE_PATCH, METADATA_OBJECT } from './media-types.ts';
import { decodeMetadataAnswer } from './metadata-answer.ts';
import { objectPath, statusPath } from './paths.ts';

/** Keys to set, and with null to remove, whoever owns them. All others stay as they are. */
export interface MetadataChange {
  readonly labels: Readonly<Record<string, string | null>>;
  readonly annotations: Readonly<Record<string, string | null>>;
}

/**
 * Changes single labels and annotations of an existing object, whoever owns them. Resolves to the object as it is now.
 * An object that is gone answers 404 'NotFound', one that another has taken the name of 422 'Invalid' or 409 'Conflict'.
 */
export async function mergePatchMetadata(
  client: KubeClient,
  target: Omit<ApplyTarget, 'kind'> & MetadataChange & { readonly uid: string },
): Promise<CachedObject> {
  const { gvr, namespace, name, uid, resourceVersion, labels, annotations, fieldManager, signal } = target;
  const response = await client.request({
    method: 'PATCH',
    path: objectPath(gvr, namespace, name),
    query: { fieldManager },
    accept: METADATA_OBJECT,
    contentType: MERGE_PATCH,
    body: JSON.stringify({
      metadata: { uid, resourceVersion, labels: orNothing(labels), annotations: orNothing(annotations) },
    }),
    signal,
  });
  return decodeMetadataAnswer(client, response);
}

/**
 * Replaces the given fields of an existing object's status, whatever stands there; null removes one. Resolves to the object's
 * metadata as it is now.
 */
export async function mergePatchStatus(
  client: KubeClient,
  target: Omit<ApplyTarget, 'kind' | 'namespace'> & {
    readonly resourceVersion: string;
    readonly status: Readonly<Record<string, unknown>>;
  },
): Promise<CachedObject> {
  const { gvr, name, uid, resourceVersion, status, fieldManager, signal } = target;
  const response = await client.request({
    method: 'PATCH',
    path: statusPath(gvr, '', name),
    query: { fieldManager },
    accept: METADATA_OBJECT,
    contentType: MERGE_PATCH,
    body: JSON.stringify({ metadata: { uid, resourceVersion }, status }),
    signal,
  });
  return decodeMetadataAnswer(client, response);
}
