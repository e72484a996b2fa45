import { open, stat } from 'node:fs/promises';
import * as z from 'zod';

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

/** Writes alone, once each, without bodies but those of policies' statuses. Reads would hide them, and the file would grow with every watch. */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted', 'Panic'],
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

/** Every write that the server, on this machine, got since `mark`, in the order in which the answers were given. */
export async function auditEntries(file: string, mark = BEGINNING): Promise<AuditEntry[]> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return [];
  try {
    const { size } = await handle.stat();
    const { position, at } = mark;
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - position), position });
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    // What follows the last line break is a line that is just being written.
    return lines
      .slice(0, -1)
      .map(entryOf)
      .filter(({ receivedAt }) => receivedAt >= at);
  } finally {
    await handle.close();
  }
}

const Text = z.string().default('');
const Event = z.object({
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

function entryOf(line: string): AuditEntry {
  const { verb, requestURI, userAgent, ...event } = Event.parse(JSON.parse(line));
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
