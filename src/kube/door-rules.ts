import { MANAGER, RETAINED_MANAGER } from '../api/object.ts';
import { isRecord } from '../base/json-value.ts';
import type { KubeRequest } from './client.ts';
import { OWN_EVENT_NAME } from './event-name.ts';
import { APPLY_PATCH, MERGE_PATCH } from './media-types.ts';
import { isOwnLease, refuseLeaseChange, refuseNewLease } from './own-lease.ts';
import { parseRequestPath, type RequestPath } from './request-path.ts';

/** What the rules look at. */
export type DoorRequest = Pick<KubeRequest, 'method' | 'path' | 'query' | 'contentType' | 'body' | 'headers'>;

const ROOTS = /^\/(?:api|apis|version|openapi|readyz|livez)(?:\/|$)/;
/** Printable ASCII without what would end the path or be read as a separator. */
const PATH_CHARACTERS = /^[!-~]+$/;
const NOT_IN_PATHS = /[?#\\]|%2f|%5c|%00|%[01][0-9a-f]|%7f/i;
/** Reading one of these runs something. */
const ACTIONS: ReadonlySet<string> = new Set(['proxy', 'exec', 'attach', 'portforward']);
/** Who we are is for the credentials to say. */
const IDENTITY_HEADER = /^(?::|authorization$|host$|user-agent$|impersonate-)/i;

const BODY_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);
const METADATA_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'labels',
  'annotations',
]);

/**
 * Why a request must not be sent; undefined when it may. This is where the promise is kept that nothing but labels and
 * annotations of existing objects is written, whatever the rest of the program asks for. `ownNamespace` holds the ledger.
 */
export function refuseReason(request: DoorRequest, ownNamespace: string | undefined): string | undefined {
  const badPath = refusePath(request.path) ?? refuseHeaders(request.headers);
  if (badPath !== undefined) return badPath;
  const target = parseRequestPath(request.path);
  if (request.method === 'GET') return refuseRead(target);
  if (request.method === 'PATCH') return refusePatch(request, target, ownNamespace);
  if (request.method !== 'POST') return `${request.method} is never used`;
  if (target !== undefined && target.name === '' && isOwnLease(target, ownNamespace)) {
    return refuseNewLease(parseObject(request.body));
  }
  return target !== undefined && mayCreate(target, ownNamespace)
    ? undefined
    : 'only reviews of our own rights, events, our own ConfigMaps and our Lease may be created';
}

/**
 * Whether the request writes something that only one process may write at a time. Reviews write nothing, and who may write is
 * settled by the Lease.
 */
export function isExclusive({ method, path }: DoorRequest, ownNamespace: string | undefined): boolean {
  if (method === 'GET') return false;
  if (refusePath(path) !== undefined) return true;
  const target = parseRequestPath(path);
  if (target === undefined) return true;
  return !isReview(target) && !isOwnLease(target, ownNamespace);
}

function isReview({ group, version, namespace, resource }: RequestPath): boolean {
  return `${group}/${version}/${resource}` === 'authorization.k8s.io/v1/selfsubjectaccessreviews' && namespace === '';
}

function refusePath(path: string): string | undefined {
  if (!ROOTS.test(path)) return 'the path is outside the API';
  if (!PATH_CHARACTERS.test(path) || NOT_IN_PATHS.test(path)) return 'the path has characters that must be encoded';
  if (path.includes('//')) return 'the path has an empty part';
  try {
    const parts = path.split('/').map(decodeURIComponent);
    return parts.some((part) => part === '.' || part === '..') ? 'the path climbs' : undefined;
  } catch {
    return 'the path is badly encoded';
  }
}

function refuseHeaders(headers: DoorRequest['headers']): string | undefined {
  if (headers === undefined) return undefined;
  const header = Object.keys(headers).find((name) => IDENTITY_HEADER.test(name));
  return header === undefined ? undefined : `the header ${header} is not the caller's to set`;
}

function refuseRead(target: RequestPath | undefined): string | undefined {
  const [first = ''] = target?.subresource.split('/') ?? [];
  return ACTIONS.has(first) ? `reading ${first} would run something` : undefined;
}

function mayCreate(target: RequestPath, own: string | undefined): boolean {
  const { group, version, namespace, resource, name } = target;
  if (name !== '') return false;
  if (isReview(target)) return true;
  switch (`${group}/${version}/${resource}`) {
    case '/v1/configmaps':
      return namespace === own && namespace !== '';
    case 'events.k8s.io/v1/events':
      return namespace !== '';
    default:
      return false;
  }
}

