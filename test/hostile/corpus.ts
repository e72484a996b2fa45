import type { CachedObject } from '../../src/api/object.ts';
import { cachedObject } from '../support/cached-object.ts';

/** Policies and objects that mean harm. Made here, since as files they would be megabytes. */

export interface HostilePolicy {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  /** What is wrong with it; absent for one that is let in, and whose evaluation must be bounded. */
  readonly refused?: RegExp;
}

const list = <T>(length: number, each: (i: number) => T): readonly T[] => Array.from({ length }, (_, i) => each(i));
const map = <T>(length: number, each: (i: number) => T) =>
  Object.fromEntries(list(length, (i) => [`p${i}`, each(i)] as const));

const resources = [{ group: '', resource: 'configmaps', version: 'v1' }];
const rules = (count: number, rule: (i: number) => Readonly<Record<string, unknown>>) => ({
  match: { resources },
  rules: list(count, (i) => ({ name: `r${i}`, ...rule(i) })),
});
const matching = (...values: readonly string[]) =>
  rules(1, () => ({ check: { jsonPath: '$.spec..*', quantifier: 'Any', operator: 'Matches', values } }));
const judging = (schema: unknown, jsonPath = '$.spec') => rules(1, () => ({ jsonSchema: { jsonPath, schema } }));
const nested = (depth: number, inner: unknown): unknown => (depth === 0 ? inner : { not: nested(depth - 1, inner) });

const stars = (text: string, length: number) => text.repeat(Math.floor(length / text.length));
const SMALLER = /smaller pattern/;
const TOO_MUCH = /too much to compile/;
const REFERENCE = /definition at the root of the same schema/;

