import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { messageOf } from '../../base/errors.ts';
import { compilePattern } from '../pattern.ts';
import { Work } from '../work.ts';
import { formats } from './formats.ts';
import type { SchemaMap } from './keywords.ts';
import { type ReadSchema, readSchema, type SchemaIssue } from './reader.ts';
import { canonical } from './size.ts';

export interface CompiledSchema extends ReadSchema {
  /**
   * What is wrong with a value. `First`: one thing at most, for values that are so large that all would be too much. Throws
   * TooMuchWork where patterns and formats cost more than is left.
   */
  readonly errors: (value: unknown, amount: 'All' | 'First', work: Work) => readonly ErrorObject[];
}

export type SchemaResult =
  | { readonly ok: true; readonly compiled: CompiledSchema }
  | { readonly ok: false; readonly issues: readonly SchemaIssue[] };

/**
 * Compiles the schemas of one policy, each once, however many rules have it. ajv makes code of a schema; what it is given
 * was read before: known keywords that hold what they should, nothing to be loaded, of bounded size.
 */
export class SchemaEngine {
  readonly #known = new Map<string, SchemaResult>();
  readonly #meter: Meter = { work: new Work() };
  readonly #ajv = { All: lazy(() => newAjv(true, this.#meter)), First: lazy(() => newAjv(false, this.#meter)) };

  compile(schema: SchemaMap): SchemaResult {
    const identity = canonical(schema);
    let result = this.#known.get(identity);
    if (result === undefined) {
      result = this.#compile(schema);
      this.#known.set(identity, result);
    }
    return result;
  }

  #compile(schema: SchemaMap): SchemaResult {
    const read = readSchema(schema);
    if (!read.ok) return read;
    try {
      const all = this.#ajv.All().compile(read.schema);
      const first = lazy(() => this.#ajv.First().compile(read.schema));
      const errors: CompiledSchema['errors'] = (value, amount, work) => {
        this.#meter.work = work;
        return errorsOf(amount === 'All' ? all : first(), value);
      };
      return { ok: true, compiled: { ...read, errors } };
    } catch (error) {
      return { ok: false, issues: [{ path: [], problem: `cannot be compiled: ${messageOf(error)}` }] };
    }
  }
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function errorsOf(validate: ValidateFunction, value: unknown): readonly ErrorObject[] {
  return validate(value) ? [] : (validate.errors ?? []);
}

/** ajv calls patterns and formats with a text and nothing else. */
export interface Meter {
  /** Of the judgement under way. */
  work: Work;
}

function newAjv(allErrors: boolean, meter: Meter): Ajv2020 {
  const options: Options = {
    allErrors,
    // What strict mode finds beyond unknown keywords is a matter of taste, and real schemas differ.
    strictSchema: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allowMatchingProperties: true,
    // Schemas are read before they come here.
    meta: false,
    validateSchema: false,
    addUsedSchema: false,
    // A key such as 'constructor' is there only where the object has it.
    ownProperties: true,
    messages: false,
    logger: false,
    formats: formats(meter),
    // Lists are gone through: code for each entry of them would cost more to compile than it saves.
    loopRequired: 8,
    loopEnum: 8,
    code: {
      // Costs as much again as compiling does.
      optimize: false,
      regExp: Object.assign((pattern: string) => linearPattern(pattern, meter), { code: 'linearPattern' }),
    },
  };
  const ajv = new Ajv2020(options);
  // ajv compares each entry with each other one.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    validate: (wanted: boolean, entries: readonly unknown[]) => !wanted || areDifferent(entries, meter.work),
  });
  return ajv;
}

/** ajv tells patterns apart by their text. */
function linearPattern(pattern: string, meter: Meter): { test: (text: string) => boolean; toString: () => string } {
  const compiled = compilePattern(pattern);
  if (!compiled.ok) throw new TypeError(compiled.problem);
  return { test: (text) => compiled.fits(text, meter.work), toString: () => pattern };
}

/** Of work, what it costs to write an entry out and look it up, and for each of its characters. */
const ENTRY_COST = 100;
const CHARACTER_COST = 5;

function areDifferent(entries: readonly unknown[], work: Work): boolean {
  const known = new Set<string>();
  for (const entry of entries) {
    const text = canonical(entry);
    work.spend(ENTRY_COST + CHARACTER_COST * text.length);
    if (known.has(text)) return false;
    known.add(text);
  }
  return true;
}
