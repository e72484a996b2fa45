import { type CachedObject, type KeySet, MANAGER, NO_KEYS, NO_OWNERS, type StringMap } from '../api/object.ts';
import type { Interner } from './interner.ts';
import { JsonCursor } from './json-cursor.ts';
import { unionOfKeys } from './key-sets.ts';
import { malformed } from './malformed.ts';
import { isOurManager, LAST_APPLIED, NO_STRINGS, type OurManager, withString } from './metadata-rules.ts';
import { withRecord } from './own-record.ts';

/** How a JSON object becomes a CachedObject. */
export interface JsonDecoding {
  readonly interner: Interner;
  /** Top-level fields to keep as `body`; undefined keeps metadata alone. */
  readonly fields: readonly string[] | undefined;
}

/** One object, alone in `body`. Throws ApiError 'BadResponse'. */
export function decodeJsonObject(body: Buffer, decoding: JsonDecoding): CachedObject {
  const cursor = new JsonCursor(body);
  const object = readObject(cursor, decoding);
  cursor.expectEnd();
  return object;
}

/** The object at the cursor; also for the items of a list and the events of a watch. */
export function readObject(cursor: JsonCursor, { interner, fields }: JsonDecoding): CachedObject {
  let metadata: CachedObject | undefined;
  let body: Record<string, unknown> | undefined;
  if (fields !== undefined) body = {};
  cursor.enterObject();
  for (let key = cursor.key(interner.strings); key !== undefined; key = cursor.key(interner.strings)) {
    if (key === 'metadata') {
      metadata = readMetadata(cursor, interner);
      continue;
    }
    if (body !== undefined && fields?.includes(key) === true) body[key] = cursor.value(interner.values);
    else cursor.skip();
  }
  if (metadata === undefined) throw malformed('an object without metadata');
  return body === undefined ? metadata : { ...metadata, body };
}

function readMetadata(cursor: JsonCursor, interner: Interner): CachedObject {
  const { strings } = interner;
  let namespace = '';
  let name = '';
  let uid = '';
  let resourceVersion = '';
  let generation = 0;
  let created = 0;
  let deleting = false;
  let owners = NOBODY;
  let labels = NO_STRINGS;
  let annotations = NO_STRINGS;
  let own: OwnKeys = NO_OWN_KEYS;
  cursor.enterObject();
  for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
    switch (key) {
      case 'namespace':
        namespace = cursor.string(strings);
        break;
      case 'name':
        name = cursor.string();
        break;
      case 'uid':
        uid = cursor.string();
        break;
      case 'resourceVersion':
        resourceVersion = cursor.string();
        break;
      case 'generation':
        generation = cursor.integer();
        break;
      case 'creationTimestamp':
        created = secondsOf(cursor.string());
        break;
      case 'deletionTimestamp':
        deleting = cursor.string() !== '';
        break;
      case 'labels':
        labels = readStrings(cursor, interner);
        break;
      case 'annotations':
        annotations = readStrings(cursor, interner);
        break;
      case 'ownerReferences':
        owners = readOwners(cursor, interner);
        break;
      case 'managedFields':
        own = readOwnKeys(cursor, interner);
        break;
      default:
        cursor.skip();
    }
  }
  return withRecord({
    namespace,
    name,
    uid,
    resourceVersion,
    generation,
    created,
    deleting,
    controlled: owners.controlled,
    owners: interner.owners.shared(owners.uids),
    labels,
    annotations,
    applied: own.applied,
    retained: own.retained,
    body: undefined,
  });
}

/** RFC 3339, as the server writes it; '' is the zero time. */
function secondsOf(timestamp: string): number {
  if (timestamp === '') return 0;
  const milliseconds = Date.parse(timestamp);
  if (Number.isNaN(milliseconds)) throw malformed('an object with a malformed time');
  return Math.floor(milliseconds / 1000);
}

function readStrings(cursor: JsonCursor, { strings }: Interner): StringMap {
  let map = NO_STRINGS;
  if (cursor.takeNull()) return map;
  cursor.enterObject();
  for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
    if (key === LAST_APPLIED) cursor.skip();
    else map = withString(map, key, cursor.string(strings));
  }
  return map;
}

interface Owners {
  /** One of them is the controller. */
  readonly controlled: boolean;
  readonly uids: readonly string[];
}

const NOBODY: Owners = { controlled: false, uids: NO_OWNERS };

function readOwners(cursor: JsonCursor, { strings }: Interner): Owners {
  if (cursor.takeNull()) return NOBODY;
  let controlled = false;
  const uids: string[] = [];
  cursor.enterArray();
  while (cursor.hasElement()) {
    cursor.enterObject();
    for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
      if (key === 'uid') uids.push(cursor.string());
      else if (key === 'controller') controlled = cursor.boolean() || controlled;
      else cursor.skip();
    }
  }
  return { controlled, uids };
}

interface OwnKeys {
  readonly applied: KeySet;
  readonly retained: KeySet;
}

const NO_OWN_KEYS: OwnKeys = { applied: NO_KEYS, retained: NO_KEYS };

function readOwnKeys(cursor: JsonCursor, interner: Interner): OwnKeys {
  if (cursor.takeNull()) return NO_OWN_KEYS;
  let own = NO_OWN_KEYS;
  cursor.enterArray();
  while (cursor.hasElement()) {
    const entry = readManagedFields(cursor, interner);
    if (entry === undefined) continue;
    const keys = interner.keySets.read(entry.fieldsV1);
    own =
      entry.manager === MANAGER
        ? { ...own, applied: unionOfKeys(own.applied, keys) }
        : { ...own, retained: unionOfKeys(own.retained, keys) };
  }
  return own;
}

/** An entry that one of our managers made by Apply, and not on a subresource; undefined for all others. */
function readManagedFields(
  cursor: JsonCursor,
  { strings }: Interner,
): { readonly manager: OurManager; readonly fieldsV1: Buffer } | undefined {
  let manager = '';
  let operation = '';
  let subresource = '';
  let fieldsV1: Buffer | undefined;
  cursor.enterObject();
  for (let key = cursor.key(strings); key !== undefined; key = cursor.key(strings)) {
    switch (key) {
      case 'manager':
        manager = cursor.string(strings);
        break;
      case 'operation':
        operation = cursor.string(strings);
        break;
      case 'subresource':
        subresource = cursor.string(strings);
        break;
      case 'fieldsV1': {
        const { start, end } = cursor.skip();
        fieldsV1 = cursor.bytes.subarray(start, end);
        break;
      }
      default:
        cursor.skip();
    }
  }
  if (fieldsV1 === undefined || operation !== 'Apply' || subresource !== '' || !isOurManager(manager)) return undefined;
  return { manager, fieldsV1 };
}
