import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { type CachedObject, MANAGER, RETAINED_MANAGER, type StringMap } from '../api/object.ts';
import type { Desired, Wanted } from '../policy/desired.ts';
import { nextApply } from './plan-apply.ts';

const owning = (...labels: string[]) => ({ labels, annotations: [] });

function wanted(labels: StringMap, fromPicture = false, annotations: StringMap = {}): Wanted {
  return { labels: new Map(Object.entries(labels)), annotations: new Map(Object.entries(annotations)), fromPicture };
}

function desired(applied: Wanted, retained: Wanted = wanted({})): Desired {
  return { applied, retained };
}

/** `MANAGER LABELS`, or `nothing`. */
function next(fields: Partial<CachedObject>, target: Desired): string {
  const step = nextApply(cachedObject({ name: 'x', ...fields }), target);
  if (step === undefined) return 'nothing';
  const keys = [...step.keys.labels].map(([key, value]) => `${key}=${value}`).toSorted();
  return [step.fieldManager, ...keys].join(' ');
}

describe('one manager', () => {
  test.each<[string, Partial<CachedObject>, Desired, string]>([
    ['nothing there, nothing wanted', {}, desired(wanted({})), 'nothing'],
    ['a key is missing', {}, desired(wanted({ a: '1' })), 'watchkeeper a=1'],
    ['a value differs', { labels: { a: '0' }, applied: owning('a') }, desired(wanted({ a: '1' })), 'watchkeeper a=1'],
    ['the value is right, but not ours', { labels: { a: '1' } }, desired(wanted({ a: '1' })), 'watchkeeper a=1'],
    ['all as wanted', { labels: { a: '1' }, applied: owning('a') }, desired(wanted({ a: '1' })), 'nothing'],
    [
      'a key is not wanted any more',
      { labels: { a: '1', b: '2' }, applied: owning('a', 'b') },
      desired(wanted({ a: '1' })),
      'watchkeeper a=1',
    ],
    ['none is wanted any more', { labels: { a: '1' }, applied: owning('a') }, desired(wanted({})), 'watchkeeper'],
    [
      'the whole set is sent, also what is right',
      { labels: { a: '1' }, applied: owning('a') },
      desired(wanted({ a: '1', b: '2' })),
      'watchkeeper a=1 b=2',
    ],
    [
      'others do not matter',
      { labels: { a: '1', other: 'x' }, applied: owning('a') },
      desired(wanted({ a: '1' })),
      'nothing',
    ],
    ['keys that stay', {}, desired(wanted({}), wanted({ a: '1' })), 'watchkeeper-retained a=1'],
    [
      'a key that every object inherits is missing',
      {},
      desired(wanted({ constructor: '1' })),
      'watchkeeper constructor=1',
    ],
  ])('%s', (_, fields, target, expected) => {
    expect(next(fields, target)).toBe(expected);
  });

  test('annotations differ as labels do', () => {
    const step = nextApply(
      cachedObject({ name: 'x', annotations: { a: '0' } }),
      desired(wanted({}, false, { a: '1' })),
    );
    expect(step?.keys.annotations).toEqual(new Map([['a', '1']]));
    expect(step?.keys.labels.size).toBe(0);
  });
});

describe('two managers', () => {
  const a = { labels: { a: '1' } };

  test('each has its write', () => {
    const target = desired(wanted({ a: '1' }), wanted({ b: '2' }));
    expect(next({}, target)).toBe('watchkeeper a=1');
    expect(next({ ...a, applied: owning('a') }, target)).toBe('watchkeeper-retained b=2');
  });

  test('a key is held by the manager that gets it before the other lets it go', () => {
    const target = desired(wanted({}), wanted({ a: '1' }));
    expect(next({ ...a, applied: owning('a') }, target)).toBe('watchkeeper-retained a=1');
    expect(next({ ...a, applied: owning('a'), retained: owning('a') }, target)).toBe('watchkeeper');
    expect(next({ ...a, retained: owning('a') }, target)).toBe('nothing');
  });

  test('and the other way round', () => {
    const target = desired(wanted({ a: '1' }));
    expect(next({ ...a, retained: owning('a') }, target)).toBe('watchkeeper a=1');
    expect(next({ ...a, applied: owning('a'), retained: owning('a') }, target)).toBe('watchkeeper-retained');
  });

  test('keys that change places need three writes, and none is free in between', () => {
    const target = desired(wanted({ b: '2' }), wanted({ a: '1' }));
    const labels = { a: '1', b: '2' };
    expect(next({ labels, applied: owning('a'), retained: owning('b') }, target)).toBe('watchkeeper-retained a=1 b=2');
    expect(next({ labels, applied: owning('a'), retained: owning('a', 'b') }, target)).toBe('watchkeeper b=2');
    expect(next({ labels, applied: owning('b'), retained: owning('a', 'b') }, target)).toBe('watchkeeper-retained a=1');
  });

  test('a label and an annotation of one name are two keys', () => {
    const object = cachedObject({ name: 'x', labels: { a: '1' }, applied: owning('a') });
    const step = nextApply(object, desired(wanted({}), wanted({}, false, { a: '1' })));
    expect(step).toMatchObject({ fieldManager: MANAGER, keys: { labels: new Map() } });
  });
});

describe('a write is guarded', () => {
  test.each<[string, Partial<CachedObject>, Desired, string, boolean]>([
    ['not when all its values are wanted outright', {}, desired(wanted({ a: '1' })), MANAGER, false],
    ['when one is taken from our picture', {}, desired(wanted({ a: '1' }, true)), MANAGER, true],
    ['not because of the other manager', {}, desired(wanted({ a: '1' }), wanted({ b: '1' }, true)), MANAGER, false],
    [
      'when it carries a key along that is to change places',
      { labels: { a: '1', b: '2' }, applied: owning('a'), retained: owning('b') },
      desired(wanted({ b: '2' }), wanted({ a: '1' })),
      RETAINED_MANAGER,
      true,
    ],
  ])('%s', (_, fields, target, fieldManager, guarded) => {
    expect(nextApply(cachedObject({ name: 'x', ...fields }), target)).toMatchObject({ fieldManager, guarded });
  });
});

test('the plan does not share its maps with what is desired', () => {
  const target = desired(wanted({ a: '1' }));
  const step = nextApply(cachedObject({ name: 'x' }), target);
  expect(step?.keys.labels).not.toBe(target.applied.labels);
});

describe('where nothing is to become ours', () => {
  const leaving = (applied: Wanted, retained: Wanted = wanted({})): Desired => ({ applied, retained, onlyKept: true });

  test.each<[string, Partial<CachedObject>, Desired, string]>([
    [
      'a key that is ours by its record alone is not applied',
      { labels: { a: '1' } },
      leaving(wanted({ a: '1' })),
      'nothing',
    ],
    [
      'nor is it beside what goes',
      { labels: { a: '1', b: '2', c: '3' }, applied: owning('b', 'c') },
      leaving(wanted({ a: '1', b: '2' })),
      'watchkeeper b=2',
    ],
    [
      "a key that is one manager's, and the other's by its record, stays with the one",
      { labels: { a: '1', b: '2' }, applied: owning('a', 'b') },
      leaving(wanted({}), wanted({ a: '1' })),
      'watchkeeper a=1',
    ],
    [
      'and stays there when nothing goes',
      { labels: { a: '1' }, applied: owning('a') },
      leaving(wanted({}), wanted({ a: '1' })),
      'nothing',
    ],
  ])('%s', (_, fields, target, expected) => {
    expect(next(fields, target)).toBe(expected);
  });
});
