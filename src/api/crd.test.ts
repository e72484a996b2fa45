import { expect, test } from 'vitest';
import { watchPolicyCrd } from './crd.ts';
import type { JsonSchema } from './structural.ts';

interface Node {
  readonly path: string;
  readonly schema: JsonSchema;
}

const [version] = watchPolicyCrd().spec.versions;
const nodes = version === undefined ? [] : [...nodesOf('$', version.schema.openAPIV3Schema)];
const ours = nodes.filter(({ path }) => path.startsWith('$.spec') || path.startsWith('$.status'));

function* nodesOf(path: string, schema: JsonSchema): Generator<Node> {
  yield { path, schema };
  const { properties, items, additionalProperties } = schema;
  for (const [name, member] of Object.entries(isSchema(properties) ? properties : {})) {
    if (isSchema(member)) yield* nodesOf(`${path}.${name}`, member);
  }
  if (isSchema(items)) yield* nodesOf(`${path}[]`, items);
  if (isSchema(additionalProperties)) yield* nodesOf(`${path}{}`, additionalProperties);
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null;
}

/** Paths of our own nodes of a type that are not as they should be. */
function failing(type: string, sound: (schema: JsonSchema) => boolean): string[] {
  return ours.filter(({ schema }) => schema['type'] === type && !sound(schema)).map(({ path }) => path);
}

test('there is much to look at', () => {
  expect(ours.length).toBeGreaterThan(150);
});

test('every text is bounded', () => {
  expect(failing('string', (schema) => 'enum' in schema || 'maxLength' in schema)).toEqual([]);
});

test('every list is bounded and says how it is merged', () => {
  expect(failing('array', (schema) => 'maxItems' in schema && 'x-kubernetes-list-type' in schema)).toEqual([]);
});

test('every list merged by key has keys that each entry has', () => {
  for (const { path, schema } of ours) {
    const keys = schema['x-kubernetes-list-map-keys'];
    if (keys === undefined) continue;
    const { items } = schema;
    expect(isSchema(items) ? items['required'] : undefined, path).toEqual(
      expect.arrayContaining(Object.values(keys ?? {})),
    );
  }
});

test('every map is bounded', () => {
  expect(failing('object', (schema) => 'properties' in schema || 'maxProperties' in schema)).toEqual([]);
});

test('every number is bounded and has a format', () => {
  expect(failing('integer', (schema) => 'minimum' in schema && 'maximum' in schema && 'format' in schema)).toEqual([]);
  expect(failing('number', () => false)).toEqual([]);
});

test('every field says what it is', () => {
  const fields = ours.filter(({ path }) => !path.endsWith('[]') && !path.endsWith('{}'));
  expect(fields.filter(({ schema }) => typeof schema['description'] !== 'string').map(({ path }) => path)).toEqual([]);
});

test('defaults are those of the API', () => {
  const defaults = ours
    .filter(({ schema }) => 'default' in schema)
    .map(({ path, schema }) => [path, schema['default']]);
  expect(Object.fromEntries(defaults)).toEqual({
    '$.spec.mode': 'Audit',
    '$.spec.severity': 'medium',
    '$.spec.priority': 0,
    '$.spec.removalPolicy': 'Remove',
    '$.spec.match.resources[].scope': '*',
    '$.spec.exclude[].resources[].scope': '*',
    '$.spec.rules[].subject': 'Object',
    '$.spec.rules[].set.labels[].invalidValue': 'Report',
    '$.spec.rules[].set.annotations[].invalidValue': 'Report',
    '$.spec.rules[].default.labels[].invalidValue': 'Report',
    '$.spec.rules[].default.annotations[].invalidValue': 'Report',
    '$.spec.rules[].copy.overwrite': 'Always',
    '$.spec.rules[].check.quantifier': 'All',
  });
});

test('what a rule may do is what the API says', () => {
  const actions = ours.filter(({ path }) => /^\$\.spec\.rules\[\]\.\w+$/.test(path)).map(({ path }) => path.slice(15));
  expect(actions).toEqual([
    'name',
    'subject',
    'conditions',
    'severity',
    'message',
    'set',
    'default',
    'copy',
    'rename',
    'remove',
    'require',
    'forbid',
    'check',
    'jsonSchema',
    'validate',
    'unique',
    'limit',
  ]);
});

test('the status is what the API says', () => {
  const status = ours.filter(({ path }) => /^\$\.status\.\w+$/.test(path)).map(({ path }) => path.slice(9));
  expect(status).toEqual([
    'observedGeneration',
    'enforcedGeneration',
    'conditions',
    'watching',
    'resources',
    'summary',
    'violations',
    'violationsTotal',
  ]);
});

test('the only free part is a JSON Schema', () => {
  const free = nodes.filter(({ schema }) => 'x-kubernetes-preserve-unknown-fields' in schema).map(({ path }) => path);
  expect(free).toEqual(['$.spec.rules[].jsonSchema.schema']);
});
