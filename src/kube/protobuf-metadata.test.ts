import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  arbitrarySample,
  bytesField,
  envelope,
  intField,
  jsonMetadata,
  protobufAnswer,
  type SampleMetadata,
  stringField,
} from '../../test/support/kube-encodings.ts';
import { type CachedObject, NO_OWNERS } from '../api/object.ts';
import { Interner } from './interner.ts';
import { decodeJsonObject } from './json-objects.ts';
import { decodeProtobufObject } from './protobuf-metadata.ts';

function decode(sample: SampleMetadata, interner = new Interner()): CachedObject {
  return decodeProtobufObject(protobufAnswer(sample), interner);
}

const own = (key: string) => ({ 'f:metadata': { 'f:labels': { [`f:${key}`]: {} } } });

describe('decodeProtobufObject', () => {
  test('reads the same of any object as the JSON decoder', () => {
    const interner = new Interner();
    fc.assert(
      fc.property(arbitrarySample, (sample) => {
        const json = Buffer.from(JSON.stringify({ kind: 'Any', metadata: jsonMetadata(sample) }));
        const object = decode(sample, interner);
        expect(object).toEqual(decodeJsonObject(json, { interner, fields: undefined }));
        expect(new Map(Object.entries(object.labels))).toEqual(new Map(Object.entries(sample.labels ?? {})));
      }),
    );
  });

  test('the copy that kubectl keeps of the object is dropped', () => {
    const { annotations } = decode({
      name: 'a',
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"secret"}', note: 'x' },
    });
    expect(annotations).toEqual({ note: 'x' });
  });

  test('only what our managers applied counts as ours', () => {
    const object = decode({
      name: 'a',
      managedFields: [
        { manager: 'watchkeeper', operation: 'Apply', fieldsV1: own('a') },
        { manager: 'watchkeeper', operation: 'Update', fieldsV1: own('updated') },
        { manager: 'watchkeeper', operation: 'Apply', subresource: 'status', fieldsV1: own('in-status') },
        { manager: 'watchkeepers', operation: 'Apply', fieldsV1: own('of-others') },
        { manager: 'watchkeeper-retained', operation: 'Apply', fieldsV1: own('r') },
      ],
    });
    expect(object.applied).toEqual({ labels: ['a'], annotations: [] });
    expect(object.retained).toEqual({ labels: ['r'], annotations: [] });
  });

  test('objects with the same record share one key set', () => {
    const interner = new Interner();
    const fieldsV1 = { 'f:metadata': { 'f:labels': { 'f:team': {} } } };
    const sample = (name: string) => ({
      name,
      managedFields: [{ manager: 'watchkeeper', operation: 'Apply' as const, fieldsV1 }],
    });
    expect(decode(sample('a'), interner).applied).toBe(decode(sample('b'), interner).applied);
  });

  test('a controller among the owners makes it controlled, an owner alone does not', () => {
    expect(decode({ name: 'a', controllers: [false, true, false] }).controlled).toBe(true);
    expect(decode({ name: 'a', controllers: [false] }).controlled).toBe(false);
  });

  test('the uids of its owners are kept, as one list with an object of the same owners that was read just before', () => {
    const interner = new Interner();
    const of = (name: string, count: number) =>
      decode({ name, controllers: Array.from({ length: count }, () => true) }, interner).owners;
    const two = of('a', 2);
    expect(two).toEqual(['owner-0', 'owner-1']);
    expect(of('b', 2)).toBe(two);
    expect(of('c', 1)).toEqual(['owner-0']);
    expect(of('d', 0)).toBe(NO_OWNERS);
    expect(of('e', 1)).toEqual(['owner-0']);
  });

  test('a deletionTimestamp makes it deleting, and no creationTimestamp is 0', () => {
    expect(decode({ name: 'a', deleted: 5 })).toMatchObject({ deleting: true, created: 0 });
    expect(decode({ name: 'a', created: 1_795_216_098 })).toMatchObject({ deleting: false, created: 1_795_216_098 });
  });

  test('keys that an object inherits are keys like others', () => {
    const labels = JSON.parse('{"__proto__":"p","constructor":"c"}') as Record<string, string>;
    expect(Object.entries(decode({ name: 'a', labels }).labels)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  test('fields of a later version are passed over', () => {
    const metadata = bytesField(1, intField(99, 1), stringField(1, 'a'), stringField(98, 'x'));
    const body = envelope('meta.k8s.io/v1', 'PartialObjectMetadata', Buffer.concat([intField(7, 7), metadata]));
    expect(decodeProtobufObject(body, new Interner()).name).toBe('a');
  });

  test('an encoding that we do not know is refused', () => {
    const body = Buffer.concat([Buffer.from('k8s\0'), stringField(3, 'gzip')]);
    expect(() => decodeProtobufObject(body, new Interner())).toThrow('unknown encoding "gzip"');
  });
});
