import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import type { CachedObject } from '../api/object.ts';
import { Store } from './store.ts';
import type { IndexBy } from './store-index.ts';

const byLabel: IndexBy = ({ labels }) => Object.entries(labels).map(([key, value]) => `${key}=${value}`);
const BY: ReadonlyArray<readonly [by: IndexBy, values: readonly string[]]> = [
  [({ namespace }) => [namespace], ['n', 'm']],
  [byLabel, ['x=1', 'x=2', 'y=1', 'y=2']],
  [({ owners }) => owners, ['o', 'p']],
  [({ name, deleting }) => (deleting ? [`${name} goes`] : []), ['a goes', 'b goes']],
];
const names = (objects: Iterable<CachedObject>) =>
  [...objects].map(({ namespace, name }) => `${namespace}/${name}`).toSorted();

const OBJECTS = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c'),
    namespace: fc.constantFrom('n', 'm'),
    uid: fc.constantFrom('1', '2'),
    resourceVersion: fc.integer({ min: 1, max: 30 }).map(String),
    deleting: fc.boolean(),
    owners: fc.uniqueArray(fc.constantFrom('o', 'p'), { maxLength: 2 }),
    labels: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2')),
  })
  .map((fields) => cachedObject({ ...fields, uid: `${fields.namespace}${fields.name}${fields.uid}` }));

const STEPS = fc.oneof(
  fc.record({ kind: fc.constantFrom('upsert', 'delete', 'answer'), object: OBJECTS }),
  fc.record({
    kind: fc.constant('replace'),
    objects: fc.array(OBJECTS),
    namespace: fc.option(fc.constant('n'), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('keepOnly'), namespace: fc.constantFrom('n', 'm') }),
);

function take(store: Store, step: typeof STEPS extends fc.Arbitrary<infer T> ? T : never): void {
  if ('object' in step) {
    if (step.kind === 'upsert') store.upsert(step.object);
    else if (step.kind === 'delete') store.delete(step.object);
    else store.upsertIfNewer(step.object);
  } else if ('objects' in step) {
    store.listStarted();
    const { namespace } = step;
    const items = step.objects.filter((object) => namespace === undefined || object.namespace === namespace);
    store.replace(items, namespace);
  } else {
    store.keepOnly(new Set([step.namespace]));
  }
}

describe('an index', () => {
  test('row 35: by namespace, label, owner or what else: finds what a look at all objects finds, whenever it was added and whatever happens', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(STEPS, { maxLength: 20 }), fc.array(STEPS, { maxLength: 20 }), (before, after) => {
        const store = new Store();
        for (const step of before) take(store, step);
        const indices = BY.map(([by, values]) => [by, values, store.index(by)] as const);
        for (const step of [undefined, ...after]) {
          if (step !== undefined) take(store, step);
          for (const [by, values, index] of indices) {
            for (const value of values) {
              const found = [...index.get(value)];
              const wanted = [...store.values()].filter((object) => [...by(object)].includes(value));
              expect([value, new Set(found)]).toEqual([value, new Set(wanted)]);
              // The very objects.
              for (const object of found) expect(store.get(`${object.namespace}/${object.name}`)).toBe(object);
              if (found.length > 0) seen.add(value);
            }
            // No more than these: the others would stay for ever.
            const held = [...store.values()].flatMap((object) => [...by(object)]);
            expect([...index.values()].toSorted()).toEqual([...new Set(held)].toSorted());
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(seen).toEqual(new Set(BY.flatMap(([, values]) => values)));
  });

  test('row 35: finds one object under several values, and none under values that no object has any more', () => {
    const store = new Store();
    const index = store.index(byLabel);
    store.upsert(
      cachedObject({ name: 'a', namespace: 'n', uid: 'a', resourceVersion: '1', labels: { x: '1', y: '1' } }),
    );
    expect([names(index.get('x=1')), names(index.get('y=1'))]).toEqual([['n/a'], ['n/a']]);
    store.upsert(cachedObject({ name: 'a', namespace: 'n', uid: 'a', resourceVersion: '2', labels: { x: '2' } }));
    expect(['x=1', 'y=1', 'x=2'].map((value) => names(index.get(value)))).toEqual([[], [], ['n/a']]);
    expect([...index.values()]).toEqual(['x=2']);
  });

  test('row 35: forgets everything when it is dropped, and is not kept up any more; others are', () => {
    const store = new Store();
    let asked = 0;
    const counted: IndexBy = (object) => {
      asked += 1;
      return byLabel(object);
    };
    const [dropped, kept] = [store.index(counted), store.index(byLabel)];
    const object = cachedObject({ name: 'a', namespace: 'n', uid: 'a', resourceVersion: '1', labels: { x: '1' } });
    store.upsert(object);
    expect(asked).toBe(1);
    dropped.drop();
    store.delete(object);
    store.upsert(cachedObject({ name: 'b', namespace: 'n', uid: 'b', resourceVersion: '2', labels: { x: '1' } }));
    expect(asked).toBe(1);
    expect([...dropped.values()]).toEqual([]);
    expect([names(dropped.get('x=1')), names(kept.get('x=1'))]).toEqual([[], ['n/b']]);
    store.clear();
    expect(names(kept.get('x=1'))).toEqual([]);
  });
});
