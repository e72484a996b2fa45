import type { Format as AnyFormat } from 'ajv';
import ajvFormats from 'ajv-formats';
import { BOUNDS } from '../../api/bounds.ts';
import { compilePattern } from '../pattern.ts';

/** Formats that a schema may name: those of the draft, and those of OpenAPI that CRDs use. */
export const FORMATS = [
  'date',
  'time',
  'date-time',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uri-reference',
  'uri-template',
  'uuid',
  'json-pointer',
  'relative-json-pointer',
  'regex',
  'byte',
  'binary',
  'password',
  'int32',
  'int64',
  'float',
  'double',
] as const;

type Format = Exclude<AnyFormat, string>;

/** No text of these formats is longer, so that what the library's patterns cost is bounded too. */
const MAX_LENGTH = 4_096;

/** By name, how ajv checks a format. */
export function formats(): Record<string, Format> {
  return Object.fromEntries(FORMATS.map((name) => [name, formatOf(name)]));
}

function formatOf(name: (typeof FORMATS)[number]): Format {
  if (name === 'regex') return (text: string) => text.length <= BOUNDS.pattern && compilePattern(text).ok;
  const given = ajvFormats.default.get(name);
  if (typeof given === 'string') throw new TypeError(`format ${name} is text`);
  if (given instanceof RegExp) return bounded((text) => given.test(text));
  if (typeof given === 'boolean') return given;
  const validate: unknown = typeof given === 'function' ? given : given.validate;
  // Numbers are short, and Base64, which may be long, is checked in one go.
  const isAsGiven = (typeof given === 'object' && given.type === 'number') || name === 'byte';
  if (isAsGiven || typeof validate !== 'function') return given;
  return bounded((text) => Reflect.apply(validate, undefined, [text]) === true);
}

function bounded(fits: (text: string) => boolean): (text: string) => boolean {
  return (text) => text.length <= MAX_LENGTH && fits(text);
}
