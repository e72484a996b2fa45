import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import type { CachedObject } from '../api/object.ts';
import { Store } from './store.ts';

function storeOf(...objects: readonly CachedObject[]): Store {
  const store = new Store();
  store.listStarted();
  store.replace(objects);
  return store;
}

const at = (resourceVersion: string, fields: Partial<CachedObject> = {}) =>
  cachedObject({ name: 'a', resourceVersion, ...fields });

describe('reading', () => {
  test('finds objects by key, in a namespace or without one', () => {
    const inA = cachedObject({ name: 'x', namespace: 'team-a' });
    const inB = cachedObject({ name: 'x', namespace: 'team-b' });
    const cluster = cachedObject({ name: 'x', namespace: '' });
    const store = storeOf(inA, inB, cluster);
    expect(store.size).toBe(3);
    expect([store.get('team-a/x'), store.get('team-b/x'), store.get('x')]).toEqual([inA, inB, cluster]);
    expect([store.get('team-c/x'), store.get('y'), store.get('team-a/y'), store.get('')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([...store.keys()]).toEqual(['team-a/x', 'team-b/x', 'x']);
    expect([...store.values()]).toEqual([inA, inB, cluster]);
  });

  test('row 35: knows the objects of a namespace and forgets namespaces that are empty', () => {
    const [x, y] = ['x', 'y'].map((name) => cachedObject({ name, namespace: 'n', uid: name })) as [
      CachedObject,
      CachedObject,
    ];
    const store = storeOf(x);
    store.upsert(y);
    expect([...store.namespaces()]).toEqual(['n']);
    expect([...store.inNamespace('n')].map(({ name }) => name)).toEqual(['x', 'y']);
    store.delete(x);
    store.delete(y);
    expect([...store.inNamespace('n')]).toEqual([]);
    expect([...store.namespaces()]).toEqual([]);
    expect([store.size, store.delete(y)]).toEqual([0, undefined]);
  });
});

test('of a server that gives no uids, one deletion says nothing of other objects', () => {
  const store = storeOf(at('5', { uid: '' }));
  store.delete(at('6', { uid: '' }));
  const next = cachedObject({ name: 'b', resourceVersion: '7', uid: '' });
  expect([store.upsert(next).kind, store.size]).toEqual(['Added', 1]);
});

describe('a full list', () => {
  test('row 24: says what came, changed and went, and keeps the very objects that did not change', () => {
    const same = cachedObject({ name: 'same' });
    const old = cachedObject({ name: 'changed', resourceVersion: '5' });
    const gone = cachedObject({ name: 'gone' });
    const store = storeOf(same, old, gone);
    const next = cachedObject({ name: 'changed', resourceVersion: '6' });
    const fresh = cachedObject({ name: 'new' });
    const replacement = store.replace([next, { ...same }, fresh]);
    expect(replacement).toEqual({ added: [fresh], changed: [[old, next]], removed: [gone] });
    expect(store.get('default/same')).toBe(same);
    expect(store.size).toBe(3);
  });

  test('row 25: an object of another uid is a removal and an addition', () => {
    const old = at('5', { uid: 'first' });
    const again = at('5', { uid: 'second' });
    expect(storeOf(old).replace([again])).toEqual({ added: [again], changed: [], removed: [old] });
  });

  test('wins although its versions are older: a restored etcd goes back', () => {
    const store = storeOf(at('500'));
    const restored = at('20');
    expect(store.replace([restored]).changed).toHaveLength(1);
    expect(store.get('default/a')).toBe(restored);
    expect(store.upsert(at('21')).kind).toBe('Changed');
  });

  test('an object that is listed twice counts once, and what was told is what is stored', () => {
    const store = new Store();
    const { added } = store.replace([at('5'), at('6')]);
    expect(added).toHaveLength(1);
    expect(store.size).toBe(1);
    expect(store.get('default/a')).toBe(added[0]);
  });
});

describe('a watch event', () => {
  test('row 36: of the version that is stored changes nothing', () => {
    const store = storeOf(at('5'));
    expect(store.upsert(at('5')).kind).toBe('Unchanged');
  });

  test('from the past changes nothing; one whose version does not compare counts', () => {
    const store = storeOf(at('500'));
    expect(store.upsert(at('499')).kind).toBe('Unchanged');
    expect(store.upsert(at('499', { uid: 'earlier' })).kind).toBe('Unchanged');
    expect(store.upsert(at('opaque')).kind).toBe('Changed');
  });

  test('of an object that was deleted changes nothing, until a list has it again', () => {
    const store = storeOf(at('5'));
    expect(store.delete(at('7'))?.resourceVersion).toBe('5');
    expect(store.upsert(at('6')).kind).toBe('Unchanged');
    expect(store.upsert(at('8')).kind).toBe('Unchanged');
    store.replace([at('4')]);
    expect(store.upsert(at('6')).kind).toBe('Changed');
  });

  test('of a deletion spares the object that came after it under the same name, and takes one that came before', () => {
    const store = storeOf(at('9', { uid: 'second' }));
    expect(store.delete(at('8', { uid: 'first' }))).toBeUndefined();
    expect(store.delete(at('12', { uid: 'third' }))?.uid).toBe('second');
    expect(store.size).toBe(0);
  });

  test('of an object that left what is selected, and has come again, takes it away no second time', () => {
    const store = storeOf(at('5'));
    expect(store.delete(at('10'), { mayReturn: true })?.resourceVersion).toBe('5');
    expect(store.upsert(at('12')).kind).toBe('Added');
    expect(store.delete(at('10'), { mayReturn: true })).toBeUndefined();
    expect(store.get('default/a')?.resourceVersion).toBe('12');
    expect(store.delete(at('14'), { mayReturn: true })?.resourceVersion).toBe('12');
    expect(store.upsert(at('13')).kind).toBe('Unchanged');
  });

  test('of a deletion is remembered for the last 256 of them', () => {
    const store = new Store();
    for (let i = 0; i <= 256; i += 1) store.delete(at('5', { uid: `uid-${i}` }));
    expect(store.upsert(at('5', { uid: 'uid-1' })).kind).toBe('Unchanged');
    expect(store.upsert(at('5', { uid: 'uid-0' })).kind).toBe('Added');
  });

  test('row 25: of another uid says that the object was made again', () => {
    const old = at('5', { uid: 'first' });
    expect(storeOf(old).upsert(at('9', { uid: 'second' }))).toEqual({ kind: 'Recreated', previous: old });
  });
});

describe('row 52: the answer to a write of ours', () => {
  const labelled = { labels: { env: 'prod' } };

  test('replaces an older version and keeps the body', () => {
    const stored = at('5', { body: { spec: 1 } });
    const store = storeOf(stored);
    const [previous, next] = store.upsertIfNewer(at('7', labelled)) ?? [];
    expect(previous).toBe(stored);
    expect(next).toEqual(at('7', { ...labelled, body: { spec: 1 } }));
    expect(store.get('default/a')).toBe(next);
  });

  test.each<[string, CachedObject]>([
    ['of the same version', at('50')],
    ['of an older version', at('9')],
    ['of another uid', at('60', { uid: 'other' })],
    ['whose version does not compare', at('opaque')],
    ['of an object that is not here', cachedObject({ name: 'b', resourceVersion: '60' })],
  ])('is ignored when it is %s', (_, answer) => {
    const stored = at('50');
    const store = storeOf(stored);
    expect(store.upsertIfNewer(answer)).toBeUndefined();
    expect([...store.values()]).toEqual([stored]);
  });

  test('does not bring back what was deleted meanwhile', () => {
    const store = storeOf(at('5'));
    store.delete(at('8'));
    expect(store.upsertIfNewer(at('7'))).toBeUndefined();
    expect(store.size).toBe(0);
  });

  test('is not taken back by older watch events; from its own version on the watch counts again', () => {
    const store = storeOf(at('5'));
    store.upsertIfNewer(at('8', labelled));
    expect(store.upsert(at('6')).kind).toBe('Unchanged');
    expect(store.upsert(at('7')).kind).toBe('Unchanged');
    expect(store.get('default/a')).toEqual(at('8', labelled));
    expect(store.upsert(at('8', labelled)).kind).toBe('Unchanged');
    expect(store.upsert(at('9')).kind).toBe('Changed');
    expect(store.upsert(at('3')).kind).toBe('Unchanged');
  });

  test('the event of its version brings the body that the answer could not know', () => {
    const store = storeOf(at('5', { body: { spec: 'old' } }));
    store.upsertIfNewer(at('8', labelled));
    expect(store.upsert(at('6', { body: { spec: 'new' } })).kind).toBe('Unchanged');
    expect(store.upsert(at('8', { ...labelled, body: { spec: 'new' } })).kind).toBe('Changed');
    expect(store.get('default/a')?.body).toEqual({ spec: 'new' });
  });

  test('the event of its version with an equal body changes nothing', () => {
    const store = storeOf(at('5', { body: { spec: 'old' } }));
    store.upsertIfNewer(at('8', labelled));
    expect(store.upsert(at('8', { ...labelled, body: { spec: 'old' } })).kind).toBe('Unchanged');
  });

  test('keeps no object that had left what is selected before that write', () => {
    const store = storeOf(at('5'));
    store.upsertIfNewer(at('12'));
    expect(store.delete(at('10'), { mayReturn: true })?.resourceVersion).toBe('12');
    expect(store.size).toBe(0);
    expect(store.upsert(at('9')).kind).toBe('Unchanged');
    expect(store.upsert(at('12')).kind).toBe('Added');
  });

  test('a delete and a new object of its name count at once', () => {
    const store = storeOf(at('5'));
    store.upsertIfNewer(at('8'));
    expect(store.delete(at('9'))?.resourceVersion).toBe('8');
    expect(store.upsert(at('4', { uid: 'second' })).kind).toBe('Added');
    expect(store.upsert(at('5', { uid: 'second' })).kind).toBe('Changed');
  });

  test('that came before a list began yields to it, whatever the versions', () => {
    const store = storeOf(at('5'));
    store.upsertIfNewer(at('8'));
    store.listStarted();
    expect(store.replace([at('3')]).changed).toHaveLength(1);
    expect(store.upsert(at('4')).kind).toBe('Changed');
  });

  test('that came while a list was on its way is not wiped by it, but gets its body', () => {
    const store = storeOf(at('5', { body: { spec: 'old' } }));
    store.listStarted();
    store.upsertIfNewer(at('8', labelled));
    const { changed } = store.replace([at('6', { body: { spec: 'new' } })]);
    expect(changed).toHaveLength(1);
    expect(store.get('default/a')).toEqual(at('8', { ...labelled, body: { spec: 'new' } }));
    expect(store.upsert(at('7', { body: { spec: 'new' } })).kind).toBe('Unchanged');
    expect(store.upsert(at('8', { ...labelled, body: { spec: 'new' } })).kind).toBe('Unchanged');
    expect(store.upsert(at('9')).kind).toBe('Changed');
  });

  test.each<[string, CachedObject[]]>([
    ['no object', []],
    ['another uid', [at('2', { uid: 'second' })]],
    ['a newer version', [at('9')]],
    ['the same version', [at('8')]],
  ])('that came while a list was on its way yields to %s in that list, and to what the watch says next', (_, items) => {
    const store = storeOf(at('5'));
    store.listStarted();
    store.upsertIfNewer(at('8', labelled));
    store.replace(items);
    expect([...store.values()].map(({ uid, resourceVersion }) => [uid, resourceVersion])).toEqual(
      items.map(({ uid, resourceVersion }) => [uid, resourceVersion]),
    );
    const next = items[0] ?? at('2');
    expect(store.upsert({ ...next, resourceVersion: '10' }).kind).toBe(items.length === 0 ? 'Added' : 'Changed');
  });

  test('that came during a list that failed yields to the next list', () => {
    const store = storeOf(at('5'));
    store.listStarted();
    store.upsertIfNewer(at('8'));
    store.listStarted();
    store.replace([at('3')]);
    expect(store.get('default/a')?.resourceVersion).toBe('3');
  });
});

const named = (name: string, namespace: string, resourceVersion = '1') =>
  cachedObject({ name, namespace, resourceVersion });

test('a list of one namespace says nothing of others, and what is outside of some namespaces can be dropped', () => {
  const store = new Store();
  store.replace([named('x', 'a'), named('y', 'a'), named('x', 'b')]);
  const { added, changed, removed } = store.replace([named('x', 'a', '2'), named('z', 'a')], 'a');
  expect([added, changed.map(([, next]) => next), removed].map((all) => all.map(({ name }) => name))).toEqual([
    ['z'],
    ['x'],
    ['y'],
  ]);
  expect([...store.keys()].toSorted()).toEqual(['a/x', 'a/z', 'b/x']);
  expect(store.size).toBe(3);
  expect(store.keepOnly(new Set(['b', 'c'])).map(({ name }) => name)).toEqual(['x', 'z']);
  expect([[...store.keys()], store.size]).toEqual([['b/x'], 1]);
});
