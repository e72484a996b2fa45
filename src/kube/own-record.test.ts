import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { protobufAnswer } from '../../test/support/kube-encodings.ts';
import { ScriptedKubeClient } from '../../test/support/scripted-kube-client.ts';
import { OWN_KEYS } from '../api/object.ts';
import { internerOf } from './interner.ts';
import { decodeJsonObject } from './json-objects.ts';
import { recordText, withRecord } from './own-record.ts';
import { decodeProtobufObject } from './protobuf-metadata.ts';

const NONE = { labels: {}, annotations: {} };
const VALUES = {
  applied: { labels: { team: 'a', gone: 'b', theirs: 'c' }, annotations: { note: 'n' } },
  retained: NONE,
};
const METADATA = {
  name: 'x',
  labels: { team: 'a', theirs: 'd', free: 'e' },
  annotations: { note: 'n', [OWN_KEYS]: recordText(VALUES) ?? '' },
};

describe('a record of our keys', () => {
  test.each([
    [
      'JSON',
      () =>
        decodeJsonObject(Buffer.from(JSON.stringify({ metadata: METADATA })), {
          interner: internerOf(new ScriptedKubeClient()),
          fields: undefined,
        }),
    ],
    ['protobuf', () => decodeProtobufObject(protobufAnswer(METADATA), internerOf(new ScriptedKubeClient()))],
  ])(
    'makes keys ours that still have the value that we wrote, and is no annotation any more, read from %s',
    (_, decode) => {
      const { applied, retained, annotations, record } = decode();
      expect(applied).toEqual({ labels: ['team'], annotations: ['note'] });
      expect(retained).toEqual({ labels: [], annotations: [] });
      expect(annotations).toEqual({ note: 'n' });
      expect(record?.values).toEqual(VALUES);
      expect(record?.byApply.applied).toEqual({ labels: [], annotations: [] });
    },
  );

  test('adds to what managedFields say, and keeps that apart', () => {
    const applied = { labels: ['tier'], annotations: [] };
    const object = withRecord(cachedObject({ ...METADATA, applied }));
    expect(object.applied).toEqual({ labels: ['team', 'tier'], annotations: ['note'] });
    expect(object.record?.byApply.applied).toBe(applied);
  });

  test.each(['', 'no JSON', '[]', '{"applied":{"labels":{"team":1}}}', 'null'])(
    'that cannot be read says nothing: %s',
    (text) => {
      const object = withRecord(cachedObject({ name: 'x', labels: { team: 'a' }, annotations: { [OWN_KEYS]: text } }));
      expect([object.applied.labels, object.annotations, object.record?.values]).toEqual([
        [],
        {},
        { applied: NONE, retained: NONE },
      ]);
    },
  );

  test('is not there on others, which are handed back as they are', () => {
    const object = cachedObject({ name: 'x', annotations: { note: 'n' } });
    expect(withRecord(object)).toBe(object);
  });

  test('of nothing is no text', () => {
    expect(recordText({ applied: NONE, retained: NONE })).toBeUndefined();
  });
});
