import type { FieldIssue } from '../api/field-issue.ts';
import type { KeySet } from '../api/object.ts';
import type { Steps } from '../base/steps.ts';
import type { Program } from '../policy/program.ts';
import type { Reach } from '../policy/reach.ts';
import { writesKeys } from './verbs.ts';

/**
 * What all policies together may have on record, in bytes: the ledger is one ConfigMap, of which the API server takes 1
 * MiB, and it names kinds too (`ValidateConfigMap`, `MaxSecretSize`).
 */
export const LEDGER_ROOM = 800_000;

/** Of a record what is neither a key nor a glob: uid, names of fields, and how the server's managedFields name it. */
const FRAME = 300;

/** What a policy was last enforced with. */
export interface PolicyRecord {
  readonly uid: string;
  /** Patterns over the keys that could become ours by it. */
  readonly keys: KeySet;
  /** Where it could write them. */
  readonly reach: Reach;
  /** What becomes of those that nothing wants any more. Undefined: version 0.1.0 has not put it on record. */
  readonly removal: RecordedRemoval | undefined;
}

/**
 * `HandOver`: the policy says Retain now, and did not before: objects may have keys that were set before that, which are handed
 * over to the manager of what stays.
 */
export type RecordedRemoval = 'Remove' | 'HandOver' | 'Retain';

/** Bytes of a policy's record, in its JSON; a few more rather than fewer. */
export function recordBytes(policy: string, { labels, annotations }: KeySet, reach: Reach): number {
  let bytes = FRAME + jsonBytes(policy);
  for (const texts of [labels, annotations, reach.resources, reach.names ?? [], reach.namespaces ?? []]) {
    for (const text of texts) bytes += jsonBytes(text);
  }
  return bytes;
}

/** Of one text with its quotes, and a comma: in JSON one character can take six bytes. */
function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) + 1;
}

interface Claim {
  readonly program: Program;
  readonly bytes: number;
  readonly isOnRecord: boolean;
}

/**
 * Policies of which there is no room to put on record what they are enforced with, and why. Whoever is on record stays
 * there; of the others the smallest come first, so that a few large ones keep nobody out.
 */
export function* withoutRoom(
  programs: readonly Program[],
  onRecord: ReadonlyMap<string, PolicyRecord>,
): Steps<ReadonlyMap<string, FieldIssue>> {
  let left = LEDGER_ROOM;
  const held = new Map(onRecord);
  const claims: Claim[] = [];
  for (const program of programs) {
    if (program.mode !== 'Enforce' || !writesKeys(program)) continue;
    const { policy, uid, writes, reach } = program;
    claims.push({ program, bytes: recordBytes(policy, writes, reach), isOnRecord: onRecord.get(policy)?.uid === uid });
    held.delete(policy);
    yield;
  }
  for (const [policy, { keys, reach }] of held) left -= recordBytes(policy, keys, reach);
  const refused = new Map<string, FieldIssue>();
  claims.sort((a, b) => Number(b.isOnRecord) - Number(a.isOnRecord) || a.bytes - b.bytes);
  for (const { program, bytes } of claims) {
    if (bytes <= left) left -= bytes;
    else refused.set(program.policy, { path: 'spec.rules', message: tooLarge(bytes, left) });
  }
  return refused;
}

function tooLarge(bytes: number, left: number): string {
  return [
    `must name fewer keys, or shorter ones: which keys the policy may set, and where, must be on record before it sets them,`,
    `which takes ${bytes} bytes; beside other policies ${Math.max(0, left)} of ${LEDGER_ROOM} are left`,
  ].join(' ');
}
