import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import type { KeyValues } from '../policy/desired.ts';
import type { ApplyStep } from './plan-apply.ts';
import type { WriteStep } from './plan-write.ts';
import { changesOf } from './write-report.ts';

const keys = (labels: Record<string, string>, annotations: Record<string, string> = {}): KeyValues => ({
  labels: new Map(Object.entries(labels)),
  annotations: new Map(Object.entries(annotations)),
});
const apply = (fieldManager: ApplyStep['fieldManager'], wanted: KeyValues): WriteStep => ({
  kind: 'Apply',
  apply: { fieldManager, keys: wanted, guarded: false },
});
const object = cachedObject({
  name: 'x',
  labels: { ours: 'a', drifted: 'theirs', foreign: 'f', equal: 'e', moves: 'm' },
  annotations: { old: 'o' },
  applied: { labels: ['drifted', 'moves', 'ours'], annotations: ['old'] },
  retained: { labels: ['moves'], annotations: [] },
});

test('a key is set when its value or its owner changes, displaced when somebody else had another value there', () => {
  const wanted = keys({ ours: 'a', drifted: 'd', foreign: 'mine', equal: 'e', fresh: 'n' }, { old: 'o' });
  const { set, removed } = changesOf(object, apply('watchkeeper', wanted));
  expect(set).toEqual([
    { channel: 'labels', key: 'drifted', displaced: false },
    { channel: 'labels', key: 'foreign', displaced: true },
    { channel: 'labels', key: 'equal', displaced: false },
    { channel: 'labels', key: 'fresh', displaced: false },
  ]);
  expect(removed).toEqual([]);
});

test('a key is removed when neither of our managers owns it from now on', () => {
  const { set, removed } = changesOf(object, apply('watchkeeper', keys({ ours: 'a' })));
  expect(set).toEqual([]);
  expect(removed).toEqual([
    { channel: 'labels', key: 'drifted', displaced: false },
    { channel: 'annotations', key: 'old', displaced: false },
  ]);
});

test('what one of our managers lets go says nothing about the keys of the other', () => {
  const { set, removed } = changesOf(object, apply('watchkeeper-retained', keys({})));
  expect([set, removed]).toEqual([[], []]);
});

test('a clean-up removes what is there of others, whatever its value', () => {
  const cleanUp = { labels: new Set(['foreign']), annotations: new Set<string>(), fromPicture: false };
  expect(changesOf(object, { kind: 'CleanUp', cleanUp })).toEqual({
    fieldManager: 'watchkeeper',
    set: [],
    removed: [{ channel: 'labels', key: 'foreign', displaced: true }],
  });
});

test('a rewrite displaces what somebody else had set, not what was ours', () => {
  const rewrite = { labels: { foreign: 'mine', drifted: 'd', fresh: 'n', ours: null }, annotations: {} };
  expect(changesOf(object, { kind: 'Rewrite', rewrite })).toMatchObject({
    set: [
      { key: 'foreign', displaced: true },
      { key: 'drifted', displaced: false },
      { key: 'fresh', displaced: false },
    ],
    removed: [{ channel: 'labels', key: 'ours' }],
  });
});
