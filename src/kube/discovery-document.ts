import type { Scope } from '../api/resource.ts';
import { isRecord, type JsonRecord } from '../base/json-value.ts';
import type { ServedVersion } from './discovery.ts';
import { parseAnswer } from './json-answer.ts';
import { malformed } from './malformed.ts';

/** One group in one version, as aggregated discovery tells it. */
export interface GroupVersionDocument {
  readonly version: string;
  /** True when the server could not ask whoever serves it, so that what stands here may be old or empty. */
  readonly stale: boolean;
  readonly resources: ReadonlyMap<string, ServedVersion>;
}

export interface GroupDocument {
  readonly group: string;
  /** In the server's order of preference. */
  readonly versions: readonly GroupVersionDocument[];
}

/** Reads an `apidiscovery.k8s.io/v2` APIGroupDiscoveryList. Throws ApiError 'BadResponse'. */
export function parseDiscovery(body: Buffer): readonly GroupDocument[] {
  const list = parseAnswer(body);
  if (list['kind'] !== 'APIGroupDiscoveryList') {
    throw malformed('something else than aggregated discovery, which Kubernetes has since 1.30');
  }
  return asArray(list['items']).map((item) => {
    const { metadata, versions } = asRecord(item);
    return { group: asString(asRecord(metadata)['name']), versions: asArray(versions).map(parseVersion) };
  });
}

function parseVersion(value: unknown): GroupVersionDocument {
  const { version, freshness, resources } = asRecord(value);
  const name = asString(version);
  const served = new Map<string, ServedVersion>();
  for (const resource of asArray(resources)) {
    const { resource: plural, responseKind, scope, verbs } = asRecord(resource);
    const kind = asString(asRecord(responseKind)['kind']);
    // A parent that stands there for its subresources only has no kind and no verbs.
    if (kind === '') continue;
    served.set(asString(plural), {
      version: name,
      kind,
      scope: parseScope(scope),
      verbs: asArray(verbs).map(asString),
    });
  }
  return { version: name, stale: freshness === 'Stale', resources: served };
}

function parseScope(scope: unknown): Scope {
  if (scope === 'Namespaced' || scope === 'Cluster') return scope;
  throw malformed('a discovery document with an unknown scope');
}

/** Go leaves out, or writes as null, what is empty; anything else of the wrong type is malformed. */
function asRecord(value: unknown): JsonRecord {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw malformed('a malformed discovery document');
  return value;
}

function asArray(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw malformed('a malformed discovery document');
  return value;
}

function asString(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw malformed('a malformed discovery document');
  return value;
}
