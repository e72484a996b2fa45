import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { protobufAnswer, protobufList } from '../../test/support/kube-encodings.ts';
import { listed } from '../../test/support/listed.ts';
import { outcomeOf } from '../../test/support/outcome.ts';
import { ApiError } from './errors.ts';
import { Interner } from './interner.ts';
import { ProtobufListDecoder } from './protobuf-list.ts';

const listOf = (chunks: readonly Buffer[], step?: number) =>
  listed(new ProtobufListDecoder(new Interner(), step), chunks);

/** One ConfigMap with keys of both managers, as kube-apiserver 1.36.3 lists it. */
const RECORDED = Buffer.from(
  'azhzAAorCg5tZXRhLms4cy5pby92MRIZUGFydGlhbE9iamVjdE1ldGFkYXRhTGlzdBLhAgoICgASAjc1GgAS1AIK0QIKA29uZRIAGgdkZWZhdWx0' +
    'IgAqJDhmZWExMmQ3LTgxNzQtNGJiOC05MTdiLWRlMGJlOWRkNGMyYzICNzU4AEIICLqhg9gGEABaBgoBYRIBMVoGCgFyEgExWgkKBHRlYW0SAXhi' +
    'BgoBbhIBdooBfwoLd2F0Y2hrZWVwZXISBUFwcGx5GgJ2MSIICLqhg9gGEAAyCEZpZWxkc1YxOk8KTXsiZjptZXRhZGF0YSI6eyJmOmFubm90YXRp' +
    'b25zIjp7ImY6biI6e319LCJmOmxhYmVscyI6eyJmOmEiOnt9LCJmOnRlYW0iOnt9fX19QgCKAWEKFHdhdGNoa2VlcGVyLXJldGFpbmVkEgVBcHBs' +
    'eRoCdjEiCAi6oYPYBhAAMghGaWVsZHNWMTooCiZ7ImY6bWV0YWRhdGEiOnsiZjpsYWJlbHMiOnsiZjpyIjp7fX19fUIAGgAiAA==',
  'base64',
);

describe('a list as protobuf', () => {
  test('reads what a real server sent', () => {
    const { items, ...list } = listOf([RECORDED]);
    expect(list).toEqual({ resourceVersion: '75', continue: '', bytes: RECORDED.length });
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
        owners: [],
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
      expect(() => listOf([RECORDED.subarray(0, length)]), `cut at ${length}`).toThrow(ApiError);
    }
  });

  test('a negative length is refused, and does not go round in circles', () => {
    // The tag of the list, and its length.
    const at = RECORDED.indexOf(Buffer.from('12e102', 'hex')) + 1;
    const minusOne = Buffer.from('ffffffffffffffffff01', 'hex');
    const negative = Buffer.concat([RECORDED.subarray(0, at), minusOne, RECORDED.subarray(at + 2)]);
    expect(() => listOf([negative])).toThrow('a list of a negative length');
  });

  test('holds many items and the token of the next page', () => {
    const bytes = protobufList([{ name: 'a' }, { name: 'b' }], '7', 'go');
    const { items, ...list } = listOf([bytes]);
    expect(items.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(list).toEqual({ resourceVersion: '7', continue: 'go', bytes: bytes.length });
  });

  test('another kind of object is refused', () => {
    expect(() => listOf([protobufAnswer({ name: 'a' })])).toThrow(
      'a PartialObjectMetadata where a list of metadata was asked for',
    );
  });

  test('random bytes and random damage never crash it or hang it', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.constant(undefined)), damage, (random, changes) => {
        const bytes = random === undefined ? Buffer.from(RECORDED) : Buffer.concat([Buffer.from('k8s\0'), random]);
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        expect(['Fine', 'BadResponse']).toContain(outcomeOf(() => listOf([bytes])));
      }),
      { numRuns: 500 },
    );
  });
});
