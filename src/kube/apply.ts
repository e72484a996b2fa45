import type { CachedObject, StringMap } from '../api/object.ts';
import { apiVersionOf, type GroupVersionResource } from '../api/resource.ts';
import type { KubeClient } from './client.ts';
import { jsonAsYaml } from './json-as-yaml.ts';
import { APPLY_PATCH, METADATA_OBJECT } from './media-types.ts';
import { decodeMetadataAnswer } from './metadata-answer.ts';
import { objectPath, statusPath } from './paths.ts';

export interface ApplyTarget {
  readonly gvr: GroupVersionResource;
  readonly kind: string;
  /** '' for a cluster-scoped object. */
  readonly namespace: string;
  readonly name: string;
  /** Without it an object of this name is created when there is none. */
  readonly uid?: string | undefined;
  /** When given, the server answers 409 'Conflict' if the object has changed since. */
  readonly resourceVersion?: string | undefined;
  readonly fieldManager: string;
  readonly signal: AbortSignal;
}

/** All labels and annotations that the field manager wants; those that it owned before and are missing here are removed. */
export interface WantedMetadata {
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

/**
 * Applies labels and annotations to an existing object, with force. Resolves to the object as it is now. An object that
 * is gone answers 409 'Conflict', one that another has taken the name of 422 'Invalid' with a cause on `metadata.uid`.
 */
export function applyMetadata(
  client: KubeClient,
  target: ApplyTarget & WantedMetadata & { readonly uid: string },
): Promise<CachedObject> {
  const { gvr, namespace, name } = target;
  return apply(client, objectPath(gvr, namespace, name), target, target, {});
}

/** Applies `status` to an existing object, with force. Resolves to the object's metadata as it is now. */
export function applyStatus(
  client: KubeClient,
  target: Omit<ApplyTarget, 'namespace'> & {
    readonly uid: string;
    readonly namespace?: string;
    readonly status: object;
  },
): Promise<CachedObject> {
  const { gvr, namespace = '', name, status } = target;
  return apply(client, statusPath(gvr, namespace, name), { ...target, namespace }, NOTHING, { status });
}

const NOTHING: WantedMetadata = { labels: {}, annotations: {} };

/** One server-side apply of metadata and of the top-level fields in `content`. */
export async function apply(
  client: KubeClient,
  path: string,
  target: ApplyTarget,
  { labels, annotations }: WantedMetadata,
  content: object,
): Promise<CachedObject> {
  const { gvr, kind, namespace, name, uid, resourceVersion, fieldManager, signal } = target;
  const response = await client.request({
    method: 'PATCH',
    path,
    query: { fieldManager, force: 'true' },
    accept: METADATA_OBJECT,
    contentType: APPLY_PATCH,
    body: jsonAsYaml({
      apiVersion: apiVersionOf(gvr),
      kind,
      metadata: {
        name,
        namespace: namespace || undefined,
        uid,
        resourceVersion,
        labels: orNothing(labels),
        annotations: orNothing(annotations),
      },
      ...content,
    }),
    signal,
  });
  return decodeMetadataAnswer(client, response);
}

/** Undefined for a map without keys: by writing it we would come to own the map itself. */
export function orNothing<V>(map: Readonly<Record<string, V>>): Readonly<Record<string, V>> | undefined {
  return Object.keys(map).length === 0 ? undefined : map;
}
