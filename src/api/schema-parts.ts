import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import {
  ANNOTATION_KEY_PATTERN,
  annotationKeyProblem,
  DNS_LABEL_MAX,
  DNS_LABEL_PATTERN,
  dnsLabelProblem,
  KEY_MAX,
  LABEL_KEY_PATTERN,
  LABEL_VALUE_MAX,
  LABEL_VALUE_PATTERN,
  labelKeyProblem,
  labelValueProblem,
} from './metadata-syntax.ts';
import { characters, counted, listed, nearest, quoted } from './words.ts';

/** Bricks for the schemas: each is bounded, and carries what the CRD needs beside what zod knows. */

export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

interface TextBounds {
  /** Characters; default 1. */
  readonly min?: number;
  readonly max: number;
  /** For the API server. Without `problem` also for this process, so it must be simple enough for a backtracking engine. */
  readonly pattern?: string;
  /** What the pattern asks for, to follow "must ". */
  readonly words?: string;
  /** The same question as the pattern, answered in words. */
  readonly problem?: (text: string) => string | undefined;
}

export function text({ min = 1, max, pattern, words, problem }: TextBounds) {
  const expression = problem === undefined && pattern !== undefined ? new RegExp(pattern, 'u') : undefined;
  return z
    .string()
    .superRefine((value, context) => {
      const length = value.length > max ? characters(value) : value.length;
      let message: string | undefined;
      if (length > max) message = `must be at most ${counted(max, 'character', 'characters')} long, found ${length}`;
      else if (length < min) message = 'must not be empty';
      else if (problem !== undefined) message = problem(value);
      else if (expression?.test(value) === false)
        message = `must ${words ?? `match ${pattern}`}, found ${quoted(value)}`;
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .meta({ ...(min > 0 ? { minLength: min } : {}), maxLength: max, ...(pattern === undefined ? {} : { pattern }) });
}

/** An object with these fields and no others. */
export function fields<S extends z.core.$ZodLooseShape>(shape: S) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? unknownField(issue.keys, known) : undefined),
  });
}

function unknownField(found: readonly string[], known: readonly string[]): string {
  const meant = found.length === 1 ? nearest(found[0] ?? '', known) : undefined;
  const hint = meant === undefined ? '' : `; did you mean ${quoted(meant)}?`;
  return `is not a field of this object, whose fields are ${listed(known, 'and')}${hint}`;
}

interface ListBounds {
  readonly min?: number;
  readonly max: number;
}

/** Replaced as a whole by server-side apply. */
export function atomicList<S extends z.ZodType>(item: S, { min = 0, max }: ListBounds) {
  return z.array(item).min(min).max(max).meta({ 'x-kubernetes-list-type': 'atomic' });
}

/** Texts of which none comes twice. */
export function textSet<S extends z.ZodType<string>>(item: S, { min = 0, max }: ListBounds) {
  return withoutTwins(
    z.array(item).min(min).max(max),
    (entry) => entry,
    (entry) => quoted(entry),
  ).meta({
    'x-kubernetes-list-type': 'set',
  });
}

/** Objects told apart by the text in `keys`, of which no combination comes twice. */
export function keyedList<S extends z.ZodObject>(
  item: S,
  keys: readonly (keyof z.output<S> & string)[],
  { min = 0, max }: ListBounds,
) {
  const values = (entry: z.output<S>) => keys.map((key) => String(entry[key]));
  return withoutTwins(
    z.array(item).min(min).max(max),
    (entry) => JSON.stringify(values(entry)),
    (entry) => keys.map((key, index) => `${key} ${quoted(values(entry)[index] ?? '')}`).join(' and '),
  ).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [...keys] });
}

/** The API server refuses twins by the list type alone. */
function withoutTwins<S extends z.ZodType>(
  list: z.ZodArray<S>,
  identity: (item: z.output<S>) => string,
  shown: (item: z.output<S>) => string,
): z.ZodArray<S> {
  return list.superRefine((items, context) => {
    const seen = new Map<string, number>();
    for (const [index, item] of items.entries()) {
      const first = seen.get(identity(item));
      if (first === undefined) seen.set(identity(item), index);
      else {
        const message = `must not repeat an entry: ${shown(item)} is also at index ${first}`;
        context.addIssue({ code: 'custom', path: [index], message });
      }
    }
  });
}

export function integer(min: number, max: number) {
  return z.int().min(min).max(max).meta({ format: 'int32' });
}

export const labelKey = text({ max: KEY_MAX, pattern: LABEL_KEY_PATTERN, problem: labelKeyProblem });
export const annotationKey = text({ max: KEY_MAX, pattern: ANNOTATION_KEY_PATTERN, problem: annotationKeyProblem });
export const labelValue = text({
  min: 0,
  max: LABEL_VALUE_MAX,
  pattern: LABEL_VALUE_PATTERN,
  problem: labelValueProblem,
});
export const annotationValue = text({ min: 0, max: BOUNDS.annotationValue });
/** Of rules and conditions: reaches status, Events and reports. */
export const partName = text({ max: DNS_LABEL_MAX, pattern: DNS_LABEL_PATTERN, problem: dnsLabelProblem });
/** Of variables and lookups: an identifier in CEL. */
export const identifier = text({
  max: 63,
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
  words: "begin with a letter or '_' and hold only letters, digits and '_'",
});
export const celExpression = text({ max: BOUNDS.expression });
export const jsonPath = text({ max: BOUNDS.jsonPath, pattern: '^\\$', words: "begin with '$', the root" });
export const message = text({ max: BOUNDS.message });
/** Over keys of labels or annotations. */
export const keyGlob = text({
  max: KEY_MAX,
  pattern: '^[A-Za-z0-9_.*-]+(/[A-Za-z0-9_.*-]+)?$',
  words: "hold only letters, digits, '-', '_', '.', '*' and at most one '/' between others",
});
