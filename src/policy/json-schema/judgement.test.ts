import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../../test/support/cached-object.ts';
import { CONFIG_MAPS, programOf, reports } from '../../../test/support/compiled-policy.ts';
import { threadMs } from '../../../test/support/thread-time.ts';
import { BOUNDS } from '../../api/bounds.ts';
import type { CachedObject } from '../../api/object.ts';
import { JudgedObject } from '../judged-object.ts';
import { TooMuchWork, Work } from '../work.ts';
import { SchemaEngine } from './engine.ts';
import { type CompiledJsonSchema, compileJsonSchema } from './judgement.ts';

type Schema = Readonly<Record<string, unknown>>;

const engine = new SchemaEngine();
const compiled = (
  schema: Schema,
  jsonPath = '$.spec',
  subject: 'Object' | 'PodTemplate' = 'Object',
): CompiledJsonSchema => compileJsonSchema({ jsonPath, schema }, subject, engine);

/** `CODE: message` of what is wrong with an object. */
function judged(schema: Schema, object: Partial<CachedObject>, jsonPath?: string): readonly string[] {
  const result = compiled(schema, jsonPath);
  if (!result.ok) throw new Error(result.issues.map(({ path, problem }) => `${path.join('.')} ${problem}`).join('\n'));
  const view = new JudgedObject(cachedObject({ name: 'x', ...object }), CONFIG_MAPS, undefined);
  return result.demand(view, new Work()).map(({ code, message }) => `${code}: ${message}`);
}

const faults = (schema: Schema, spec: unknown, jsonPath?: string) => judged(schema, { body: { spec } }, jsonPath);

const issues = (schema: Schema, jsonPath?: string, subject?: 'PodTemplate') => {
  const result = compiled(schema, jsonPath, subject);
  return result.ok ? 'accepted' : result.issues.map(({ path, problem }) => `${path.join('.')}: ${problem}`);
};

/** Not written as an object: one with a member `then` looks like a promise. */
const conditional = (...schemas: readonly [Schema, Schema]): Schema =>
  Object.fromEntries(['if', 'then'].map((keyword, i) => [keyword, schemas[i]]));

