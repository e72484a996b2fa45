import { listed, nearest, quoted } from '../../api/words.ts';
import { compilePattern } from '../pattern.ts';
import { FORMATS } from './formats.ts';

/** What a keyword of a schema holds. */
export type Keyword =
  | { readonly holds: 'Schema' | 'Schemas' | 'SchemaMap' | 'Definitions' | 'Reference' }
  /** Something that is no schema. */
  | {
      readonly holds: 'Value';
      /** Whether it says something of values, and not only to who reads the schema. */
      readonly asserts: boolean;
      /** What is wrong with it; reads on after the path of the keyword. */
      readonly problem: (value: unknown) => string | undefined;
    };

export type SchemaMap = Readonly<Record<string, unknown>>;

export function isSchemaMap(value: unknown): value is SchemaMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Test = (value: unknown) => boolean;

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber: Test = (value) => typeof value === 'number';
const isFlag: Test = (value) => typeof value === 'boolean';
const isCount: Test = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isNames: Test = (value) => Array.isArray(value) && value.every(isText) && new Set(value).size === value.length;

function asserted(words: string, holds: Test): Keyword {
  return { holds: 'Value', asserts: true, problem: (value) => (holds(value) ? undefined : `must be ${words}`) };
}

/** For who reads the schema. */
function noted(words: string, holds: Test): Keyword {
  return { holds: 'Value', asserts: false, problem: (value) => (holds(value) ? undefined : `must be ${words}`) };
}

const SCHEMA = { holds: 'Schema' } as const;
const SCHEMAS = { holds: 'Schemas' } as const;
const SCHEMA_MAP = { holds: 'SchemaMap' } as const;
const DEFINITIONS = { holds: 'Definitions' } as const;
const COUNT = asserted('a whole number that is not negative', isCount);
const NUMBER = asserted('a number', isNumber);
const TEXT = noted('text', isText);
const FLAG = noted('true or false', isFlag);
const ANYTHING = noted('anything', () => true);

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'];
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ['$schema', noted(`'${DIALECT}'`, (value) => value === DIALECT || value === `${DIALECT}#`)],
  ['$ref', { holds: 'Reference' }],
  ['$defs', DEFINITIONS],
  ['definitions', DEFINITIONS],
  ['$comment', TEXT],
  ['title', TEXT],
  ['description', TEXT],
  ['default', ANYTHING],
  ['examples', noted('a list', Array.isArray)],
  ['deprecated', FLAG],
  ['readOnly', FLAG],
  ['writeOnly', FLAG],
  ['contentEncoding', TEXT],
  ['contentMediaType', TEXT],

  ['type', { holds: 'Value', asserts: true, problem: typeProblem }],
  ['enum', asserted('a list of at least one value', (value) => Array.isArray(value) && value.length > 0)],
  ['const', asserted('anything', () => true)],
  ['nullable', asserted('true or false', isFlag)],
  ['multipleOf', asserted('a number greater than 0', (value) => isNumber(value) && Number(value) > 0)],
  ['minimum', NUMBER],
  ['maximum', NUMBER],
  ['exclusiveMinimum', asserted('a number; true and false are of an older draft', isNumber)],
  ['exclusiveMaximum', asserted('a number; true and false are of an older draft', isNumber)],
  ['minLength', COUNT],
  ['maxLength', COUNT],
  ['pattern', { holds: 'Value', asserts: true, problem: patternProblem }],
  ['format', { holds: 'Value', asserts: true, problem: formatProblem }],
  ['minItems', COUNT],
  ['maxItems', COUNT],
  ['uniqueItems', asserted('true or false', isFlag)],
  ['minContains', COUNT],
  ['maxContains', COUNT],
  ['minProperties', COUNT],
  ['maxProperties', COUNT],
  ['required', asserted('a list of names, each once', isNames)],
  [
    'dependentRequired',
    asserted(
      'a map from names to lists of names',
      (value) => isSchemaMap(value) && Object.values(value).every(isNames),
    ),
  ],

  ['properties', SCHEMA_MAP],
  ['patternProperties', SCHEMA_MAP],
  ['dependentSchemas', SCHEMA_MAP],
  ['additionalProperties', SCHEMA],
  ['unevaluatedProperties', SCHEMA],
  ['propertyNames', SCHEMA],
  ['items', SCHEMA],
  ['prefixItems', SCHEMAS],
  ['unevaluatedItems', SCHEMA],
  ['contains', SCHEMA],
  ['allOf', SCHEMAS],
  ['anyOf', SCHEMAS],
  ['oneOf', SCHEMAS],
  ['not', SCHEMA],
  ['if', SCHEMA],
  ['then', SCHEMA],
  ['else', SCHEMA],

  // Of CRDs: how lists and maps are merged, and what is kept. They say nothing of values.
  ['x-kubernetes-list-type', ANYTHING],
  ['x-kubernetes-list-map-keys', ANYTHING],
  ['x-kubernetes-map-type', ANYTHING],
  ['x-kubernetes-preserve-unknown-fields', ANYTHING],
]);

/** Words that people write, and what stands for them. */
const INSTEAD: Readonly<Record<string, string>> = {
  dependencies: 'use dependentRequired or dependentSchemas',
  additionalItems: 'use items, and prefixItems for the first entries',
  $id: "a schema is referred to by '#/$defs/NAME' only",
  $anchor: "a schema is referred to by '#/$defs/NAME' only",
  $dynamicRef: "a schema is referred to by '#/$defs/NAME' only",
  $dynamicAnchor: "a schema is referred to by '#/$defs/NAME' only",
  'x-kubernetes-int-or-string': 'use type: [integer, string]',
  'x-kubernetes-validations': 'it is no part of JSON Schema',
  'x-kubernetes-embedded-resource': 'name the fields that must be there',
};

/** Why a name is no keyword. */
export function unknownKeyword(name: string): string {
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  if (instead !== undefined) return `is not a keyword that is supported: ${instead}`;
  const meant = nearest(name, [...KEYWORDS.keys()]);
  return `is not a keyword of JSON Schema that is supported${meant === undefined ? '' : `; did you mean ${quoted(meant)}?`}`;
}

function typeProblem(value: unknown): string | undefined {
  const types: readonly unknown[] = Array.isArray(value) ? value : [value];
  const known = types.every((type) => isText(type) && TYPES.includes(type));
  if (known && types.length > 0 && new Set(types).size === types.length) return undefined;
  const meant = types.map((type) => (isText(type) && !TYPES.includes(type) ? nearest(type, TYPES) : undefined));
  const hint = meant.find((word) => word !== undefined);
  return `must be ${listed(TYPES.map(quoted), 'or')}, or a list of some of them${hint === undefined ? '' : `; did you mean ${quoted(hint)}?`}`;
}

export function patternProblem(value: unknown): string | undefined {
  if (!isText(value)) return 'must be text';
  const compiled = compilePattern(value);
  return compiled.ok ? undefined : compiled.problem;
}

function formatProblem(value: unknown): string | undefined {
  const known: readonly string[] = FORMATS;
  if (isText(value) && known.includes(value)) return undefined;
  return `must be one of ${listed(known.map(quoted), 'or')}`;
}
