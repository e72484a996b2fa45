import type { AuditEntry, AuditMark } from '../test/cluster/audit-log.ts';
import { eventually } from '../test/cluster/eventually.ts';
import type { Installation } from '../test/support/installation.ts';

/** The API server's audit log: who wrote what, and when. Every number of the story comes from it. */
export class AuditTrail {
  readonly #installation: Installation;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  /** A point in time, for the others. */
  async mark(): Promise<AuditMark> {
    return this.#installation.cluster.auditMark();
  }

  /** The first write since then that is as wanted; waits for it. */
  async first(since: AuditMark, what: string, wanted: (entry: AuditEntry) => boolean): Promise<AuditEntry> {
    const find = async () => (await this.#installation.cluster.entriesSince(since)).find(wanted);
    const found = await eventually(`${what} in the audit log`, find, (entry) => entry !== undefined);
    if (found === undefined) throw new Error(`${what} is not in the audit log`);
    return found;
  }

  async all(since: AuditMark): Promise<AuditEntry[]> {
    return this.#installation.cluster.entriesSince(since);
  }

  /** The operator's writes to anybody's objects. */
  async ofObjects(since: AuditMark): Promise<AuditEntry[]> {
    return this.#installation.writesSince(since);
  }

  /** The operator's writes to its policies' status. */
  async ofStatus(since: AuditMark): Promise<AuditEntry[]> {
    return this.#installation.statusWritesSince(since);
  }
}

/** Whether the write was to this path of the API and went well. */
export function wrote(entry: AuditEntry, path: string): boolean {
  return entry.requestURI.split('?')[0] === path && entry.code < 300;
}

export function byOperator({ userAgent }: AuditEntry): boolean {
  return userAgent.startsWith('watchkeeper/');
}

/** Milliseconds from one answer of the API server to the other. */
export function between(first: AuditEntry, second: AuditEntry): number {
  return second.completedAt - first.completedAt;
}
