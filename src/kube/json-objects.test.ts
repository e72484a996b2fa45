import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitrarySample, jsonMetadata } from '../../test/support/kube-encodings.ts';
import type { CachedObject } from '../api/object.ts';
import { ApiError } from './errors.ts';
import { Interner } from './interner.ts';
import { decodeJsonObject, type JsonDecoding } from './json-objects.ts';

const metadataOnly: JsonDecoding = { interner: new Interner(), fields: undefined };
const withSpec: JsonDecoding = { interner: new Interner(), fields: ['data', 'spec'] };

function decode(object: unknown, decoding = metadataOnly): CachedObject {
  return decodeJsonObject(Buffer.from(JSON.stringify(object)), decoding);
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
          ownerReferences: [
            { kind: 'X', uid: 'x' },
            { controller: true, uid: 'y' },
          ],
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
      owners: ['x', 'y'],
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
