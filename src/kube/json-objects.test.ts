import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitrarySample, jsonMetadata } from '../../test/support/kube-encodings.ts';
import type { CachedObject } from '../api/object.ts';
import { ApiError } from './errors.ts';
import { Interner } from './interner.ts';
import { decodeJsonList, decodeJsonObject, type JsonDecoding } from './json-objects.ts';
import type { ListMetadata } from './metadata-rules.ts';

const metadataOnly: JsonDecoding = { interner: new Interner(), fields: undefined };
const withSpec: JsonDecoding = { interner: new Interner(), fields: ['data', 'spec'] };

function decode(object: unknown, decoding = metadataOnly): CachedObject {
  return decodeJsonObject(Buffer.from(JSON.stringify(object)), decoding);
}

function takeAll(text: string, decoding = metadataOnly): { items: CachedObject[]; list: ListMetadata } {
  const list = decodeJsonList(Buffer.from(text), decoding);
  const items: CachedObject[] = [];
  for (;;) {
    const step = list.next();
    if (step.done === true) return { items, list: step.value };
    items.push(step.value);
  }
}

describe('decodeJsonObject', () => {
  test('keeps the metadata of a whole object and nothing else', () => {
    expect(
      decode({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: {
          name: 'web',
          namespace: 'a',
          uid: 'u',
          resourceVersion: '12',
          generation: 3,
          creationTimestamp: '2026-11-20T22:59:06Z',
          deletionTimestamp: '2026-11-20T23:59:06Z',
          labels: { app: 'web' },
          annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"secret"}' },
          ownerReferences: [{ kind: 'X' }, { controller: true }],
        },
        spec: { replicas: 1 },
      }),
    ).toEqual({
      namespace: 'a',
      name: 'web',
      uid: 'u',
      resourceVersion: '12',
      generation: 3,
      created: Date.parse('2026-11-20T22:59:06Z') / 1000,
      deleting: true,
      controlled: true,
      labels: { app: 'web' },
      annotations: { note: 'x' },
      applied: { labels: [], annotations: [] },
      retained: { labels: [], annotations: [] },
      body: undefined,
    });
  });

  test('keeps the asked fields that are there as body', () => {
    const object = { metadata: { name: 'a' }, spec: { n: [1, { x: null }] }, status: { phase: 'Running' } };
    expect(decode(object, withSpec).body).toEqual({ spec: { n: [1, { x: null }] } });
    expect(decode({ metadata: { name: 'a' } }, withSpec).body).toEqual({});
  });

  test('an integer that a number would round stays exact in the body', () => {
    const body = Buffer.from('{"metadata":{"name":"a"},"spec":{"id":12345678901234567890}}');
    expect(decodeJsonObject(body, withSpec).body).toEqual({ spec: { id: 12_345_678_901_234_567_890n } });
  });

  test('nulls read as absent', () => {
    const nulls = {
      name: 'a',
      labels: null,
      annotations: null,
      ownerReferences: null,
      managedFields: null,
      deletionTimestamp: null,
    };
    expect(decode({ metadata: nulls })).toEqual(decode({ metadata: { name: 'a' } }));
  });

  test.each([
    '{"metadata":{"labels":{"a":1}}}',
    '{"metadata":{"labels":[]}}',
    '{"metadata":{"creationTimestamp":"soon"}}',
    '{"metadata":[]}',
    '{"kind":"X"}',
    '{"metadata":{}} {}',
    '[]',
    '<html>',
  ])('%s is malformed', (text) => {
    expect(() => decodeJsonObject(Buffer.from(text), metadataOnly)).toThrow(ApiError);
  });

  test('each way to cut it short is refused', () => {
    fc.assert(
      fc.property(arbitrarySample, fc.nat(), (sample, place) => {
        const bytes = Buffer.from(JSON.stringify({ metadata: jsonMetadata(sample), spec: [1] }));
        expect(() => decodeJsonObject(bytes.subarray(0, place % bytes.length), withSpec)).toThrow(ApiError);
      }),
    );
  });
});

describe('decodeJsonList', () => {
  test('reads items and what the list says of itself, in any order', () => {
    const items = [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }];
    const metadata = { resourceVersion: '7', continue: 'go', remainingItemCount: 3 };
    for (const list of [
      { kind: 'List', metadata, items },
      { items, metadata },
    ]) {
      const taken = takeAll(JSON.stringify(list));
      expect(taken.items.map(({ name }) => name)).toEqual(['a', 'b']);
      expect(taken.list).toEqual({ resourceVersion: '7', continue: 'go' });
    }
  });

  test('no items may be written as null or as an empty list', () => {
    expect(takeAll('{"metadata":{"resourceVersion":"1"},"items":null}').items).toEqual([]);
    expect(takeAll('{"metadata":{"resourceVersion":"1"},"items":[]}').items).toEqual([]);
  });

  test('an object that is no list is refused rather than read as an empty one', () => {
    expect(() => takeAll('{"kind":"Status","metadata":{},"status":"Success"}')).toThrow('no list');
    expect(() => takeAll('{"items":[]}')).toThrow('no list');
  });
});