describe('what does not fit is said in words, with its place and without its value', () => {
  test.each<[string, Schema, unknown]>([
    ['$.spec must be an object', { type: 'object' }, 'hunter2'],
    ['$.spec must be text or a whole number', { type: ['string', 'integer'] }, 1.5],
    ["$.spec must have 'replicas'", { required: ['replicas'] }, { hunter2: 'hunter2' }],
    ["$.spec must have 'a'; 1 more problem", { required: ['a', 'b'] }, {}],
    ["$.spec must not have 'b'", { properties: { a: true }, additionalProperties: false }, { b: 'hunter2' }],
    ["$.spec must not have 'b'", { properties: { a: {} }, unevaluatedProperties: false }, { b: 'hunter2' }],
    ["$.spec must have 'b' beside 'a'", { dependentRequired: { a: ['b'] } }, { a: 'hunter2' }],
    ["$.spec must not have a field of the name 'B'", { propertyNames: { pattern: '^[a-z]' } }, { B: 'hunter2' }],
    ['$.spec.a must not be there', { properties: { a: false } }, { a: 'hunter2' }],
    ["$.spec must be 'a' or 3", { enum: ['a', 3] }, 'hunter2'],
    ["$.spec must be 'a'", { const: 'a' }, 'hunter2'],
    ['$.spec must be {"a":1}', { const: { a: 1 } }, 'hunter2'],
    ['$.spec must be at least 2', { minimum: 2 }, 1],
    ['$.spec must be at most 2', { maximum: 2 }, 3],
    ['$.spec must be greater than 2', { exclusiveMinimum: 2 }, 2],
    ['$.spec must be less than 2', { exclusiveMaximum: 2 }, 2],
    ['$.spec must be a multiple of 5', { multipleOf: 5 }, 7],
    ['$.spec must be at least 3 characters long', { minLength: 3 }, 'ab'],
    ['$.spec must be at most 1 character long', { maxLength: 1 }, 'hunter2'],
    ["$.spec must match '^a'", { pattern: '^a' }, 'hunter2'],
    ["$.spec must be of the format 'date-time'", { format: 'date-time' }, 'hunter2'],
    ['$.spec must have at least 1 entry', { minItems: 1 }, []],
    ['$.spec must have at most 1 entry', { maxItems: 1 }, ['hunter2', 'b']],
    ['$.spec must have at most 1 entry', { prefixItems: [true], items: false }, ['hunter2', 'b']],
    [
      '$.spec must not have the same entry twice',
      { uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
    ['$.spec must have another number of entries that fit the schema of contains', { contains: { type: 'null' } }, [1]],
    ['$.spec must have at least 1 field', { minProperties: 1 }, {}],
    ['$.spec must fit a schema of anyOf', { anyOf: [{ type: 'null' }, { required: ['a'] }] }, {}],
    ['$.spec must fit exactly one schema of oneOf', { oneOf: [true, true] }, 'hunter2'],
    ['$.spec must not fit the schema of not', { not: { type: 'string' } }, 'hunter2'],
    ["$.spec must have 'b'", conditional({ required: ['a'] }, { required: ['b'] }), { a: 'hunter2' }],
    [
      '$.spec.a[1].b must be a number',
      { properties: { a: { items: { properties: { b: { type: 'number' } } } } } },
      { a: [{}, { b: 'hunter2' }] },
    ],
    ['$.spec[a/b~c] must be a number', { additionalProperties: { type: 'number' } }, { 'a/b~c': 'hunter2' }],
  ])('%s', (message, schema, spec) => {
    const found = faults(schema, spec);
    expect(found).toEqual([`SchemaViolated: ${message}`]);
    expect(found[0]).not.toContain('hunter2');
  });

  test('what fits is right, and where the path leads nowhere there is nothing to judge', () => {
    expect(faults({ type: 'object', required: ['a'] }, { a: null })).toEqual([]);
    expect(judged({ type: 'object' }, { body: {} })).toEqual([]);
  });
});

describe('each node is judged on its own', () => {
  const schema = { type: 'object', required: ['image', 'resources'] };

  test('and all that is wrong is counted', () => {
    const spec = { containers: [{ image: 'a', resources: {} }, { image: 'b' }, {}] };
    expect(faults(schema, spec, '$.spec.containers[*]')).toEqual([
      "SchemaViolated: $.spec.containers[1] must have 'resources'; 2 more problems",
    ]);
  });

  test('also where they stand anywhere', () => {
    expect(faults({ type: 'integer' }, { a: { port: 1 }, b: [{ port: 'x' }] }, '$.spec..port')).toEqual([
      'SchemaViolated: $.spec.b[0].port must be a whole number',
    ]);
  });
});

describe('integers beyond 2^53', () => {
  const great = 9_007_199_254_740_993n;

  test('are whole numbers, and compare with limits', () => {
    expect(faults({ type: 'integer', minimum: 3 }, great)).toEqual([]);
    expect(faults({ maximum: Number.MAX_SAFE_INTEGER }, great)).toHaveLength(1);
    expect(faults({ minimum: 0 }, -great)).toHaveLength(1);
    expect(faults({ enum: [Number.MAX_SAFE_INTEGER] }, great)).toHaveLength(1);
    expect(faults({ properties: { a: { type: 'array', items: { type: 'integer' } } } }, { a: [great, 1n] })).toEqual(
      [],
    );
  });

  test.each<Schema>([
    { multipleOf: 2 },
    { items: { uniqueItems: true } },
    { const: 1e16 },
    { allOf: [{ maximum: 1e17 }] },
  ])('are an Error where rounding could decide: %j', (schema) => {
    expect(faults(schema, great)).toEqual([
      'NotComparable: $.spec cannot be judged: it holds an integer beyond 2^53, and the schema would have to compare it exactly',
    ]);
    expect(faults(schema, 4)[0] ?? '').not.toContain('NotComparable');
  });
});

describe('the whole object', () => {
  const object = { labels: { team: 'core' }, body: { spec: { replicas: 1 }, status: { replicas: 0 } } };

  test('is seen with the fields that the schema names', () => {
    const schema = {
      required: ['apiVersion', 'kind', 'metadata', 'spec'],
      properties: {
        kind: { const: 'ConfigMap' },
        metadata: { required: ['name', 'labels'], properties: { labels: { required: ['team'] } } },
        spec: { properties: { replicas: { minimum: 2 } } },
      },
      ...conditional({ required: ['status'] }, { properties: { status: { required: ['phase'] } } }),
    };
    expect(judged(schema, object, '$')).toEqual(["SchemaViolated: $.status must have 'phase'; 1 more problem"]);
    const result = compiled(schema, '$');
    expect(result.ok && [...result.fields].toSorted()).toEqual(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  });

  test('is not asked about fields that it does not name', () => {
    for (const schema of [
      { additionalProperties: false },
      { allOf: [{ propertyNames: { maxLength: 3 } }] },
      { $ref: '#/$defs/a', $defs: { a: { minProperties: 7 } } },
      { unevaluatedProperties: { type: 'object' } },
      { const: {} },
    ]) {
      expect(issues(schema, '$')).toEqual([
        expect.stringMatching(/^schema: must not ask about all fields of the object/),
      ]);
    }
    expect(issues({ properties: { spec: { additionalProperties: false } }, additionalProperties: true }, '$')).toBe(
      'accepted',
    );
  });

  test('has no other metadata than what is kept', () => {
    for (const [schema, path] of [
      [{ required: ['finalizers'] }, '$.metadata'],
      [{ properties: { metadata: { properties: { ownerReferences: { minItems: 1 } } } } }, '$'],
      [{ not: { anyOf: [{ properties: { metadata: { required: ['generateName'] } } }] } }, '$'],
    ] as const) {
      expect(issues(schema, path)).toEqual([
        expect.stringMatching(/^schema: must not ask for '\w+' of metadata, of which/),
      ]);
    }
  });

  test('metadata is judged as it will be, and is read without more', () => {
    const schema = {
      properties: { labels: { type: 'object', required: ['team'] }, annotations: { maxProperties: 1 } },
    };
    expect(judged(schema, object, '$.metadata')).toEqual([]);
    expect(judged(schema, { annotations: { a: '1', b: '2' } }, '$.metadata')).toEqual([
      "SchemaViolated: $.metadata.labels must have 'team'; 1 more problem",
    ]);
    const rule = { name: 'r', jsonSchema: { jsonPath: '$.metadata', schema } };
    const writer = programOf('w', { rules: [{ name: 'w', set: { labels: [{ key: 'team', value: 'x' }] } }] });
    const judge = programOf('judge', { rules: [rule] });
    expect(judge.reads.fields).toEqual([]);
    expect(reports({}, [judge])[0]).toHaveLength(1);
    expect(reports({}, [judge, writer])[0]).toEqual([]);
  });

  test('of a pod template has labels, annotations and a spec', () => {
    const pod = { properties: { metadata: { required: ['labels'] }, spec: { required: ['containers'] } } };
    expect(issues(pod, '$', 'PodTemplate')).toBe('accepted');
    expect(issues({ required: ['status'] }, '$', 'PodTemplate')).toEqual([
      expect.stringContaining("'status' of the object"),
    ]);
    expect(issues({ required: ['name'] }, '$.metadata', 'PodTemplate')).toEqual([
      expect.stringContaining("'name' of metadata"),
    ]);
    expect(issues({}, '$.status', 'PodTemplate')).toEqual([
      expect.stringContaining('jsonPath: must begin with $.spec'),
    ]);
  });
});

describe('a schema that cannot be used is refused with its field', () => {
  test.each<[string, Schema, readonly unknown[]]>([
    [
      'a misspelt keyword',
      { propertys: {} },
      ["schema.propertys: is not a keyword of JSON Schema that is supported; did you mean 'properties'?"],
    ],
    [
      'a misspelt keyword inside',
      { items: { anyOf: [{ requierd: [] }] } },
      [expect.stringContaining('schema.items.anyOf.0.requierd: ')],
    ],
    ['a type that is none', { type: 'int' }, [expect.stringContaining("schema.type: must be 'object', ")]],
    [
      'a limit that is no number',
      { properties: { a: { minimum: '3' } } },
      ['schema.properties.a.minimum: must be a number'],
    ],
    ['names that are none', { required: 'a' }, ['schema.required: must be a list of names, each once']],
    ['no schema', { items: 3 }, ['schema.items: must be a schema: an object, true or false']],
    ['a list of no schemas', { allOf: [] }, ['schema.allOf: must be a list of at least one schema']],
    ['an older tuple', { items: [{}] }, ['schema.items: must be a schema: an object, true or false']],
    ['an older keyword', { dependencies: {} }, [expect.stringContaining('use dependentRequired or dependentSchemas')]],
    [
      'a format that is not known',
      { format: 'datetime' },
      [expect.stringContaining("schema.format: must be one of 'date',")],
    ],
    [
      'a pattern that is none',
      { pattern: '(' },
      [expect.stringContaining('schema.pattern: must be an RE2 regular expression')],
    ],
    ['a pattern that backtracks', { pattern: '(a)\\1' }, [expect.stringContaining('schema.pattern: must be an RE2')]],
    [
      'a pattern of names',
      { patternProperties: { '(?=a)': {} } },
      [expect.stringContaining('schema.patternProperties.(?=a): must')],
    ],
    ['$data', { minimum: { $data: '1/a' } }, ['schema.minimum: must be a number']],
    ['$async', { $async: true }, [expect.stringContaining('schema.$async: is not a keyword')]],
    ['$id', { $id: 'https://acme.io/a' }, [expect.stringContaining('schema.$id: ')]],
    ['$dynamicRef', { $dynamicRef: '#a' }, [expect.stringContaining('schema.$dynamicRef: ')]],
    [
      'another dialect',
      { $schema: 'http://json-schema.org/draft-07/schema#' },
      [expect.stringContaining('schema.$schema: must be')],
    ],
    [
      'a remote reference',
      { $ref: 'https://acme.io/a' },
      [expect.stringContaining("schema.$ref: must be '#/$defs/NAME'")],
    ],
    [
      'a reference to nothing',
      { $ref: '#/$defs/b', $defs: { a: {} } },
      ["schema.$ref: must refer to a definition of this schema, found '#/$defs/b'"],
    ],
    [
      'a reference to what all objects have',
      { $ref: '#/$defs/toString', $defs: {} },
      [expect.stringContaining('must refer to a definition')],
    ],
    [
      'a circle',
      { $ref: '#/$defs/a', $defs: { a: { items: { $ref: '#/$defs/a' } } } },
      [expect.stringContaining("must not refer to '#/$defs/a', in which it stands")],
    ],
    ['itself', { items: { $ref: '#' } }, [expect.stringContaining("schema.items.$ref: must be '#/$defs/NAME'")]],
    ['nullable alone', { nullable: true }, ["schema.nullable: must stand beside 'type'"]],
    ['what ajv refuses', { minContains: 1, else: true }, [expect.stringContaining('schema: cannot be compiled: ')]],
  ])('%s', (_, schema, expected) => {
    expect(issues(schema)).toEqual(expected);
  });

  test('also from the policy, whole path and all', () => {
    expect(() =>
      programOf('p', {
        rules: [
          { name: 'a', require: { labels: [{ key: 'k' }] } },
          { name: 'r', jsonSchema: { jsonPath: '$.data', schema: { properties: { 'a.b': { typ: 'string' } } } } },
        ],
      }),
    ).toThrow('spec.rules[1].jsonSchema.schema.properties[a.b].typ');
  });
});

/** Schemas of which each refers twice to the one before. */
function chain(length: number): Schema {
  const $defs: Record<string, Schema> = { d0: { type: 'string' } };
  for (let i = 1; i < length; i++) {
    const before = { $ref: `#/$defs/d${i - 1}` };
    $defs[`d${i}`] = { allOf: [before, before] };
  }
  return { $ref: `#/$defs/d${length - 1}`, $defs };
}

function nested(depth: number): Schema {
  return depth === 0 ? { type: 'string' } : { properties: { a: nested(depth - 1) } };
}

describe('a schema is bounded', () => {
  test('in what references double', () => {
    expect(issues(chain(5))).toBe('accepted');
    const ms = threadMs(() => {
      expect(issues(chain(15))).toEqual([
        expect.stringContaining(`holds more than ${BOUNDS.schemaKeywordCost} schemas`),
      ]);
    });
    expect(ms).toBeLessThan(1_000);
  });

  test('in depth', () => {
    expect(issues(nested(BOUNDS.schemaDepth))).toBe('accepted');
    expect(issues(nested(BOUNDS.schemaDepth + 1))).toEqual([
      expect.stringContaining('is nested deeper than 32 levels'),
    ]);
  });

  test('in size, values and names included', () => {
    const names = Array.from({ length: BOUNDS.schemaSize }, (_, i) => `n${i}`);
    for (const schema of [
      { enum: names },
      { required: names },
      { properties: Object.fromEntries(names.map((name) => [name, {}])) },
    ]) {
      expect(issues(schema)).toEqual([expect.stringMatching(/^schema\.\w+(\.\w+)?: holds more than/)]);
    }
  });
});

const entries = (length: number) => Array.from({ length }, (_, i) => ({ name: `n${i}`, value: { i } }));

describe('what one object costs is bounded', () => {
  test('in depth', () => {
    let spec: unknown = 1;
    for (let i = 0; i < 300; i++) spec = [spec];
    expect(faults({}, spec)).toEqual([
      expect.stringContaining('SourceTooLarge: cannot be judged by a schema: it holds lists and objects nested deeper'),
    ]);
  });

  test('in size, by the size of the schema', () => {
    const spec = Array.from({ length: 100_000 }, () => 'x');
    expect(faults({ items: { type: 'string' } }, spec)).toEqual([]);
    const anyOf = Array.from({ length: 200 }, (_, i) => ({ const: `v${i}` }));
    expect(faults({ items: { anyOf } }, spec)).toEqual([expect.stringContaining('SourceTooLarge')]);
    expect(faults({ items: { anyOf } }, 'x'.repeat(10_000_000))).toEqual([expect.stringContaining('SourceTooLarge')]);
    // All nodes together.
    const nodes = Array.from({ length: 100 }, () => ({ each: spec.slice(0, 1_000) }));
    const each = { properties: { each: { items: { anyOf } } } };
    expect(faults({ properties: { each: { items: { enum: ['x'] } } } }, nodes, '$.spec[*]')).toEqual([]);
    expect(faults(each, nodes, '$.spec[*]')[0]).toContain('SourceTooLarge');
  });

  test('in errors that are kept: of a large value the first', () => {
    const spec = Array.from({ length: 50_000 }, () => 'x');
    expect(faults({ items: { type: 'number' } }, spec)).toEqual(['SchemaViolated: $.spec[0] must be a number']);
  });

  test('in entries that are compared with each other', () => {
    expect(faults({ uniqueItems: true }, entries(2_000))).toEqual([]);
    const ms = threadMs(() => {
      expect(faults({ uniqueItems: true }, entries(100_000))).toEqual([expect.stringContaining('SourceTooLarge')]);
      expect(() =>
        faults(
          { uniqueItems: true },
          Array.from({ length: 100_000 }, (_, i) => i),
        ),
      ).toThrow(TooMuchWork);
    });
    expect(ms).toBeLessThan(2_000);
  });

  test('in patterns and formats that would take a backtracking engine for ever', () => {
    const ms = threadMs(() => {
      const text = `${'a'.repeat(20_000)} !`;
      expect(faults({ pattern: '^(a+)+$' }, text)).toHaveLength(1);
      expect(faults({ patternProperties: { '^(a+)+$': false } }, { [text]: 1 })).toEqual([]);
      for (const format of ['email', 'uri', 'uri-template', 'hostname', 'ipv6', 'regex', 'date-time']) {
        expect(faults({ format }, text)).toHaveLength(1);
      }
    });
    expect(ms).toBeLessThan(2_000);
  });
});

describe('formats', () => {
  test.each<[string, unknown, unknown]>([
    ['date', '2026-02-28', '2026-02-30'],
    ['time', '12:00:00Z', '25:00:00Z'],
    ['date-time', '2026-01-01T00:00:00Z', '2026-01-01'],
    ['duration', 'P1DT2H', '1h'],
    ['duration', `P${'1'.repeat(4_000)}D`, `P${'1'.repeat(5_000)}D`],
    ['email', 'a.b@acme.io', 'a.b@'],
    ['hostname', 'a-b.acme.io', '-a.acme.io'],
    ['ipv4', '10.0.0.1', '10.0.0.256'],
    ['ipv6', 'fe80::1', 'fe80::1::2'],
    ['uri', 'https://acme.io/a?b#c', '/a'],
    ['uri-reference', '/a?b', 'a b'],
    ['uri-template', '/a/{b}', '/a/{b'],
    ['uuid', '7d3c9a2e-5f1b-4c8d-9e0a-1b2c3d4e5f60', '7d3c9a2e'],
    ['json-pointer', '/a/~0', 'a'],
    ['relative-json-pointer', '1/a', '/a'],
    ['regex', '^(?i)a$', 'a('],
    ['byte', 'aHVudGVyMg==', 'a'],
    ['int32', 2 ** 31 - 1, 2 ** 31],
    ['int64', 2 ** 40, 1.5],
  ])('%s: %s is one, %s is none', (format, right, wrong) => {
    expect(faults({ format }, right)).toEqual([]);
    expect(faults({ format }, wrong)).toEqual([`SchemaViolated: $.spec must be of the format '${format}'`]);
  });

  test('some are for who reads the schema', () => {
    for (const format of ['binary', 'password', 'float', 'double']) expect(faults({ format }, 'x')).toEqual([]);
  });
});

describe('schemas as people have them', () => {
  test('formats, definitions, keywords of CRDs', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Spec',
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      $defs: { 'a/b': { type: 'string', format: 'email' } },
      definitions: { port: { type: 'integer', format: 'int32', minimum: 1, maximum: 65_535 } },
      properties: {
        mail: { $ref: '#/$defs/a~1b', description: 'Whom to ask.' },
        port: { $ref: '#/definitions/port', default: 80 },
        since: { type: 'string', format: 'date-time', nullable: true },
        note: { type: 'string', nullable: true, enum: ['a', null] },
        match: { type: 'string', format: 'regex' },
        list: { type: 'array', items: { type: 'string' }, uniqueItems: true, 'x-kubernetes-list-type': 'set' },
      },
      required: ['port'],
    };
    const right = { mail: 'a@acme.io', port: 1, since: null, note: null, match: '(?i)a', list: ['a', 'b'], more: 1 };
    expect(faults(schema, right)).toEqual([]);
    for (const wrong of [
      { mail: 'acme' },
      { port: 0 },
      { since: 'today' },
      { note: 'b' },
      { match: '(?=a)' },
      { list: ['a', 'a'] },
    ]) {
      expect(faults(schema, { ...right, ...wrong })).toHaveLength(1);
    }
  });

  test('each pattern is its own', () => {
    const schema = {
      properties: { a: { pattern: '^a' }, b: { pattern: '^b' } },
      patternProperties: { '^c': { pattern: '^c' } },
    };
    expect(faults(schema, { a: 'a', b: 'b', c: 'c' })).toEqual([]);
    for (const wrong of [{ a: 'b' }, { b: 'a' }, { c: 'a' }]) expect(faults(schema, wrong)).toHaveLength(1);
  });

  test('a name that every object inherits is not there', () => {
    expect(faults({ required: ['constructor'] }, {})).toEqual(["SchemaViolated: $.spec must have 'constructor'"]);
    expect(faults({ properties: { toString: { type: 'string' } }, additionalProperties: false }, {})).toEqual([]);
  });

  test('text of a schema is never code', () => {
    const evil = '\'"`]);globalThis.broken=1;//\\\u2028${globalThis.broken=1}';
    const schema = {
      properties: { [evil]: { const: evil, enum: [evil], description: evil } },
      required: [evil],
      patternProperties: { '[\'"`]': {} },
      dependentRequired: { [evil]: [evil] },
      $defs: { [evil.replaceAll('/', '')]: {} },
    };
    expect(faults(schema, { [evil]: evil })).toEqual([]);
    expect(faults(schema, {})).toHaveLength(1);
    expect(Reflect.get(globalThis, 'broken')).toBeUndefined();
  });

  test('the same schema is compiled once in a policy', () => {
    const first = engine.compile({ type: 'object', required: ['a'] });
    expect(engine.compile({ required: ['a'], type: 'object' })).toBe(first);
    expect(engine.compile({ required: ['b'], type: 'object' })).not.toBe(first);
  });
});

test('whatever the schema is, it is compiled or refused with a reason', () => {
  const keyword = fc.constantFrom(
    'type',
    'required',
    'properties',
    'items',
    'allOf',
    'anyOf',
    'not',
    'if',
    'then',
    '$ref',
    '$defs',
    'enum',
    'const',
    'minimum',
    'pattern',
    'format',
    'uniqueItems',
    'contains',
    'minContains',
    'unevaluatedProperties',
    'nullable',
    'x',
  );
  const { schema } = fc.letrec<{ schema: unknown; value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>('string', 'a', 3, -1, true, null, '#/$defs/a', '('),
      fc.array(tie('value'), { maxLength: 3 }),
      tie('schema'),
    ),
    schema: fc.dictionary(fc.oneof(keyword, fc.constant('a')), tie('value'), { maxKeys: 4 }),
  }));
  fc.assert(
    fc.property(schema, fc.jsonValue(), (generated, spec) => {
      const given = generated as Schema;
      const result = compiled(given);
      // Either judged with one fault at most, or refused with an issue at least.
      const said = result.ok ? faults(given, spec).length : result.issues.length;
      expect(result.ok ? said <= 1 : said >= 1).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
