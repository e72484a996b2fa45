import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, NODES } from '../../test/support/compiled-policy.ts';
import { type CachedObject, NO_KEYS } from '../api/object.ts';
import { compileJsonPath, isMetadataOnly } from './json-path.ts';
import { KeyPatterns } from './key-patterns.ts';
import type { KindContext } from './program.ts';
import { subjectOf } from './subject.ts';
import { Work } from './work.ts';

function read(text: string, object: CachedObject, kind: KindContext = CONFIG_MAPS): unknown {
  const compiled = compileJsonPath(text);
  if (!compiled.ok) throw new Error(compiled.problem);
  const hits = compiled.path.evaluate(
    subjectOf(object, kind, new KeyPatterns(NO_KEYS), () => undefined),
    new Work(),
  );
  return hits.ok ? hits.values : hits.problem;
}

const object = cachedObject({
  name: 'web',
  namespace: 'shop',
  uid: 'u-1',
  created: 1_767_225_600,
  labels: { 'acme.io/team': 'a', constructor: 'c' },
  annotations: { note: 'n' },
  body: { spec: { replicas: 3 }, data: { 'a.b': 'x' } },
});

test.each<[string, readonly unknown[]]>([
  ['$.metadata.name', ['web']],
  ['$.metadata.namespace', ['shop']],
  ['$.metadata.uid', ['u-1']],
  ['$.metadata.creationTimestamp', ['2026-01-01T00:00:00Z']],
  ["$.metadata.labels['acme.io/team']", ['a']],
  ['$.metadata.labels.constructor', ['c']],
  ['$.metadata.labels.toString', []],
  ['$.metadata.annotations.*', ['n']],
  ["$['metadata']['name']", ['web']],
  ['$.kind', ['ConfigMap']],
  ['$.apiVersion', ['v1']],
  ['$.spec.replicas', [3]],
  ["$.data['a.b']", ['x']],
  ['$.status.phase', []],
  ['$.constructor', []],
])('%s', (text, values) => {
  expect(read(text, object)).toEqual(values);
});

test('the apiVersion of a group is written with the group', () => {
  expect(read('$.apiVersion', object, { ...CONFIG_MAPS, group: 'apps' })).toEqual(['apps/v1']);
});

test('a cluster-scoped object has no namespace', () => {
  expect(read('$.metadata.namespace', cachedObject({ name: 'n1', namespace: '' }), NODES)).toEqual([]);
});

test('an object that was never created has no time of creation', () => {
  expect(read('$.metadata.creationTimestamp', cachedObject({ name: 'x', created: 0 }))).toEqual([]);
});

test('where nothing but metadata is known, other fields lead nowhere', () => {
  expect(read('$.spec.replicas', cachedObject({ name: 'x' }))).toEqual([]);
});

test.each([
  ['$', "must begin with '$' and the name of a top-level field"],
  ['$..name', 'the name of a top-level field'],
  ['$.*', 'the name of a top-level field'],
  ['$[0]', 'the name of a top-level field'],
  [
    '$.metadata',
    "must name one of these fields of 'metadata': name, namespace, uid, creationTimestamp, labels, annotations",
  ],
  ['$.metadata.*', 'other metadata is not supported yet'],
  ['$.metadata..name', 'other metadata is not supported yet'],
  ['$.metadata.managedFields[0].manager', 'other metadata is not supported yet'],
  ['$.metadata.ownerReferences[0].name', 'other metadata is not supported yet'],
  ['$.metadata.constructor', 'other metadata is not supported yet'],
  ['$.spec[?(@.x)]', 'must not hold filters or scripts'],
])('%s is refused', (text, problem) => {
  const compiled = compileJsonPath(text);
  expect(compiled.ok ? 'compiled' : compiled.problem).toContain(problem);
});

test.each([
  ['$.spec.x', 'spec', false],
  ['$.metadata.name', 'metadata', true],
  ['$.kind', 'kind', true],
  ['$.apiVersion', 'apiVersion', true],
])('%s reads the field %s', (text, field, metadataOnly) => {
  const compiled = compileJsonPath(text);
  expect(compiled.ok && compiled.path.field).toBe(field);
  expect(isMetadataOnly(field)).toBe(metadataOnly);
});
