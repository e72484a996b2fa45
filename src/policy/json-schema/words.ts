import type { ErrorObject } from 'ajv';
import { counted, listed, quoted } from '../../api/words.ts';

/** How many of the allowed values one message names. */
const MAX_NAMED = 8;

/** What a value must be or have, to follow its path; never shows the value, only names of fields and what the schema says. */
export function wordsOf({ keyword, params }: ErrorObject): string {
  const param = (field: string): unknown => Reflect.get(params, field);
  const limit = Number(param('limit'));
  switch (keyword) {
    case 'type':
      return `must be ${listed(listOf(param('type')).map(typeWords), 'or')}`;
    case 'required':
      return `must have ${named(param('missingProperty'))}`;
    case 'dependentRequired':
      return `must have ${named(param('missingProperty'))} beside ${named(param('property'))}`;
    case 'additionalProperties':
      return `must not have ${named(param('additionalProperty'))}`;
    case 'unevaluatedProperties':
      return `must not have ${named(param('unevaluatedProperty'))}`;
    case 'propertyNames':
      return `must not have a field of the name ${named(param('propertyName'))}`;
    case 'false schema':
      return 'must not be there';
    case 'enum':
      return `must be ${listed(allowed(listOf(param('allowedValues'))), 'or')}`;
    case 'const':
      return `must be ${valueWords(param('allowedValue'))}`;
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    case 'exclusiveMinimum':
      return `must be greater than ${limit}`;
    case 'exclusiveMaximum':
      return `must be less than ${limit}`;
    case 'multipleOf':
      return `must be a multiple of ${Number(param('multipleOf'))}`;
    case 'minLength':
      return `must be at least ${counted(limit, 'character', 'characters')} long`;
    case 'maxLength':
      return `must be at most ${counted(limit, 'character', 'characters')} long`;
    case 'pattern':
      return `must match ${named(param('pattern'))}`;
    case 'format':
      return `must be of the format ${named(param('format'))}`;
    case 'minItems':
      return `must have at least ${counted(limit, 'entry', 'entries')}`;
    case 'maxItems':
    case 'items':
      return `must have at most ${counted(limit, 'entry', 'entries')}`;
    case 'unevaluatedItems':
      return `must have at most ${counted(Number(param('len')), 'entry', 'entries')}`;
    case 'uniqueItems':
      return 'must not have the same entry twice';
    case 'contains':
      return 'must have another number of entries that fit the schema of contains';
    case 'minProperties':
      return `must have at least ${counted(limit, 'field', 'fields')}`;
    case 'maxProperties':
      return `must have at most ${counted(limit, 'field', 'fields')}`;
    case 'anyOf':
      return 'must fit a schema of anyOf';
    case 'oneOf':
      return 'must fit exactly one schema of oneOf';
    case 'not':
      return 'must not fit the schema of not';
    default:
      return `must fit ${quoted(keyword)}`;
  }
}

/** Errors that say something by themselves: not those inside of alternatives, which the alternatives' own error sums up. */
export function telling(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const own = errors.filter(({ keyword, schemaPath }) => keyword !== 'if' && !INSIDE.test(schemaPath));
  return own.length > 0 ? own : errors.slice(0, 1);
}

const INSIDE = /\/(?:anyOf|oneOf)\/\d+\/|\/(?:contains|propertyNames|not)\/./;

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'null',
};

function typeWords(type: unknown): string {
  return TYPE_WORDS[String(type)] ?? String(type);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function allowed(values: readonly unknown[]): readonly string[] {
  const first = values.slice(0, MAX_NAMED).map(valueWords);
  return values.length > MAX_NAMED ? [...first, `one of ${values.length - MAX_NAMED} more`] : first;
}

/** A value of the schema. */
function valueWords(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : quoted(JSON.stringify(value)).slice(1, -1);
}

function named(value: unknown): string {
  return quoted(String(value));
}
