import {
  type CachedObject,
  type KeySet,
  MANAGER,
  NO_KEYS,
  NO_OWNERS,
  RETAINED_MANAGER,
  type StringMap,
} from '../api/object.ts';
import type { Interner } from './interner.ts';
import { unionOfKeys } from './key-sets.ts';
import { malformed } from './malformed.ts';
import { LAST_APPLIED, NO_STRINGS, type OurManager, withString } from './metadata-rules.ts';
import { withRecord } from './own-record.ts';
import { openEnvelope } from './protobuf-envelope.ts';
import { bytesTag, ProtobufReader, varintTag } from './protobuf-reader.ts';
import type { StringTable } from './string-table.ts';

const LAST_APPLIED_BYTES = Buffer.from(LAST_APPLIED);
const MANAGER_BYTES = Buffer.from(MANAGER);
const RETAINED_MANAGER_BYTES = Buffer.from(RETAINED_MANAGER);
const APPLY = Buffer.from('Apply');

/** A PartialObjectMetadata in its envelope. Throws ApiError 'BadResponse'. */
export function decodeProtobufObject(body: Buffer, interner: Interner): CachedObject {
  const { kind, raw } = openEnvelope(body);
  if (kind !== 'PartialObjectMetadata') throw malformed(`a ${kind} where metadata alone was asked for`);
  return partialObject(new ProtobufReader(raw), interner);
}

/** The PartialObjectMetadata that the reader is in. */
export function partialObject(reader: ProtobufReader, interner: Interner): CachedObject {
  let object: CachedObject | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === bytesTag(1)) {
      const outer = reader.enter();
      object = objectMetadata(reader, interner);
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  if (object === undefined) throw malformed('an object without metadata');
  return object;
}

function objectMetadata(reader: ProtobufReader, { strings, keySets, owners }: Interner): CachedObject {
  let namespace = '';
  let name = '';
  let uid = '';
  let resourceVersion = '';
  let generation = 0;
  let created = 0;
  let deleting = false;
  let controlled = false;
  let uids: string[] | undefined;
  let labels = NO_STRINGS;
  let annotations = NO_STRINGS;
  let applied: KeySet = NO_KEYS;
  let retained: KeySet = NO_KEYS;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case bytesTag(1):
        name = reader.string();
        break;
      case bytesTag(3):
        namespace = reader.repeatedString(strings);
        break;
      case bytesTag(5):
        uid = reader.string();
        break;
      case bytesTag(6):
        resourceVersion = reader.string();
        break;
      case varintTag(7):
        generation = reader.varint();
        break;
      case bytesTag(8):
        created = seconds(reader);
        break;
      case bytesTag(9):
        deleting = true;
        reader.skip(tag);
        break;
      case bytesTag(11):
        labels = mapEntry(reader, strings, labels);
        break;
      case bytesTag(12):
        annotations = mapEntry(reader, strings, annotations);
        break;
      case bytesTag(13): {
        const owner = readOwner(reader);
        if (owner.isController) controlled = true;
        (uids ??= []).push(owner.uid);
        break;
      }
      case bytesTag(17): {
        const own = ownEntry(reader);
        if (own?.manager === MANAGER) applied = unionOfKeys(applied, keySets.read(own.fieldsV1));
        else if (own !== undefined) retained = unionOfKeys(retained, keySets.read(own.fieldsV1));
        break;
      }
      default:
        reader.skip(tag);
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
    controlled,
    owners: uids === undefined ? NO_OWNERS : owners.shared(uids),
    labels,
    annotations,
    applied,
    retained,
    body: undefined,
  });
}

/** metav1.Time; an empty one is the zero time. */
function seconds(reader: ProtobufReader): number {
  let value = 0;
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === varintTag(1)) value = reader.varint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return value;
}

/** Adds a map's entry to `map`, which becomes an object of its own with the first one. */
function mapEntry(reader: ProtobufReader, strings: StringTable, map: StringMap): StringMap {
  let key = '';
  let value = '';
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === bytesTag(1)) {
      if (reader.contentIs(LAST_APPLIED_BYTES)) {
        reader.leave(outer);
        return map;
      }
      key = reader.repeatedString(strings);
    } else if (tag === bytesTag(2)) {
      value = reader.repeatedString(strings);
    } else {
      reader.skip(tag);
    }
  }
  reader.leave(outer);
  return withString(map, key, value);
}

function readOwner(reader: ProtobufReader): { readonly uid: string; readonly isController: boolean } {
  let uid = '';
  let isController = false;
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === bytesTag(4)) uid = reader.string();
    else if (tag === varintTag(6)) isController = reader.varint() !== 0;
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { uid, isController };
}

interface OwnEntry {
  readonly manager: OurManager;
  readonly fieldsV1: Buffer;
}

/** An entry of managedFields if one of our managers made it by Apply, and not on a subresource; others are passed over. */
function ownEntry(reader: ProtobufReader): OwnEntry | undefined {
  const outer = reader.enter();
  const entry = ownEntryFields(reader);
  reader.leave(outer);
  return entry;
}

function ownEntryFields(reader: ProtobufReader): OwnEntry | undefined {
  let manager: OurManager | undefined;
  let isApply = false;
  let fieldsV1: Buffer | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case bytesTag(1):
        if (reader.contentIs(MANAGER_BYTES)) manager = MANAGER;
        else if (reader.contentIs(RETAINED_MANAGER_BYTES)) manager = RETAINED_MANAGER;
        else return undefined;
        reader.skip(tag);
        break;
      case bytesTag(2):
        isApply = reader.contentIs(APPLY);
        reader.skip(tag);
        break;
      case bytesTag(7): {
        const outer = reader.enter();
        for (let rawTag = reader.tag(); rawTag !== 0; rawTag = reader.tag()) {
          if (rawTag === bytesTag(1)) fieldsV1 = reader.view();
          else reader.skip(rawTag);
        }
        reader.leave(outer);
        break;
      }
      case bytesTag(8):
        if (reader.string() !== '') return undefined;
        break;
      default:
        reader.skip(tag);
    }
  }
  return manager !== undefined && isApply && fieldsV1 !== undefined ? { manager, fieldsV1 } : undefined;
}
