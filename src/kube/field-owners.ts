import type { KeySet } from '../api/object.ts';
import type { GroupVersionResource } from '../api/resource.ts';
import type { KubeClient } from './client.ts';
import { parseAnswer } from './json-answer.ts';
import { keysInFields } from './key-sets.ts';
import { METADATA_OBJECT_JSON } from './media-types.ts';
import { objectPath } from './paths.ts';

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
 * not on record there. Rejects with ApiError.
 */
export async function readFieldOwners(
  client: KubeClient,
  gvr: GroupVersionResource,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<OwnedObject> {
  const path = objectPath(gvr, namespace, name);
  const { body } = await client.request({ method: 'GET', path, accept: METADATA_OBJECT_JSON, signal });
  const { uid, managedFields } = recordOf(parseAnswer(body)['metadata']);
  const entries = Array.isArray(managedFields) ? managedFields.slice(0, MOST_OWNERS) : [];
  return {
    uid: typeof uid === 'string' ? uid : '',
    owners: entries.flatMap((entry: unknown): FieldOwner[] => {
      const { manager, fieldsV1 } = recordOf(entry);
      return typeof manager === 'string' ? [{ manager, keys: keysInFields(fieldsV1) }] : [];
    }),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
