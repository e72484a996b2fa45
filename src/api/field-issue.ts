import type { z } from 'zod';
import type { ValuePath } from './json-shape.ts';
import { counted, listed, nearest, quoted } from './words.ts';

/** One thing that is wrong with a document. */
export interface FieldIssue {
  /** Such as `spec.rules[0].set.labels[1].value`; a key that is no plain name stands in brackets, `matchLabels[acme.io/x]`. */
  readonly path: string;
  /** What was found and what is allowed; reads on after the path. */
  readonly message: string;
}

/** What zod found, in our words. An issue about several members becomes one for each. */
export function fieldIssues(root: string, issue: z.core.$ZodIssue): FieldIssue[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pathText(root, [...issue.path, key]), message: issue.message }));
  }
  return [{ path: pathText(root, issue.path), message: messageFor(issue) }];
}

export function pathText(root: string, path: ValuePath): string {
  let written = root;
  for (const key of path) {
    const name = String(key);
    if (typeof key === 'number') written += `[${name}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) written += `.${name}`;
    else written += `[${quoted(name).slice(1, -1)}]`;
  }
  return written;
}

function messageFor(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return typeMessage(issue.expected, issue.input);
  if (issue.code === 'invalid_value') return choiceMessage(issue.values.map(String), issue.input);
  if (issue.code === 'too_big') return `must ${amount(issue.input, 'at most', issue.maximum)}`;
  if (issue.code === 'too_small') return `must ${amount(issue.input, 'at least', issue.minimum)}`;
  // The other kinds that occur carry a message of ours.
  return issue.message;
}

function choiceMessage(allowed: readonly string[], input: unknown): string {
  const must = `must be one of ${listed(allowed.map(quoted), 'or')}`;
  if (input === undefined) return `is required and ${must}`;
  const meant = typeof input === 'string' ? nearest(input, allowed) : undefined;
  return `${must}, found ${found(input)}${meant === undefined ? '' : `; did you mean ${quoted(meant)}?`}`;
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'a map of names to values',
};

function typeMessage(expected: string, input: unknown): string {
  const wanted = EXPECTED[expected] ?? expected;
  if (input === undefined) return `is required and must be ${wanted}`;
  if (input === null) return `must be ${wanted}, found null; leave the field out instead`;
  const quotable = expected === 'string' && (typeof input === 'boolean' || typeof input === 'number');
  const hint = quotable ? `; write it in quotes: "${String(input)}"` : '';
  return `must be ${wanted}, found ${found(input)}${hint}`;
}

function amount(input: unknown, bound: string, limit: number | bigint): string {
  if (!Array.isArray(input)) return `be ${bound} ${limit}, found ${found(input)}`;
  return `hold ${bound} ${counted(Number(limit), 'entry', 'entries')}, found ${input.length}`;
}

function found(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'string') return quoted(input);
  if (typeof input === 'number' || typeof input === 'boolean') return String(input);
  return input === null ? 'null' : 'an object';
}
