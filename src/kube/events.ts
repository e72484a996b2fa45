import type { GroupVersionResource } from '../api/resource.ts';
import type { KubeClient } from './client.ts';
import { JSON_TEXT, MERGE_PATCH } from './media-types.ts';
import { collectionPath, objectPath } from './paths.ts';

const EVENTS: GroupVersionResource = { group: 'events.k8s.io', version: 'v1', resource: 'events' };

/** What an Event points at. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for a cluster-scoped object. */
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventSeries {
  /** At least 2. */
  readonly count: number;
  /** RFC 3339 with microseconds. */
  readonly lastObservedTime: string;
}

/** events.k8s.io/v1, as far as we write it. */
export interface EventContent {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: 'Normal' | 'Warning';
  readonly note: string;
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference | undefined;
  readonly series?: EventSeries | undefined;
}

export interface EventPlace {
  readonly namespace: string;
  readonly name: string;
}

/** Rejects with ApiError: 'Conflict' when there is one of this name, 'Forbidden' also where the namespace is terminating. */
export async function createEvent(
  client: KubeClient,
  { namespace, name }: EventPlace,
  content: EventContent,
  signal: AbortSignal,
): Promise<void> {
  const metadata = { namespace, name };
  await client.request({
    method: 'POST',
    path: collectionPath(EVENTS, namespace),
    accept: JSON_TEXT,
    contentType: JSON_TEXT,
    body: JSON.stringify({ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata, ...content }),
    ownPace: true,
    signal,
  });
}

/** How often the Event happened by now. Rejects with ApiError: 'NotFound' when it is gone, as Events are after a while. */
export async function patchEventSeries(
  client: KubeClient,
  { namespace, name }: EventPlace,
  series: EventSeries,
  signal: AbortSignal,
): Promise<void> {
  await client.request({
    method: 'PATCH',
    path: objectPath(EVENTS, namespace, name),
    accept: JSON_TEXT,
    contentType: MERGE_PATCH,
    body: JSON.stringify({ series }),
    ownPace: true,
    signal,
  });
}
