import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  arbitrarySample,
  bytesField,
  envelope,
  intField,
  jsonMetadata,
  protobufAnswer,
  protobufList,
  type SampleMetadata,
  stringField,
} from '../../test/support/kube-encodings.ts';
import { outcomeOf } from '../../test/support/outcome.ts';
import type { CachedObject } from '../api/object.ts';
import { ApiError } from './errors.ts';
import { Interner } from './interner.ts';
import { decodeJsonObject } from './json-objects.ts';
import type { ListMetadata } from './metadata-rules.ts';
import { decodeProtobufList, decodeProtobufObject } from './protobuf-metadata.ts';

function decode(sample: SampleMetadata, interner = new Interner()): CachedObject {
  return decodeProtobufObject(protobufAnswer(sample), interner);
}

function takeAll(list: Generator<CachedObject, ListMetadata, void>): { items: CachedObject[]; list: ListMetadata } {
  const items: CachedObject[] = [];
  for (;;) {
    const step = list.next();
    if (step.done === true) return { items, list: step.value };
    items.push(step.value);
  }
}

const own = (key: string) => ({ 'f:metadata': { 'f:labels': { [`f:${key}`]: {} } } });

/** One ConfigMap with keys of both managers, as kube-apiserver 1.36.3 lists it. */
const RECORDED = Buffer.from(
  'azhzAAorCg5tZXRhLms4cy5pby92MRIZUGFydGlhbE9iamVjdE1ldGFkYXRhTGlzdBLhAgoICgASAjc1GgAS1AIK0QIKA29uZRIAGgdkZWZhdWx0' +
    'IgAqJDhmZWExMmQ3LTgxNzQtNGJiOC05MTdiLWRlMGJlOWRkNGMyYzICNzU4AEIICLqhg9gGEABaBgoBYRIBMVoGCgFyEgExWgkKBHRlYW0SAXhi' +
    'BgoBbhIBdooBfwoLd2F0Y2hrZWVwZXISBUFwcGx5GgJ2MSIICLqhg9gGEAAyCEZpZWxkc1YxOk8KTXsiZjptZXRhZGF0YSI6eyJmOmFubm90YXRp' +
    'b25zIjp7ImY6biI6e319LCJmOmxhYmVscyI6eyJmOmEiOnt9LCJmOnRlYW0iOnt9fX19QgCKAWEKFHdhdGNoa2VlcGVyLXJldGFpbmVkEgVBcHBs' +
    'eRoCdjEiCAi6oYPYBhAAMghGaWVsZHNWMTooCiZ7ImY6bWV0YWRhdGEiOnsiZjpsYWJlbHMiOnsiZjpyIjp7fX19fUIAGgAiAA==',
  'base64',
);

describe('decodeProtobufList', () => {
  test('reads what a real server sent', () => {
    const { items, list } = takeAll(decodeProtobufList(RECORDED, new Interner()));
    expect(list).toEqual({ resourceVersion: '75', continue: '' });
    expect(items).toEqual([
      {
        namespace: 'default',
        name: 'one',
        uid: '8fea12d7-8174-4bb8-917b-de0be9dd4c2c',
        resourceVersion: '75',
        generation: 0,
        created: Date.parse('2026-11-20T22:59:06Z') / 1000,
        deleting: false,
        controlled: false,
        labels: { a: '1', r: '1', team: 'x' },
        annotations: { n: 'v' },
        applied: { labels: ['a', 'team'], annotations: ['n'] },
        retained: { labels: ['r'], annotations: [] },
        body: undefined,
      },
    ]);
  });

  test('each way to cut it short is refused', () => {
    // Behind the list come two empty strings of two bytes each, which nobody needs.
    const whole = new Set([RECORDED.length - 4, RECORDED.length - 2]);
    for (let length = 0; length < RECORDED.length; length += 1) {
      if (whole.has(length)) continue;
      expect(
        () => takeAll(decodeProtobufList(RECORDED.subarray(0, length), new Interner())),
        `cut at ${length}`,
      ).toThrow(ApiError);
    }
  });

  test('holds many items and the token of the next page', () => {
    const { items, list } = takeAll(
      decodeProtobufList(protobufList([{ name: 'a' }, { name: 'b' }], '7', 'go'), new Interner()),
    );
    expect(items.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(list).toEqual({ resourceVersion: '7', continue: 'go' });
  });

  test('another kind of object is refused', () => {
    expect(() => takeAll(decodeProtobufList(protobufAnswer({ name: 'a' }), new Interner()))).toThrow(
      'a PartialObjectMetadata where a list of metadata was asked for',
    );
  });

  test('random bytes and random damage never crash it or hang it', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.constant(undefined)), damage, (random, changes) => {
        const bytes = random === undefined ? Buffer.from(RECORDED) : Buffer.concat([Buffer.from('k8s\0'), random]);
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        expect(['Fine', 'BadResponse']).toContain(outcomeOf(() => takeAll(decodeProtobufList(bytes, new Interner()))));
      }),
      { numRuns: 500 },
    );
  });
});

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
