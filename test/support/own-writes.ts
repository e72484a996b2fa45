import type { AuditEntry } from '../cluster/audit-log.ts';
import { isOf } from './story-end.ts';

/** What the operator wrote for a story, by the API server's audit log. */
export interface OwnWrites {
  /** Of the story's objects, which the API server carried out; also those that changed nothing. */
  readonly objects: number;
  readonly status: number;
  readonly events: number;
  readonly ledger: number;
  /** Of any of these, which it did not carry out, or whose end it does not know. */
  readonly refused: number;
}

export const WRITE_CLASSES = ['objects', 'status', 'events', 'ledger', 'refused'] as const;
export type WriteClass = (typeof WRITE_CLASSES)[number];

/** One of them, as a line for whoever wonders which it was. */
export interface OwnWrite {
  readonly kind: WriteClass;
  readonly line: string;
  /** What was sent, of a status; of nothing else. */
  readonly body: unknown;
}

/** In the order in which they were asked for. */
export function ownWrites(entries: readonly AuditEntry[], ns: string): readonly OwnWrite[] {
  const inOrder = entries.toSorted((a, b) => a.receivedAt - b.receivedAt);
  return inOrder.flatMap((entry) => {
    const { code, verb, requestURI, message, receivedAt, body } = entry;
    const about = classOf(entry, ns);
    if (about === undefined) return [];
    const kind = code >= 200 && code < 300 ? about : 'refused';
    return [
      { kind, body, line: `${new Date(receivedAt).toISOString()} ${verb} ${requestURI} ${code} ${message}`.trim() },
    ];
  });
}

export function countWrites(writes: readonly OwnWrite[]): OwnWrites {
  const counts = { objects: 0, status: 0, events: 0, ledger: 0, refused: 0 };
  for (const { kind } of writes) counts[kind] += 1;
  return counts;
}

/** Undefined for what is not the operator's, or not about the story. */
function classOf({ userAgent, group, resource, namespace, name }: AuditEntry, ns: string): WriteClass | undefined {
  if (!userAgent.startsWith('watchkeeper/')) return undefined;
  if (name === 'watchkeeper-ledger') return 'ledger';
  if (namespace !== ns && !isOf(ns, name)) return undefined;
  if (resource === 'watchpolicies') return 'status';
  return group === 'events.k8s.io' ? 'events' : 'objects';
}
