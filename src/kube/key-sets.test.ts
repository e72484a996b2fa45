import { describe, expect, test } from 'vitest';
import { NO_KEYS } from '../api/object.ts';
import { KeySetTable, unionOfKeys } from './key-sets.ts';

const fieldsOf = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [`f:${key}`, {}]));

function record(labels: readonly string[], annotations: readonly string[] = []): Buffer {
  return Buffer.from(
    JSON.stringify({ 'f:metadata': { 'f:labels': fieldsOf(labels), 'f:annotations': fieldsOf(annotations) } }),
  );
}

describe('KeySetTable', () => {
  test('reads keys of labels and annotations, sorted', () => {
    expect(new KeySetTable().read(record(['team', 'acme.io/env'], ['note']))).toEqual({
      labels: ['acme.io/env', 'team'],
      annotations: ['note'],
    });
  });

  test('owning the map itself is owning no key', () => {
    const fields = Buffer.from('{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:labels":{"f:b":{}}}}');
    expect(new KeySetTable().read(fields)).toEqual({ labels: ['a'], annotations: [] });
  });

  test('a record without labels and annotations is the one empty set', () => {
    expect(new KeySetTable().read(Buffer.from('{"f:spec":{}}'))).toBe(NO_KEYS);
    expect(new KeySetTable().read(Buffer.from('{}'))).toBe(NO_KEYS);
  });

  test('equal records give one frozen set', () => {
    const table = new KeySetTable();
    const keys = table.read(record(['a']));
    expect(table.read(record(['a']))).toBe(keys);
    expect(table.read(record(['b']))).not.toBe(keys);
    expect(Object.isFrozen(keys)).toBe(true);
    expect(Object.isFrozen(keys.labels)).toBe(true);
  });

  test('forgets the oldest record when full, and goes on right', () => {
    const table = new KeySetTable();
    const first = table.read(record(['k0']));
    for (let index = 1; index < 4096; index += 1) table.read(record([`k${index}`]));
    expect(table.read(record(['k0']))).toBe(first);
    table.read(record(['one too many']));
    const again = table.read(record(['k0']));
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });

  test('text that is not JSON is malformed', () => {
    expect(() => new KeySetTable().read(Buffer.from('{"f:metadata"'))).toThrow('managedFields that are not JSON');
  });
});

describe('unionOfKeys', () => {
  test('holds each key once', () => {
    const one = { labels: ['a', 'c'], annotations: [] };
    const other = { labels: ['a', 'b'], annotations: ['n'] };
    expect(unionOfKeys(one, other)).toEqual({ labels: ['a', 'b', 'c'], annotations: ['n'] });
    expect(unionOfKeys(NO_KEYS, one)).toBe(one);
  });
});