function refusePatch(
  { contentType, body, query }: DoorRequest,
  target: RequestPath | undefined,
  ownNamespace: string | undefined,
): string | undefined {
  if (target === undefined || target.name === '') return 'a patch must name one object';
  if (contentType !== APPLY_PATCH && contentType !== MERGE_PATCH)
    return `a patch of type ${contentType ?? '(none)'} is never used`;
  if (isOwn(target, ownNamespace)) return undefined;
  if (isOwnLease(target, ownNamespace)) {
    return contentType === MERGE_PATCH
      ? refuseLeaseChange(parseObject(body))
      : 'our Lease is changed by merge patch alone';
  }
  if (isOwnEvent(target)) return refuseSeries(body, contentType);
  if (target.subresource !== '') return `the subresource ${target.subresource} is never written`;
  const manager = query?.['fieldManager'];
  if (contentType === APPLY_PATCH && manager !== MANAGER && manager !== RETAINED_MANAGER) {
    return `the field manager ${manager ?? '(none)'} is not one of ours`;
  }
  return refuseBody(body, contentType);
}

function isOwn({ group, version, namespace, resource, subresource }: RequestPath, own: string | undefined): boolean {
  switch (`${group}/${version}/${resource}`) {
    case 'watchkeeper.dev/v1alpha1/watchpolicies':
      return subresource === 'status';
    case '/v1/configmaps':
      return subresource === '' && namespace === own && namespace !== '';
    default:
      return false;
  }
}

/** Events that we have made have names of this form: see `eventName`. */
function isOwnEvent({ group, version, namespace, resource, name, subresource }: RequestPath): boolean {
  const isEvent = `${group}/${version}/${resource}` === 'events.k8s.io/v1/events' && subresource === '';
  return isEvent && namespace !== '' && OWN_EVENT_NAME.test(name);
}

/** How often an Event was repeated is all that is ever changed of it. */
function refuseSeries(body: DoorRequest['body'], contentType: string): string | undefined {
  if (contentType !== MERGE_PATCH) return 'an Event is changed by merge patch alone';
  const document = parseObject(body);
  if (document === undefined) return 'the body of a patch must be a JSON object';
  const field = Object.keys(document).find((name) => name !== 'series');
  if (field !== undefined) return `the patch would write ${JSON.stringify(field)} of an Event, and only its series is`;
  return isRecord(document['series']) ? undefined : 'the patch has no series';
}

function refuseBody(body: DoorRequest['body'], contentType: string): string | undefined {
  const document = parseObject(body);
  if (document === undefined) return 'the body of a patch must be a JSON object';
  const field = Object.keys(document).find((name) => !BODY_FIELDS.has(name));
  if (field !== undefined) return `the patch would write ${JSON.stringify(field)}, and only metadata is ever written`;
  const metadata = document['metadata'];
  if (!isRecord(metadata)) return 'the patch has no metadata';
  const inner = Object.keys(metadata).find((name) => !METADATA_FIELDS.has(name));
  if (inner !== undefined) return `the patch would write metadata.${inner}, and only labels and annotations are`;
  // Without it an apply would create a missing object, and either kind could meet another object of the same name.
  const { uid } = metadata;
  if (typeof uid !== 'string' || uid === '') return 'the patch must name the uid of its object';
  return refuseMap(metadata, 'labels', contentType) ?? refuseMap(metadata, 'annotations', contentType);
}

function refuseMap(metadata: Record<string, unknown>, field: string, contentType: string): string | undefined {
  if (!Object.hasOwn(metadata, field)) return undefined;
  const map = metadata[field];
  // In a merge patch null for the whole map would remove every key of everybody.
  if (!isRecord(map)) return `metadata.${field} must be an object`;
  const legal = (value: unknown) => typeof value === 'string' || (value === null && contentType === MERGE_PATCH);
  return Object.values(map).every(legal) ? undefined : `the values in metadata.${field} must be strings`;
}

function parseObject(body: DoorRequest['body']): Record<string, unknown> | undefined {
  if (body === undefined) return undefined;
  try {
    const document: unknown = JSON.parse(body.toString());
    return isRecord(document) ? document : undefined;
  } catch {
    return undefined;
  }
}