export const POLICIES: readonly HostilePolicy[] = [
  // Patterns.
  { name: 'a pattern that backtracks', spec: matching('^(a+)+$', '(a|a)*$', '^(.*)*x$', '(a?){100}a{100}') },
  { name: 'repeats within repeats', spec: matching('((a{10}){10}){10}'.repeat(56)), refused: SMALLER },
  { name: 'empty repeats within repeats', spec: matching('(x?){100}'.repeat(100)), refused: SMALLER },
  { name: 'a repeat of all letters', spec: matching('(\\pL{10}){10}'.repeat(70)), refused: SMALLER },
  { name: 'all letters many times', spec: matching(...list(4, (i) => `\\pL`.repeat(330) + String(i))) },
  { name: 'stars within stars', spec: matching(`${'('.repeat(300)}a${')*'.repeat(300)}`) },
  { name: 'a large alternation', spec: matching(list(200, (i) => `a${i}`).join('|')) },
  { name: 'a large class', spec: matching(`[${list(500, (i) => String.fromCodePoint(0x4e00 + 2 * i)).join('')}]*`) },
  { name: 'a pattern that looks back', spec: matching('(a)\\1'), refused: /RE2 regular expression/ },
  {
    name: 'more patterns than a rule may have',
    spec: matching(...list(5, (i) => `${'a'.repeat(1_000)}${i}`)),
    refused: /4096 characters of patterns/,
  },
  {
    name: 'patterns in every rule',
    spec: rules(64, (i) => ({ require: { annotations: [{ key: 'x', pattern: `^(a*)*${i}$` }] } })),
  },
  // Globs.
  {
    name: 'globs over keys with many stars',
    spec: rules(64, (i) => ({ remove: { labels: list(16, (k) => `${stars('a*', 30)}**${i}-${k}`) } })),
  },
  { name: 'globs that all fit', spec: rules(64, () => ({ forbid: { labels: ['*', '**', '*/*'] } })) },
  {
    name: 'globs over names with many stars',
    spec: {
      ...rules(1, () => ({ require: { labels: [{ key: 'a' }] } })),
      match: { resources, names: list(64, (i) => `${stars('a*', 250)}${i}`) },
    },
  },
  {
    name: 'more globs over names than a policy may have',
    spec: {
      ...rules(1, () => ({ require: { labels: [{ key: 'a' }] } })),
      exclude: list(4, () => ({ names: list(64, (i) => `${stars('a*', 240)}${i}`) })),
    },
    refused: /32768 characters of globs/,
  },
  // JSONPath.
  {
    name: 'two descents',
    spec: rules(1, () => ({ check: { jsonPath: '$..*..*', operator: 'Exists' } })),
    refused: /jsonPath/,
  },
  {
    name: 'wildcards in every rule',
    spec: rules(64, (i) => ({
      check: { jsonPath: '$.spec..*[*][*]', quantifier: 'Any', operator: 'Equal', values: [`${i}`] },
    })),
  },
  {
    name: 'a path into the prototype',
    spec: rules(1, () => ({ check: { jsonPath: "$.spec['__proto__'].constructor.prototype", operator: 'Exists' } })),
  },
  { name: 'brackets', spec: rules(1, () => ({ check: { jsonPath: `$.a${'[0]'.repeat(160)}`, operator: 'Exists' } })) },
  {
    name: 'a huge index',
    spec: rules(1, () => ({ check: { jsonPath: '$.a[99999999999999]', operator: 'Exists' } })),
    refused: /jsonPath/,
  },
  {
    name: 'an escape',
    spec: rules(1, () => ({ check: { jsonPath: "$.a['\\u0000']", operator: 'Exists' } })),
    refused: /jsonPath/,
  },
  {
    name: 'a script',
    spec: rules(1, () => ({ check: { jsonPath: '$.a[(process.exit())]', operator: 'Exists' } })),
    refused: /filters or scripts/,
  },
  {
    name: 'sources in every key',
    spec: rules(64, (r) => ({
      set: { annotations: list(32, (k) => ({ key: `k${r}-${k}`, valueFrom: { jsonPath: '$.spec..*' } })) },
    })),
  },
  // Schemas.
  { name: 'a deep schema', spec: judging(nested(40, {})), refused: /nested deeper/ },
  { name: 'a wide schema', spec: judging({ properties: map(500, () => ({ type: 'string' })) }), refused: TOO_MUCH },
  { name: 'the widest schema let in', spec: judging({ properties: map(238, () => ({ type: 'string' })) }) },
  {
    name: 'the largest schema in every rule',
    spec: rules(64, (r) => ({
      jsonSchema: { jsonPath: '$.spec', schema: { properties: map(238, (i) => ({ maxLength: r + i })) } },
    })),
  },
  { name: 'alternatives', spec: judging({ items: { oneOf: list(230, (i) => ({ minimum: i })) } }) },
  { name: 'too many alternatives', spec: judging({ oneOf: list(900, (i) => ({ minimum: i })) }), refused: TOO_MUCH },
  { name: 'contains', spec: judging({ allOf: list(58, (i) => ({ contains: { const: i }, minContains: 2 })) }) },
  {
    name: 'a circle',
    spec: judging({ $ref: '#/$defs/a', $defs: { a: { items: { $ref: '#/$defs/a' } } } }),
    refused: /circles/,
  },
  {
    name: 'references that double',
    spec: judging({
      $ref: '#/$defs/d30',
      $defs: Object.fromEntries(
        list(31, (i) => [
          `d${i}`,
          i === 0 ? {} : { anyOf: [{ $ref: `#/$defs/d${i - 1}` }, { $ref: `#/$defs/d${i - 1}` }] },
        ]),
      ),
    }),
    refused: /written out/,
  },
  { name: 'a remote reference', spec: judging({ $ref: 'https://example.com/schema.json' }), refused: REFERENCE },
  { name: 'a dynamic reference', spec: judging({ $dynamicRef: '#a' }), refused: /\$dynamicRef/ },
  {
    name: 'a reference into the prototype',
    spec: judging({ $ref: '#/$defs/constructor', $defs: {} }),
    refused: /definition of this schema/,
  },
  { name: 'keywords that are none', spec: judging(map(60, () => ({}))), refused: /not a keyword/ },
  {
    name: 'many keywords that are none',
    spec: judging({ properties: map(9_000, (i) => ({ [`typ${i}`]: 1 })) }),
    refused: /not a keyword/,
  },
  { name: 'a huge enum', spec: judging({ enum: list(5_000, (i) => `v${i}`) }), refused: /holds more than/ },
  {
    name: 'formats',
    spec: judging({
      items: {
        anyOf: ['email', 'uri', 'uri-template', 'hostname', 'ipv6', 'regex', 'duration'].map((format) => ({ format })),
      },
    }),
  },
  { name: 'equal entries', spec: judging({ uniqueItems: true }) },
  {
    name: 'names that are code',
    spec: judging({
      properties: Object.fromEntries(
        [
          '"+process.exit()+"',
          '`${process.exit()}`',
          '\\',
          "']);process.exit()//",
          '*/process.exit()/*',
          '\u2028process.exit()',
          'constructor',
          'hasOwnProperty',
        ].map((name) => [name, { const: name, description: name }]),
      ),
      required: ['constructor', 'toString', '"];process.exit();["'],
      pattern: '"/;process.exit()//',
      patternProperties: { '"/;process.exit()//': { enum: ['"+process.exit()+"'] } },
    }),
  },
  // The spec as a whole.
  { name: 'no object', spec: { match: 7 }, refused: /./ },
  { name: 'a hundred thousand rules', spec: rules(100_000, () => ({})), refused: /at most 100000 members/ },
  {
    name: 'a thousand rules',
    spec: rules(1_000, () => ({ forbid: { labels: ['a'] } })),
    refused: /at most 64 entries/,
  },
  {
    name: 'thousands of unknown fields',
    spec: { ...rules(1, () => ({ forbid: { labels: ['a'] } })), ...map(20_000, () => 1) },
    refused: /is not a field/,
  },
  {
    name: 'deep',
    spec: JSON.parse(`{"match":${'['.repeat(10_000)}${']'.repeat(10_000)}}`) as Record<string, unknown>,
    refused: /64 levels deep/,
  },
  {
    name: 'a prototype',
    spec: JSON.parse('{"__proto__":{"mode":"Enforce"}}') as Record<string, unknown>,
    refused: /__proto__/,
  },
  {
    name: 'a selector of inherited names',
    spec: {
      ...rules(1, () => ({
        require: { labels: ['constructor', 'toString', 'hasOwnProperty'].map((key) => ({ key })) },
      })),
      match: { resources, objectSelector: { matchLabels: { constructor: 'x' } } },
    },
  },
];

