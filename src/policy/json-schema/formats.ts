import type { Format as AnyFormat } from 'ajv';
import ajvFormats from 'ajv-formats';
import { BOUNDS } from '../../api/bounds.ts';
import { compilePattern } from '../pattern.ts';
import type { Meter } from './engine.ts';

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
/** Of work, for each character: what the library's patterns cost, and what it costs to compile one. */
const CHARACTER_COST = 8;
const COMPILE_COST = 1_000;

/** By name, how ajv checks a format. */
export function formats(meter: Meter): Record<string, Format> {
  return Object.fromEntries(FORMATS.map((name) => [name, formatOf(name, meter)]));
}

function formatOf(name: (typeof FORMATS)[number], meter: Meter): Format {
  const bounded = (fits: (text: string) => boolean) => (text: string) => {
    if (text.length > MAX_LENGTH) return false;
    meter.work.spend(CHARACTER_COST * (text.length + 1));
    return fits(text);
  };
  if (name === 'regex') {
    return (text: string) => {
      meter.work.spend(COMPILE_COST * Math.min(text.length, BOUNDS.pattern));
      return compilePattern(text).ok;
    };
  }
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
