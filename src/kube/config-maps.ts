import type { CachedObject, StringMap } from '../api/object.ts';
import type { GroupVersionResource } from '../api/resource.ts';
import { apply } from './apply.ts';
import type { KubeClient } from './client.ts';
import { ApiError } from './errors.ts';
import { parseAnswer } from './json-answer.ts';
import { JSON_TEXT } from './media-types.ts';
import { objectPath } from './paths.ts';

const CONFIG_MAPS: GroupVersionResource = { group: '', version: 'v1', resource: 'configmaps' };

export interface ConfigMapAnswer {
  readonly resourceVersion: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Undefined when there is no such ConfigMap. Rejects with ApiError. */
export async function readConfigMap(
  client: KubeClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<ConfigMapAnswer | undefined> {
  const path = objectPath(CONFIG_MAPS, namespace, name);
  try {
    const { body } = await client.request({ method: 'GET', path, accept: JSON_TEXT, signal });
    const { metadata, data } = parseAnswer(body);
    return { resourceVersion: stringsOf(metadata)['resourceVersion'] ?? '', data: stringsOf(data) };
  } catch (error) {
    if (error instanceof ApiError && error.code === 'NotFound') return undefined;
    throw error;
  }
}

function stringsOf(data: unknown): Record<string, string> {
  const strings: Record<string, string> = {};
  if (typeof data !== 'object' || data === null) return strings;
  for (const [key, value] of Object.entries(data)) {
    if (typeof value === 'string') strings[key] = value;
  }
  return strings;
}

/**
 * Applies the ConfigMap's whole `data`, with force; creates the ConfigMap when there is none and no resourceVersion is
 * given. Rejects with ApiError, 'Conflict' when another resourceVersion stands there.
 */
export function applyConfigMap(
  client: KubeClient,
  target: {
    readonly namespace: string;
    readonly name: string;
    readonly data: Readonly<Record<string, string>>;
    readonly labels: StringMap;
    readonly resourceVersion?: string | undefined;
    readonly fieldManager: string;
    readonly signal: AbortSignal;
  },
): Promise<CachedObject> {
  const { namespace, name, data, labels } = target;
  const path = objectPath(CONFIG_MAPS, namespace, name);
  return apply(client, path, { ...target, gvr: CONFIG_MAPS, kind: 'ConfigMap' }, { labels, annotations: {} }, { data });
}
