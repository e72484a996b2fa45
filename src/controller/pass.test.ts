import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { type ObjectKey, objectKey } from '../api/object.ts';
import { Store } from '../informer/store.ts';
import { Pass } from './pass.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const namespace = fc.constantFrom('one', 'two');
const happening = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('put'), namespace, name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete'), namespace, name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('evaluate'), namespace, name }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('draw') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('begin') }) },
);

function storeOf(...names: readonly string[]): Store {
  const store = new Store();
  store.replace(names.map((each) => cachedObject({ name: each })));
  return store;
}

test('whatever comes and goes, and however often passes begin anew, the last one meets every object that stays', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (all) => {
      const store = new Store();
      let version = 0;
      let pass = new Pass(store);
      let owed = new Set<ObjectKey>();
      const draw = () => {
        const key = pass.draw();
        if (key === undefined) return false;
        owed.delete(key);
        pass.evaluated(key);
        return true;
      };
      for (const what of all) {
        if ('name' in what) {
          version += 1;
          const object = cachedObject({ ...what, uid: `${version}`, resourceVersion: `${version}` });
          const present = store.get(objectKey(object));
          if (what.kind === 'put') store.upsert(object);
          else owed.delete(objectKey(object));
          if (what.kind === 'evaluate') pass.evaluated(objectKey(object));
          if (what.kind === 'delete' && present !== undefined) store.delete(present);
        } else if (what.kind === 'draw') draw();
        else {
          pass = new Pass(store, pass);
          owed = new Set(store.keys());
        }
        expect(pass.left === 0).toBe(pass.isDone);
      }
      while (draw());
      expect([...owed]).toEqual([]);
      expect([pass.isDone, pass.left]).toEqual([true, 0]);
    }),
  );
});

test('one that begins before the last is done goes on where that one was: each object has its turn', () => {
  const store = storeOf('a', 'b', 'c', 'd', 'e');
  let pass: Pass | undefined;
  const met: (ObjectKey | undefined)[] = [];
  for (let i = 0; i < 6; i += 1) {
    pass = new Pass(store, pass);
    expect(pass.left).toBe(5);
    met.push(pass.draw());
  }
  expect(met).toEqual(['a', 'b', 'c', 'd', 'e', 'a'].map((each) => `default/${each}`));
});

test('one that begins after another list was swapped in begins at its start', () => {
  const store = storeOf('a', 'b', 'c');
  const before = new Pass(store);
  before.draw();
  store.replace(['a', 'b', 'c', 'd'].map((each) => cachedObject({ name: each })));
  const pass = new Pass(store, before);
  expect([pass.draw(), pass.draw(), pass.draw(), pass.draw(), pass.left]).toEqual([
    ...['a', 'b', 'c', 'd'].map((each) => `default/${each}`),
    0,
  ]);
});

test('is done when all that was drawn is evaluated', () => {
  const pass = new Pass(storeOf('a', 'b'));
  pass.draw();
  pass.evaluated('default/a');
  expect(pass.isDone).toBe(false);
  pass.draw();
  expect([pass.left, pass.draw(), pass.isDone]).toEqual([0, undefined, false]);
  pass.evaluated('default/b');
  expect(pass.isDone).toBe(true);
});

test('over no object is done at once', () => {
  expect(new Pass(new Store()).isDone).toBe(true);
});

test('what is evaluated before its turn has none any more in this pass, and has in the next', () => {
  const store = storeOf('a', 'b', 'c', 'd');
  const first = new Pass(store);
  expect(first.draw()).toBe('default/a');
  for (const early of ['c', 'b']) first.evaluated(`default/${early}`);
  expect([first.draw(), first.draw(), first.left]).toEqual(['default/d', undefined, 0]);
  const second = new Pass(store, first);
  expect([second.draw(), second.draw()]).toEqual(['default/a', 'default/b']);
});