const MANY = 10_000;
const deep = (depth: number): unknown => JSON.parse(`${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`);

const FIELDS: readonly (readonly [string, Partial<CachedObject>])[] = [
  ['10,000 labels', { labels: Object.fromEntries(list(MANY, (i) => [`${'a'.repeat(50)}-${i}`, `${i}`])) }],
  ['256 KiB of annotations', { annotations: { x: 'a'.repeat(128 * 1024), y: `${'a '.repeat(64 * 1024)}!` } }],
  ['10,000 levels', { body: { spec: deep(5_000) } }],
  ['100,000 entries', { body: { spec: list(100_000, (i) => i) } }],
  ['20,000 objects', { body: { spec: list(20_000, (i) => ({ a: i, b: [`${i}`] })) } }],
  ['1.5 MB of text', { body: { spec: ['a'.repeat(1_500_000)] } }],
  ['40,000 short texts', { body: { spec: list(40_000, (i) => `${'a'.repeat(30)}${i}`) } }],
  [
    'inherited names',
    {
      body: { spec: JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":{}},"hasOwnProperty":1}') as unknown },
      labels: JSON.parse('{"__proto__":"x","constructor":"y","toString":"z"}') as Record<string, string>,
    },
  ],
  ['huge numbers', { body: { spec: [2n ** 4_000n, 1e308, -0, 10n ** 300n] } }],
];

export const OBJECTS: readonly { readonly name: string; readonly object: CachedObject }[] = FIELDS.map(
  ([name, fields]) => ({
    name,
    object: cachedObject({ name: 'a'.repeat(253), ...fields }),
  }),
);
