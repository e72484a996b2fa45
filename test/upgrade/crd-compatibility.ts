import { isDeepStrictEqual } from 'node:util';
import { at } from '../cluster/kube-object.ts';

/** What keeps a value from being larger, longer or more: less of it is narrower. And what asks for some: more of it is. */
const UPPER = ['maxLength', 'maxItems', 'maxProperties', 'maximum'] as const;
const LOWER = ['minLength', 'minItems', 'minProperties', 'minimum'] as const;
/** What must not change at all: another value refuses what was taken, or gives it another meaning. */
const SAME = [
  'type',
  'format',
  'pattern',
  'default',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
] as const;

/** By what a CRD would break objects that were stored, and clients that were written, under an older one; each in words. */
export function breaks(older: unknown, newer: unknown): readonly string[] {
  const found = [];
  for (const path of [['group'], ['scope'], ['names', 'kind'], ['names', 'plural']]) {
    const [before, after] = [at(older, 'spec', ...path), at(newer, 'spec', ...path)];
    if (before !== after) found.push(`${path.join('.')} was ${text(before)} and is ${text(after)}`);
  }
  const shortNames = listOf(at(newer, 'spec', 'names', 'shortNames'));
  for (const name of listOf(at(older, 'spec', 'names', 'shortNames')))
    if (!shortNames.includes(name)) found.push(`short name ${text(name)} is gone`);
  for (const version of versionsOf(older)) {
    const name = at(version, 'name');
    const next = versionsOf(newer).find((each) => at(each, 'name') === name);
    if (at(version, 'served') === true && at(next, 'served') !== true)
      found.push(`version ${text(name)} is not served`);
    else found.push(...schemaBreaks(schemaOf(version), schemaOf(next), String(name)));
  }
  return found;
}

function schemaBreaks(older: unknown, newer: unknown, path: string): string[] {
  const found: string[] = [];
  const pair = (keyword: string) => [at(older, keyword), at(newer, keyword)] as const;
  for (const keyword of SAME) {
    const [before, after] = pair(keyword);
    // A pattern that is gone, or what has become unbounded in another way, takes no less.
    if (keyword === 'pattern' && after === undefined) continue;
    if (!isDeepStrictEqual(before, after)) found.push(`${path}: ${keyword} was ${text(before)} and is ${text(after)}`);
  }
  for (const keyword of [...UPPER, ...LOWER]) {
    const [before, after] = pair(keyword);
    const isUpper = UPPER.some((each) => each === keyword);
    const unbounded = isUpper ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    const [from, to] = [Number(before ?? unbounded), Number(after ?? unbounded)];
    if (isUpper ? to < from : to > from) found.push(`${path}: ${keyword} was ${text(before)} and is ${text(after)}`);
  }
  const [allowed, stillAllowed] = pair('enum');
  const gone = listOf(allowed).filter((value) => !listOf(stillAllowed).includes(value));
  if (stillAllowed !== undefined && (allowed === undefined || gone.length > 0))
    found.push(`${path}: enum was ${text(allowed)} and is ${text(stillAllowed)}`);
  const required = listOf(at(newer, 'required')).filter((name) => !listOf(at(older, 'required')).includes(name));
  for (const name of required) found.push(`${path}: ${String(name)} is required now`);
  const rules = rulesOf(older);
  for (const rule of rulesOf(newer)) if (!rules.includes(rule)) found.push(`${path}: a new rule, ${text(rule)}`);
  for (const [name, member] of Object.entries(at(older, 'properties') ?? {})) {
    const next = at(newer, 'properties', name);
    if (next === undefined) found.push(`${path}.${name}: is gone`);
    else found.push(...schemaBreaks(member, next, `${path}.${name}`));
  }
  for (const [keyword, suffix] of [
    ['items', '[]'],
    ['additionalProperties', '{}'],
  ] as const) {
    const [before, after] = pair(keyword);
    if (before !== undefined) found.push(...schemaBreaks(before, after, `${path}${suffix}`));
  }
  return found;
}

function versionsOf(crd: unknown): readonly unknown[] {
  return listOf(at(crd, 'spec', 'versions'));
}

function schemaOf(version: unknown): unknown {
  return at(version, 'schema', 'openAPIV3Schema');
}

function rulesOf(schema: unknown): readonly unknown[] {
  return listOf(at(schema, 'x-kubernetes-validations')).map((rule) => at(rule, 'rule'));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
