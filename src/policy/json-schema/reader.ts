import { BOUNDS } from '../../api/bounds.ts';
import type { ValuePath } from '../../api/json-shape.ts';
import { MAX_ISSUES } from '../../api/parse-policy.ts';
import { quoted } from '../../api/words.ts';
import { isSchemaMap, KEYWORDS, patternProblem, type SchemaMap, unknownKeyword } from './keywords.ts';

/** A schema without references and without what says nothing of values. */
export type PlainSchema = boolean | SchemaMap;

export interface ReadSchema {
  readonly schema: PlainSchema;
  /** Schemas, allowed values and required names in it: what one value can cost to judge, at most. */
  readonly size: number;
  /** It compares numbers in a way that rounding would spoil. */
  readonly needsExactNumbers: boolean;
}

export interface SchemaIssue {
  /** From the root of the schema. */
  readonly path: ValuePath;
  /** Reads on after the path. */
  readonly problem: string;
}

export type SchemaReading =
  | ({ readonly ok: true } & ReadSchema)
  /** At least one. */
  | { readonly ok: false; readonly issues: readonly SchemaIssue[] };

/**
 * Checks a schema before anything is compiled of it: every keyword is known and holds what it should, references lead to
 * its own definitions and never in a circle, and with these written out it is of bounded size and depth.
 */
export function readSchema(root: SchemaMap): SchemaReading {
  const issues: SchemaIssue[] = [];
  check(root, [], issues);
  if (issues.length > 0) return { ok: false, issues };
  const writer = new Expansion(root);
  const schema = writer.expand(root, { path: [], depth: 0, within: [] });
  return writer.issue === undefined
    ? { ok: true, schema, size: writer.size, needsExactNumbers: writer.needsExactNumbers }
    : { ok: false, issues: [writer.issue] };
}

// ---- Keywords ------------------------------------------------------------------------------------------------------

function check(schema: unknown, path: ValuePath, issues: SchemaIssue[]): void {
  if (typeof schema === 'boolean') return;
  if (!isSchemaMap(schema)) {
    issues.push({ path, problem: 'must be a schema: an object, true or false' });
    return;
  }
  for (const [name, value] of Object.entries(schema)) {
    // Nobody reads more, and the next one may cost a look for what was meant.
    if (issues.length >= MAX_ISSUES) return;
    const at = [...path, name];
    const keyword = KEYWORDS.get(name);
    const refuse = (problem: string | undefined) => {
      if (problem !== undefined) issues.push({ path: at, problem });
    };
    switch (keyword?.holds) {
      case undefined:
        refuse(unknownKeyword(name));
        break;
      case 'Value':
        refuse(keyword.problem(value));
        break;
      case 'Reference':
        refuse(typeof value === 'string' && definitionOf(value) !== undefined ? undefined : REFERENCE);
        break;
      case 'Schema':
        check(value, at, issues);
        break;
      case 'Schemas':
        if (!Array.isArray(value) || value.length === 0) refuse('must be a list of at least one schema');
        else for (const [i, each] of value.entries()) check(each, [...at, i], issues);
        break;
      case 'SchemaMap':
      case 'Definitions':
        if (!isSchemaMap(value)) refuse('must be a map of names to schemas');
        else for (const [key, each] of Object.entries(value)) check(each, [...at, key], issues);
        break;
    }
    if (name === 'patternProperties' && isSchemaMap(value)) {
      for (const pattern of Object.keys(value)) {
        const problem = patternProblem(pattern);
        if (problem !== undefined) issues.push({ path: [...at, pattern], problem });
      }
    }
    if (name === 'nullable' && value === true && !Object.hasOwn(schema, 'type')) refuse("must stand beside 'type'");
  }
}

const REFERENCE =
  "must be '#/$defs/NAME', a definition at the root of the same schema; other references, and remote ones, are not supported";

type Definition = readonly ['$defs' | 'definitions', string];

function definitionOf(reference: string): Definition | undefined {
  const parts = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference);
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  const name = parts[2].replaceAll('~1', '/').replaceAll('~0', '~');
  return [parts[1] === '$defs' ? '$defs' : 'definitions', name];
}

// ---- Writing it out ------------------------------------------------------------------------------------------------

interface Place {
  readonly path: ValuePath;
  readonly depth: number;
  /** References that are being followed. */
  readonly within: readonly string[];
}

/** Writes definitions out where they are referred to, so that what is compiled is a tree whose size is known. */
class Expansion {
  size = 0;
  #keywordCost = 0;
  needsExactNumbers = false;
  issue: SchemaIssue | undefined;
  readonly #root: SchemaMap;

  constructor(root: SchemaMap) {
    this.#root = root;
  }

