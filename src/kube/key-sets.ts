import { type KeySet, NO_KEYS } from '../api/object.ts';
import { dropOldest } from '../base/bounded.ts';
import { recordOf } from '../base/json-value.ts';
import { malformed } from './malformed.ts';

/** More different key sets than this are hardly alive at once; the oldest goes first. */
const MOST = 4096;
/** Longer records are read each time rather than kept, so that the table stays small. */
const LONGEST_KEPT = 4096;

/**
 * Reads which label and annotation keys a `fieldsV1` record of managedFields names. Objects that a policy treats alike
 * carry the same record, byte for byte: they share one frozen KeySet, and only the first of them is parsed.
 */
export class KeySetTable {
  readonly #known = new Map<string, KeySet>();

  /** `fieldsV1` is JSON text in UTF-8. Throws ApiError 'BadResponse'. */
  read(fieldsV1: Buffer): KeySet {
    const record = fieldsV1.toString('utf8');
    const known = this.#known.get(record);
    if (known !== undefined) return known;
    const keys = parseFields(record);
    if (record.length <= LONGEST_KEPT) {
      this.#known.set(record, keys);
      dropOldest(this.#known, MOST);
    }
    return keys;
  }
}

/** All keys of both. One manager has one Apply entry in practice; the API allows one for each version. */
export function unionOfKeys(one: KeySet, other: KeySet): KeySet {
  if (one === NO_KEYS || one === other) return other;
  return freezeKeys([...one.labels, ...other.labels], [...one.annotations, ...other.annotations]);
}

function parseFields(record: string): KeySet {
  let fields: unknown;
  try {
    fields = JSON.parse(record);
  } catch (error) {
    throw malformed('managedFields that are not JSON', error);
  }
  return keysInFields(fields);
}

/** The labels and annotations that a parsed `fieldsV1` names. */
export function keysInFields(fields: unknown): KeySet {
  const metadata = recordOf(recordOf(fields)['f:metadata']);
  const labels = keysOf(metadata['f:labels']);
  const annotations = keysOf(metadata['f:annotations']);
  return labels.length === 0 && annotations.length === 0 ? NO_KEYS : freezeKeys(labels, annotations);
}

function freezeKeys(labels: readonly string[], annotations: readonly string[]): KeySet {
  return Object.freeze({ labels: sortedSet(labels), annotations: sortedSet(annotations) });
}

function sortedSet(keys: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(keys)].toSorted());
}

/** `f:KEY` stands for a key; `.` for the map itself. */
function keysOf(fields: unknown): string[] {
  return Object.keys(recordOf(fields)).flatMap((field) => (field.startsWith('f:') ? [field.slice(2)] : []));
}
