import type { KeySet } from '../api/object.ts';
import type { GroupVersionResource } from '../api/resource.ts';
import { recordOf, textOf } from '../base/json-value.ts';
import type { KubeClient } from './client.ts';
import { nameSelector } from './field-selector.ts';
import { parseAnswer } from './json-answer.ts';
import { keysInFields } from './key-sets.ts';
import { METADATA_LIST_JSON } from './media-types.ts';
import { collectionPath } from './paths.ts';

/** A field manager, and the labels and annotations of an object that it owns. */
export interface FieldOwner {
  readonly manager: string;
  readonly keys: KeySet;
}

export interface OwnedObject {
  readonly uid: string;
  readonly owners: readonly FieldOwner[];
}

/** A name is bounded by the API server; a list of them is not. */
const MOST_OWNERS = 256;

/**
 * Who owns the labels and annotations of one object, read from its managedFields, which no cache keeps. Who removes a key is
 * not on record there. It is read as a list of one, so that the right to list is enough. An object that is gone has no uid.
 * Rejects with ApiError.
 */
export async function readFieldOwners(
  client: KubeClient,
  gvr: GroupVersionResource,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<OwnedObject> {
  const { body } = await client.request({
    method: 'GET',
    path: collectionPath(gvr, namespace),
    query: { fieldSelector: nameSelector(name), limit: '1' },
    accept: METADATA_LIST_JSON,
    signal,
  });
  const { items } = parseAnswer(body);
  const found = (Array.isArray(items) ? items : []).map((item: unknown) => recordOf(recordOf(item)['metadata']));
  // A server that does not heed the selector may have sent another one.
  const { uid, managedFields } = found.find((metadata) => metadata['name'] === name) ?? {};
  const entries = Array.isArray(managedFields) ? managedFields.slice(0, MOST_OWNERS) : [];
  return {
    uid: textOf(uid),
    owners: entries.flatMap((entry: unknown): FieldOwner[] => {
      const { manager, fieldsV1 } = recordOf(entry);
      return typeof manager === 'string' ? [{ manager, keys: keysInFields(fieldsV1) }] : [];
    }),
  };
}