  expand(schema: unknown, place: Place): PlainSchema {
    if (!isSchemaMap(schema)) return schema !== false;
    this.#count(1, place);
    if (place.depth > BOUNDS.schemaDepth) {
      this.#refuse(place.path, `is nested deeper than ${BOUNDS.schemaDepth} levels, with references written out`);
    }
    this.#spend(1, place);
    if (this.issue !== undefined) return true;
    const plain: Record<string, unknown> = {};
    const everyOf: PlainSchema[] = [];
    for (const [name, value] of Object.entries(schema)) {
      const keyword = KEYWORDS.get(name);
      const at = { path: [...place.path, name], depth: place.depth + 1, within: place.within };
      this.#spend(keywordCost(name, value), at);
      if (this.issue !== undefined) return true;
      switch (keyword?.holds) {
        case 'Schema':
          plain[name] = this.expand(value, at);
          break;
        case 'Schemas':
          if (name === 'allOf') everyOf.push(...this.#each(value, at));
          else plain[name] = this.#each(value, at);
          break;
        case 'SchemaMap':
          plain[name] = Object.fromEntries(
            Object.entries(isSchemaMap(value) ? value : {}).map(([key, each]) => [key, this.#below(each, key, at)]),
          );
          break;
        case 'Reference':
          everyOf.push(this.#follow(String(value), at));
          break;
        case 'Value':
          if (keyword.asserts) {
            plain[name] = value;
            this.needsExactNumbers ||= spoiledByRounding(name, value);
            if (typeof value === 'object' && value !== null) this.#count(Object.keys(value).length, at);
          }
          break;
        case 'Definitions':
        case undefined:
          break;
      }
    }
    if (everyOf.length > 0) plain['allOf'] = everyOf;
    return withNull(plain);
  }

  #each(schemas: unknown, at: Place): PlainSchema[] {
    return Array.isArray(schemas) ? schemas.map((each, i) => this.#below(each, i, at)) : [];
  }

  #below(schema: unknown, key: PropertyKey, at: Place): PlainSchema {
    return this.expand(schema, { ...at, path: [...at.path, key] });
  }

  #follow(reference: string, at: Place): PlainSchema {
    const [map, name] = definitionOf(reference) ?? ['$defs', ''];
    const definitions = this.#root[map];
    if (!isSchemaMap(definitions) || !Object.hasOwn(definitions, name)) {
      return this.#refuse(at.path, `must refer to a definition of this schema, found ${quoted(reference)}`);
    }
    if (at.within.includes(reference)) {
      return this.#refuse(
        at.path,
        `must not refer to ${quoted(reference)}, in which it stands: circles are not supported`,
      );
    }
    return this.expand(definitions[name], { ...at, within: [...at.within, reference] });
  }

  #count(size: number, { path }: Place): void {
    this.size += size;
    if (this.size > BOUNDS.schemaSize) {
      const what = `holds more than ${BOUNDS.schemaSize} schemas, allowed values and required names, with references written out`;
      this.#refuse(path.slice(0, 2), what);
    }
  }

  #spend(cost: number, { path }: Place): void {
    this.#keywordCost += cost;
    if (this.#keywordCost > BOUNDS.schemaKeywordCost) {
      const what = `holds more than ${BOUNDS.schemaKeywordCost} schemas and keywords, with references written out (a pattern counts 8 and one more for each 32 characters, unevaluatedProperties and oneOf 4, each name in dependentRequired 1)`;
      this.#refuse(path.slice(0, 2), `${what}: too much to compile; several rules may each judge a part`);
    }
  }

  #refuse(path: ValuePath, problem: string): PlainSchema {
    this.issue ??= { path, problem };
    return true;
  }
}

/** By measurement, what compiling a keyword costs beside the schemas in it. */
function keywordCost(name: string, value: unknown): number {
  switch (name) {
    case 'pattern':
      return patternCost(String(value));
    case 'patternProperties':
      return membersOf(value).reduce((sum, [pattern]) => sum + patternCost(pattern), 0);
    case 'dependentRequired':
      return membersOf(value).reduce((sum, [, names]) => sum + (Array.isArray(names) ? names.length + 1 : 0), 0);
    case 'unevaluatedProperties':
    case 'unevaluatedItems':
    case 'oneOf':
    case 'contains':
      return 4;
    default:
      return KEYWORDS.get(name)?.holds === 'Value' || name === 'allOf' ? 1 : 0;
  }
}

function membersOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isSchemaMap(value) ? Object.entries(value) : [];
}

function patternCost(pattern: string): number {
  return 8 + Math.floor(pattern.length / 32);
}

/** OpenAPI's way to allow null becomes JSON Schema's. */
function withNull({ nullable, ...schema }: SchemaMap): SchemaMap {
  if (nullable !== true) return schema;
  const types: readonly unknown[] = Array.isArray(schema['type']) ? schema['type'] : [schema['type']];
  return { ...schema, type: [...new Set([...types, 'null'])] };
}

/** Rounding keeps an integer beyond 2^53 beyond it, so that only limits there, and what looks at its digits, are spoiled. */
function spoiledByRounding(name: string, value: unknown): boolean {
  return name === 'multipleOf' || (name === 'uniqueItems' && value === true) || holdsGreatNumber(value);
}

function holdsGreatNumber(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsGreatNumber);
}
