import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { watchPolicyCrd } from '../../src/api/crd.ts';
import { breaks } from '../upgrade/crd-compatibility.ts';
import { RECORDS } from '../upgrade/record.ts';

const RELEASES = readdirSync(RECORDS);

test.each(RELEASES)(
  'M4: whatever the CustomResourceDefinition of version %s took, the present one takes with the same meaning',
  (release) => {
    const older: unknown = parse(readFileSync(new URL(`${release}/crd.yaml`, RECORDS), 'utf8'));
    expect(breaks(older, watchPolicyCrd())).toEqual([]);
  },
);

function crd(schema: object, more: object = {}) {
  const version = { name: 'v1', served: true, schema: { openAPIV3Schema: schema } };
  return { spec: { group: 'g', scope: 'Cluster', names: { kind: 'K', plural: 'ks' }, versions: [version], ...more } };
}

const of = (spec: object) => crd({ type: 'object', properties: { spec } });

describe('a CustomResourceDefinition breaks what was stored when', () => {
  const text = { type: 'string', maxLength: 8, enum: ['a', 'b'] };
  test.each([
    ['a field is gone', of(text), crd({ type: 'object', properties: {} }), 'v1.spec: is gone'],
    [
      'a type is another',
      of({ type: 'string' }),
      of({ type: 'integer' }),
      'v1.spec: type was "string" and is "integer"',
    ],
    ['an upper bound is lower', of(text), of({ ...text, maxLength: 7 }), 'v1.spec: maxLength was 8 and is 7'],
    [
      'an upper bound is new',
      of({ type: 'array' }),
      of({ type: 'array', maxItems: 1 }),
      'v1.spec: maxItems was absent and is 1',
    ],
    [
      'a lower bound is new',
      of({ type: 'integer' }),
      of({ type: 'integer', minimum: 0 }),
      'v1.spec: minimum was absent and is 0',
    ],
    ['a choice is gone', of(text), of({ ...text, enum: ['a', 'c'] }), 'v1.spec: enum was ["a","b"] and is ["a","c"]'],
    [
      'there is a choice now',
      of({ type: 'string' }),
      of({ type: 'string', enum: ['a'] }),
      'v1.spec: enum was absent and is ["a"]',
    ],
    [
      'a pattern is new',
      of({ type: 'string' }),
      of({ type: 'string', pattern: 'a' }),
      'v1.spec: pattern was absent and is "a"',
    ],
    [
      'a default is another',
      of({ type: 'string', default: 'a' }),
      of({ type: 'string', default: 'b' }),
      'v1.spec: default was "a" and is "b"',
    ],
    [
      'a field is required now',
      of({ type: 'object' }),
      of({ type: 'object', required: ['a'] }),
      'v1.spec: a is required now',
    ],
    [
      'there is a new rule',
      of({ type: 'object', 'x-kubernetes-validations': [{ rule: 'a' }] }),
      of({ type: 'object', 'x-kubernetes-validations': [{ rule: 'a' }, { rule: 'b' }] }),
      'v1.spec: a new rule, "b"',
    ],
    [
      'something is so deep inside',
      of({ type: 'array', items: { type: 'object', additionalProperties: { type: 'string', maxLength: 2 } } }),
      of({ type: 'array', items: { type: 'object', additionalProperties: { type: 'string', maxLength: 1 } } }),
      'v1.spec[]{}: maxLength was 2 and is 1',
    ],
    ['another scope', crd({}), crd({}, { scope: 'Namespaced' }), 'scope was "Cluster" and is "Namespaced"'],
    [
      'a version is not served',
      crd({}),
      crd({}, { versions: [{ name: 'v2', served: true }] }),
      'version "v1" is not served',
    ],
    [
      'a short name is gone',
      crd({}, { names: { kind: 'K', plural: 'ks', shortNames: ['k'] } }),
      crd({}),
      'short name "k" is gone',
    ],
  ])('%s', (_, older, newer, words) => {
    expect(breaks(older, newer)).toEqual([words]);
  });

  test('not when it takes more than before', () => {
    const narrow = of({ ...text, pattern: 'a', minLength: 1 });
    const wide = crd({
      type: 'object',
      properties: { spec: { type: 'string', maxLength: 9, enum: ['a', 'b', 'c'] }, new: { type: 'string' } },
    });
    expect(breaks(narrow, wide)).toEqual([]);
  });
});
