import type { Representation } from '../api/object.ts';
import { apiVersionOf, type GroupVersionResource, groupResourceName } from '../api/resource.ts';
import type { Selection, Slice } from './selection.ts';

/** What one informer watches. */
export interface WatchSpec {
  readonly gvr: GroupVersionResource;
  /** Absent: the whole cluster. */
  readonly namespace?: string | undefined;
  readonly representation: Representation;
  /** The uid of the CRD where there is one: a CRD that was deleted and made again is another kind with another history. */
  readonly incarnation?: string | undefined;
  /** Which of the objects there; absent: all. */
  readonly selection?: Selection | undefined;
}

/** What one list and one watch of an informer ask for. */
export type WatchTarget = Omit<WatchSpec, 'selection'> & Slice;

/**
 * Two specs have the same id exactly when one informer can serve both, one after the other where they select other objects.
 * Readable, for logs.
 */
export type WatchId = string;

export function watchId({ gvr, namespace, representation, incarnation }: WatchSpec): WatchId {
  const shape = representation.kind === 'Metadata' ? 'metadata' : representation.fields.toSorted().join('+');
  const parts = [groupResourceName(gvr), apiVersionOf(gvr), namespace ?? '*', shape];
  if (incarnation !== undefined) parts.push(incarnation);
  return parts.join(' ');
}
