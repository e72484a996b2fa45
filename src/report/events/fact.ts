import type { ObjectReference } from '../../kube/events.ts';

/** Why an Event is sent; with each, what was done and whether it is one to look at. Result codes are further reasons. */
export const EVENT_REASONS = {
  PolicyAccepted: { type: 'Normal', action: 'Accept' },
  PolicyRefused: { type: 'Warning', action: 'Accept' },
  Contended: { type: 'Warning', action: 'Yield' },
  ContentionEnded: { type: 'Normal', action: 'Resume' },
  Resolved: { type: 'Normal', action: 'Evaluate' },
  ResultsFound: { type: 'Warning', action: 'Evaluate' },
  ResultsResolved: { type: 'Normal', action: 'Evaluate' },
  ObjectsWritten: { type: 'Normal', action: 'Write' },
  KeysRemoved: { type: 'Normal', action: 'Write' },
  TookOver: { type: 'Normal', action: 'Write' },
} as const satisfies Record<string, Pick<Fact, 'type' | 'action'>>;

export type EventReason = keyof typeof EVENT_REASONS;

/** What an Event says, before it is known when, where and how often. */
export interface Fact {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference | undefined;
}

/** In bytes of UTF-8, as the API server counts them. */
const MAX_NOTE = 1_024;

export function factOf(reason: EventReason, note: string, regarding: ObjectReference, related?: ObjectReference): Fact {
  return { ...EVENT_REASONS[reason], reason, note: cutNote(note), regarding, related };
}

/** At most 1 kB, and no half characters. */
export function cutNote(note: string): string {
  if (Buffer.byteLength(note) <= MAX_NOTE) return note;
  const ellipsis = '…';
  const room = MAX_NOTE - Buffer.byteLength(ellipsis);
  let bytes = 0;
  let end = 0;
  for (const character of note) {
    bytes += Buffer.byteLength(character);
    if (bytes > room) break;
    end += character.length;
  }
  return note.slice(0, end) + ellipsis;
}

/** The same of all that makes two Events one that happened twice. */
export function factId({ type, reason, action, note, regarding, related }: Fact): string {
  return JSON.stringify([type, reason, action, note, regarding.uid, regarding.name, related?.uid]);
}

/** Events of cluster-scoped objects live in this namespace; the API server takes them nowhere else. */
export function namespaceOf({ regarding }: Fact): string {
  return regarding.namespace ?? 'default';
}
