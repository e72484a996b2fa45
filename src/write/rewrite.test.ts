import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { evaluated } from '../../test/support/compiled-policy.ts';
import { type CachedObject, OWN_KEYS } from '../api/object.ts';
import { recordText, withRecord } from '../kube/own-record.ts';
import type { Desired } from '../policy/desired.ts';
import { nextWrite } from './plan-write.ts';
import { rewriteOf } from './rewrite.ts';

const wanted = (labels: Readonly<Record<string, string>>) => ({
  labels: new Map(Object.entries(labels)),
  annotations: new Map<string, string>(),
  fromPicture: false,
});
const desired = (
  applied: Readonly<Record<string, string>>,
  retained: Readonly<Record<string, string>> = {},
): Desired => ({
  applied: wanted(applied),
  retained: wanted(retained),
});
const record = (applied: Readonly<Record<string, string>>, retained: Readonly<Record<string, string>> = {}) =>
  recordText({ applied: { labels: applied, annotations: {} }, retained: { labels: retained, annotations: {} } });
const object = (fields: Partial<CachedObject>) => withRecord(cachedObject({ name: 'x', ...fields }));
const recorded = (labels: Readonly<Record<string, string>>, text: string | undefined, owned: readonly string[] = []) =>
  object({ labels, annotations: { [OWN_KEYS]: text ?? '' }, applied: { labels: owned, annotations: [] } });

describe('a merge patch in place of an apply', () => {
  test('sets what differs, removes what is ours and not wanted, and records what is ours from then on', () => {
    const applied = { labels: ['team', 'tier'], annotations: [] };
    const now = object({ labels: { team: 'a', tier: 'x', free: 'f' }, applied });
    expect(rewriteOf(now, desired({ team: 'b' }, { kept: 'k' }))).toEqual({
      labels: { team: 'b', tier: null, kept: 'k' },
      annotations: { [OWN_KEYS]: record({ team: 'b' }, { kept: 'k' }) },
    });
  });

  test("what has the wanted value already and is not ours stays somebody else's", () => {
    const now = object({ labels: { owner: 'me' } });
    expect(rewriteOf(now, desired({ owner: 'me', team: 'a' }))?.annotations).toEqual({
      [OWN_KEYS]: record({ team: 'a' }),
    });
  });

  test('is not made when every key is as it is wanted: it would cost everybody his record in managedFields', () => {
    expect(rewriteOf(object({ labels: { team: 'a' } }), desired({ team: 'a' }))).toBeUndefined();
  });

  test('takes the record away with the last key', () => {
    expect(rewriteOf(recorded({ team: 'a' }, record({ team: 'a' })), desired({}))).toEqual({
      labels: { team: null },
      annotations: { [OWN_KEYS]: null },
    });
  });
});

describe('an object with a record', () => {
  test('is applied first: that may have become possible', () => {
    const step = nextWrite(recorded({ team: 'a', old: 'o' }, record({ team: 'a', old: 'o' })), desired({ team: 'a' }));
    expect(step).toMatchObject({ kind: 'Apply', apply: { fieldManager: 'watchkeeper' } });
  });

  test('then loses the keys of the record that nothing wants, whoever owns them, and keeps the others on record', () => {
    const now = recorded({ team: 'a', old: 'o' }, record({ team: 'a', old: 'o' }), ['team']);
    expect(nextWrite(now, desired({ team: 'a' }))).toEqual({
      kind: 'Rewrite',
      rewrite: { labels: { old: null }, annotations: { [OWN_KEYS]: record({ team: 'a' }) } },
    });
  });

  test('is left alone once apply owns what is wanted, and the record says so', () => {
    expect(nextWrite(recorded({ team: 'a' }, record({ team: 'a' }), ['team']), desired({ team: 'a' }))).toBeUndefined();
  });

  test('a key that somebody has changed meanwhile is theirs: it only leaves the record', () => {
    expect(nextWrite(recorded({ team: 'theirs' }, record({ team: 'a' })), desired({}))).toEqual({
      kind: 'Rewrite',
      rewrite: { labels: {}, annotations: { [OWN_KEYS]: null } },
    });
  });

  test('a record that cannot be read goes', () => {
    expect(nextWrite(recorded({ team: 'a' }, 'nonsense'), desired({}))).toMatchObject({
      rewrite: { annotations: { [OWN_KEYS]: null } },
    });
  });

  test('retained keys of the record stay on the side of those that stay', () => {
    const now = recorded({ kept: 'k' }, record({}, { kept: 'k' }));
    expect(now.retained.labels).toEqual(['kept']);
    expect(nextWrite(now, desired({}, { kept: 'k' }))).toMatchObject({
      apply: { fieldManager: 'watchkeeper-retained' },
    });
  });

  describe('that claims a key which no policy may write', () => {
    const guarded = 'node-restriction.kubernetes.io/tenant';
    const text = JSON.stringify({ applied: { labels: { [guarded]: 'a', old: '1' }, annotations: {} }, retained: {} });
    const labels = { [guarded]: 'a', old: '1' };
    const claimed = withRecord(cachedObject({ name: 'x', labels, annotations: { [OWN_KEYS]: text } }));

    test('goes, and the key stays as somebody else has set it', () => {
      const { desired: left } = evaluated(claimed, []);
      expect(left && nextWrite(claimed, left)).toEqual({
        kind: 'Rewrite',
        rewrite: { labels: { old: null }, annotations: { [OWN_KEYS]: null } },
      });
    });

    test('does not have it removed where nothing can be applied', () => {
      const { desired: left } = evaluated(claimed, []);
      expect(left && rewriteOf(claimed, left)?.labels).toEqual({ old: null });
    });

    test('is believed where the owner of the cluster lets policies write it', () => {
      const { desired: left } = evaluated(claimed, [], { allowed: ['node-restriction.kubernetes.io/*'] });
      expect(left && nextWrite(claimed, left)).toMatchObject({
        rewrite: { labels: { old: null, [guarded]: null } },
      });
    });
  });
});
