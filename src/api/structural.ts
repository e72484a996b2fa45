/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What a structural schema of a CustomResourceDefinition may hold here, in the order in which it is written. */
const KEYWORDS = [
  'description',
  'type',
  'format',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
  'items',
  'additionalProperties',
  'properties',
] as const;

/**
 * Turns zod's JSON Schema into the structural schema that a CRD wants. Keywords that a structural schema cannot hold and
 * that mean nothing to it are dropped (`additionalProperties: false` is what pruning does; keys of maps have CEL rules);
 * anything else that it does not know, it refuses, rather than let the API server see less than was meant.
 */
export function structural(schema: JsonSchema, path = '$'): JsonSchema {
  const given = new Map(
    Object.entries(schema).filter(([keyword, value]) => keyword !== 'propertyNames' && value !== undefined),
  );
  if (given.get('additionalProperties') === false || given.get('x-kubernetes-preserve-unknown-fields') === true) {
    given.delete('additionalProperties');
  }
  if (typeof given.get('type') !== 'string') throw new TypeError(`${path}: a structural schema needs one type`);

  const out: Record<string, unknown> = {};
  for (const keyword of KEYWORDS) {
    const value = given.get(keyword);
    if (value === undefined) continue;
    if (keyword === 'properties') out[keyword] = structuralMembers(value, path);
    else if (keyword === 'items') out[keyword] = structural(schemaOf(value, path), `${path}[]`);
    else if (keyword === 'additionalProperties') out[keyword] = structural(schemaOf(value, path), `${path}{}`);
    else out[keyword] = value;
    given.delete(keyword);
  }
  if (given.size > 0) {
    throw new TypeError(`${path}: no place for ${[...given.keys()].join(', ')} in a structural schema`);
  }
  return out;
}

function structuralMembers(members: unknown, path: string): JsonSchema {
  const entries = Object.entries(schemaOf(members, path));
  return Object.fromEntries(
    entries.map(([name, member]) => [name, structural(schemaOf(member, path), `${path}.${name}`)]),
  );
}

function schemaOf(value: unknown, path: string): JsonSchema {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${path}: expected a schema`);
  }
  return { ...value };
}
