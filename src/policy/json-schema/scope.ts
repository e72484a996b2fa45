import { listed, quoted } from '../../api/words.ts';
import { isSchemaMap } from './keywords.ts';
import type { PlainSchema } from './reader.ts';

/** Keywords that ask which fields there are, whatever their names. */
const ASKS_FOR_ALL: ReadonlySet<string> = new Set([
  'additionalProperties',
  'unevaluatedProperties',
  'patternProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'const',
  'enum',
]);

/** The fields of an object about which a schema asks. */
export class FieldsAsked {
  readonly names = new Set<string>();
  /** By field, what is asked of its value. */
  readonly schemas = new Map<string, PlainSchema[]>();
  /** Keywords that ask about all fields. */
  readonly all = new Set<string>();

  constructor(schema: PlainSchema) {
    this.#collect(schema);
  }

  #collect(schema: unknown): void {
    if (!isSchemaMap(schema)) return;
    for (const [name, value] of Object.entries(schema)) {
      if (ASKS_FOR_ALL.has(name) && value !== true) this.all.add(name);
      const list: readonly unknown[] = Array.isArray(value) ? value : [];
      const map = isSchemaMap(value) ? Object.entries(value) : [];
      switch (name) {
        case 'required':
          for (const field of list) this.names.add(String(field));
          break;
        case 'dependentRequired':
          for (const [field, others] of map) {
            this.names.add(field);
            for (const other of Array.isArray(others) ? others : []) this.names.add(String(other));
          }
          break;
        case 'properties':
          for (const [field, below] of map) this.#ask(field, below);
          break;
        case 'dependentSchemas':
          for (const [field, same] of map) {
            this.names.add(field);
            this.#collect(same);
          }
          break;
        case 'allOf':
        case 'anyOf':
        case 'oneOf':
          for (const same of list) this.#collect(same);
          break;
        case 'not':
        case 'if':
        case 'then':
        case 'else':
          this.#collect(value);
          break;
        default:
          break;
      }
    }
  }

  #ask(field: string, schema: unknown): void {
    this.names.add(field);
    const known = this.schemas.get(field) ?? [];
    known.push(isSchemaMap(schema) ? schema : schema !== false);
    this.schemas.set(field, known);
  }
}

/** Why fields of something of which only some are known cannot be asked for; reads on after the path of the schema. */
export function fieldsProblem(asked: FieldsAsked, what: string, known?: readonly string[]): string | undefined {
  if (asked.all.size > 0) {
    const keywords = listed([...asked.all].map(quoted), 'and');
    return `must not ask about all fields of ${what}, as ${keywords} does: only those that are named are read`;
  }
  const unknown = known === undefined ? [] : [...asked.names].filter((name) => !known.includes(name));
  if (known === undefined || unknown.length === 0) return undefined;
  return `must not ask for ${listed(unknown.map(quoted), 'and')} of ${what}, of which are read ${listed(known.map(quoted), 'and')}`;
}
