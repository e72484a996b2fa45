import { open, stat } from 'node:fs/promises';
import * as z from 'zod';
import { eventually } from './eventually.ts';

/**
 * One request that the API server answered, a write unless `AUDITED_NAMESPACE` says otherwise. Parts that the request
 * did not have are ''.
 */
export interface AuditEntry {
  readonly verb: string;
  readonly user: string;
  readonly userAgent: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status of the answer. */
  readonly code: number;
  /** Of an answer that is an error. */
  readonly message: string;
  readonly requestURI: string;
  /** What was sent, of a policy's status; of nothing else. */
  readonly body: unknown;
  readonly fieldManager: string;
  readonly dryRun: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly receivedAt: number;
  readonly completedAt: number;
}

/** A point in time. An entry comes a moment after its answer: what was asked before may still be added after. */
export interface AuditMark {
  /** Where the log ended: bytes from its start. */
  readonly position: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Of the log: everything is after it. */
export const BEGINNING: AuditMark = { position: 0, at: 0 };

/** Reads are logged too where a ServiceAccount of this namespace makes them: for tests of what an operator asks for at all. */
export const AUDITED_NAMESPACE = 'watchkeeper-audited';

/**
 * Writes alone, as they come and as they are answered, without bodies but those of policies' statuses. Reads would hide
 * them, and the file would grow with every watch.
 */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['ResponseStarted', 'Panic'],
  rules: [
    {
      level: 'Request',
      resources: [{ group: 'watchkeeper.dev', resources: ['watchpolicies/status'] }],
      verbs: ['patch'],
    },
    { level: 'Metadata', userGroups: [`system:serviceaccounts:${AUDITED_NAMESPACE}`] },
    { level: 'Metadata', verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
    { level: 'None' },
  ],
} as const;

export async function auditMark(file: string): Promise<AuditMark> {
  const at = Date.now();
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  return { position: size, at };
}

/** Nobody waits longer for an answer than this, in milliseconds: a server that was killed gives none. */
const LONGEST_ANSWER_MS = 30_000;

/**
 * Every write that the server, on this machine, got since `mark`, in the order in which the answers were given. What a
 * write did can be seen before its answer is in the log: writes that came before this was asked are waited for. The
 * server logs that a request came before it does anything for it.
 */
export async function auditEntries(file: string, mark = BEGINNING): Promise<AuditEntry[]> {
  const asked = Date.now();
  const { entries } = await eventually(
    `answers in ${file}`,
    () => read(file, mark),
    ({ unanswered }) => unanswered.every((at) => at > asked || at < Date.now() - LONGEST_ANSWER_MS),
  );
  return entries;
}

interface Log {
  readonly entries: AuditEntry[];
  /** When requests came that have no answer yet. */
  readonly unanswered: readonly number[];
}

async function read(file: string, mark: AuditMark): Promise<Log> {
  const entries: AuditEntry[] = [];
  const waiting = new Map<string, number>();
  for (const line of await linesAfter(file, mark.position)) {
    const event = Event.parse(JSON.parse(line));
    const receivedAt = Date.parse(event.requestReceivedTimestamp);
    if (receivedAt < mark.at) continue;
    if (event.stage === 'RequestReceived') {
      // A watch has no end of its own.
      if (event.verb !== 'watch') waiting.set(event.auditID, receivedAt);
    } else {
      waiting.delete(event.auditID);
      entries.push(entryOf(event));
    }
  }
  return { entries, unanswered: [...waiting.values()] };
}

async function linesAfter(file: string, position: number): Promise<string[]> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return [];
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - position), position });
    // What follows the last line break is a line that is just being written.
    return buffer.toString('utf8', 0, bytesRead).split('\n').slice(0, -1);
  } finally {
    await handle.close();
  }
}

const Text = z.string().default('');
const Event = z.object({
  auditID: z.string(),
  stage: z.enum(['RequestReceived', 'ResponseComplete']),
  verb: z.string(),
  requestURI: z.string(),
  userAgent: Text,
  user: z.object({ username: Text }),
  objectRef: z.object({ apiGroup: Text, resource: Text, subresource: Text, namespace: Text, name: Text }).prefault({}),
  requestObject: z.unknown().optional(),
  responseStatus: z.object({ code: z.number().default(0), message: Text }).prefault({}),
  requestReceivedTimestamp: z.string(),
  stageTimestamp: z.string(),
});

function entryOf({ verb, requestURI, userAgent, ...event }: z.infer<typeof Event>): AuditEntry {
  const { apiGroup: group, ...object } = event.objectRef;
  const query = new URLSearchParams(requestURI.split('?')[1] ?? '');
  return {
    verb,
    user: event.user.username,
    userAgent,
    group,
    ...object,
    code: event.responseStatus.code,
    message: event.responseStatus.message,
    requestURI,
    body: event.requestObject,
    fieldManager: query.get('fieldManager') ?? '',
    dryRun: query.has('dryRun'),
    receivedAt: Date.parse(event.requestReceivedTimestamp),
    completedAt: Date.parse(event.stageTimestamp),
  };
}
