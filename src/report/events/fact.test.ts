import { expect, test } from 'vitest';
import { microTime } from '../../base/micro-time.ts';
import { cutNote, factId, factOf, namespaceOf } from './fact.ts';

const object = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a', name: 'x', uid: 'u' };
const policy = { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', name: 'p', uid: 'v' };

test('a note has at most 1 kB in UTF-8 and ends with a whole character', () => {
  expect(cutNote('x'.repeat(1_024))).toHaveLength(1_024);
  const cut = cutNote('€𐍈'.repeat(300));
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_024);
  expect(Buffer.byteLength(cut)).toBeGreaterThan(1_010);
  expect(cut.isWellFormed()).toBe(true);
  expect(cut.endsWith('…')).toBe(true);
});

test('an Event lives where its object does, and in default for a cluster-scoped one', () => {
  expect(namespaceOf(factOf('Resolved', 'n', object, policy))).toBe('a');
  expect(namespaceOf(factOf('PolicyAccepted', 'n', policy))).toBe('default');
});

test('two facts are the same when all but the time is', () => {
  const fact = factOf('Resolved', 'n', object, policy);
  expect(factId(fact)).toBe(factId(factOf('Resolved', 'n', { ...object }, policy)));
  expect(factId(fact)).not.toBe(factId(factOf('Resolved', 'm', object, policy)));
  expect(factId(fact)).not.toBe(factId(factOf('Resolved', 'n', { ...object, uid: 'w' }, policy)));
  expect(factId(fact)).not.toBe(factId(factOf('Resolved', 'n', object)));
});

test('times have microseconds', () => {
  expect(microTime(Date.UTC(2030, 0, 2, 3, 4, 5, 6))).toBe('2030-01-02T03:04:05.006000Z');
});
