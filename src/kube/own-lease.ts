import { type JsonRecord, recordOf, textOf } from '../base/json-value.ts';
import type { RequestPath } from './request-path.ts';

/** The one Lease that we hold: in our own namespace. */
export const LEASE_NAME = 'watchkeeper';

/** Whether the path names our Lease, or with '' for its name the collection that it is in. */
export function isOwnLease(target: RequestPath, ownNamespace: string | undefined): boolean {
  const { group, version, namespace, resource, name, subresource } = target;
  if (`${group}/${version}/${resource}` !== 'coordination.k8s.io/v1/leases' || subresource !== '') return false;
  return namespace === ownNamespace && namespace !== '' && (name === LEASE_NAME || name === '');
}

const NEW: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'spec']);
const CHANGED: ReadonlySet<string> = new Set(['metadata', 'spec']);

/** Why our Lease must not be made with this body; undefined when it may. */
export function refuseNewLease(document: JsonRecord | undefined): string | undefined {
  const isOurs = inMetadata(document, 'name') === LEASE_NAME;
  return refuseFields(document, NEW) ?? (isOurs ? undefined : 'a Lease other than ours is never made');
}

/** The same for a patch of it. */
export function refuseLeaseChange(document: JsonRecord | undefined): string | undefined {
  // Without it the Lease of whoever was faster would be overwritten.
  const isGuarded = inMetadata(document, 'resourceVersion') !== '';
  return refuseFields(document, CHANGED) ?? (isGuarded ? undefined : 'our Lease is changed at a resourceVersion alone');
}

function refuseFields(document: JsonRecord | undefined, fields: ReadonlySet<string>): string | undefined {
  if (document === undefined) return 'the body must be a JSON object';
  const field = Object.keys(document).find((name) => !fields.has(name));
  return field === undefined ? undefined : `${JSON.stringify(field)} of our Lease is never written`;
}

function inMetadata(document: JsonRecord | undefined, field: 'name' | 'resourceVersion'): string {
  return textOf(recordOf(document?.['metadata'])[field]);
}
