import type { LabelSelector, MatchExpression } from './match.ts';
import { type StringMap, valueIn } from './object.ts';

/**
 * What may stand under one label key: every set of values that requirements on the key, joined by "and" and "or", can
 * come to.
 */
export interface LabelValues {
  /** Whether the key may be absent. */
  readonly absent: boolean;
  /** Whether `values` are all that may stand there where the key is present, or all that may not. */
  readonly only: boolean;
  readonly values: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
const ANY: LabelValues = { absent: true, only: false, values: NONE };

/** By key, all of what a selector requires. */
export function requiredValues({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Map<string, LabelValues> {
  const required = new Map<string, LabelValues>();
  const add = (key: string, values: LabelValues) => required.set(key, bothOf(required.get(key) ?? ANY, values));
  for (const [key, value] of Object.entries(matchLabels))
    add(key, { absent: false, only: true, values: new Set([value]) });
  for (const expression of matchExpressions) add(expression.key, valuesOf(expression));
  return required;
}

/** Of Exists and DoesNotExist there are no values. */
function valuesOf({ operator, values }: MatchExpression): LabelValues {
  const only = operator === 'In' || operator === 'DoesNotExist';
  return { absent: operator === 'NotIn' || operator === 'DoesNotExist', only, values: new Set(values) };
}

/** It is the first itself where that holds the other too: of a thousand policies most say what others say. */
export function eitherOf(a: LabelValues, b: LabelValues): LabelValues {
  if (isWithin(b, a)) return a;
  const absent = a.absent || b.absent;
  if (a.only && b.only) return { absent, only: true, values: a.values.union(b.values) };
  if (a.only) return { absent, only: false, values: b.values.difference(a.values) };
  if (b.only) return { absent, only: false, values: a.values.difference(b.values) };
  return { absent, only: false, values: a.values.intersection(b.values) };
}

function isWithin(a: LabelValues, b: LabelValues): boolean {
  if (a.absent && !b.absent) return false;
  if (b.only) return a.only && a.values.isSubsetOf(b.values);
  return a.only ? a.values.isDisjointFrom(b.values) : b.values.isSubsetOf(a.values);
}

export function bothOf(a: LabelValues, b: LabelValues): LabelValues {
  return otherThan(eitherOf(otherThan(a), otherThan(b)));
}

/** All that the one does not hold. */
export function otherThan({ absent, only, values }: LabelValues): LabelValues {
  return { absent: !absent, only: !only, values };
}

/** Whether what stands under the key, or that nothing does, is among these. */
export function allows({ absent, only, values }: LabelValues, labels: StringMap, key: string): boolean {
  const value = valueIn(labels, key);
  return value === undefined ? absent : values.has(value) === only;
}

/**
 * The requirements of a label selector, in the API server's syntax, that hold for these values and no others. Undefined: no
 * selector says this, because everything may be there, nothing may, or the key may be absent or have one of some values.
 */
export function requirementOf(key: string, { absent, only, values }: LabelValues): string | undefined {
  const sorted = [...values].toSorted();
  if (absent) {
    if (only) return sorted.length === 0 ? `!${key}` : undefined;
    return sorted.length === 0 ? undefined : `${key} notin (${sorted.join(',')})`;
  }
  if (only) return sorted.length === 0 ? undefined : `${key} in (${sorted.join(',')})`;
  return sorted.length === 0 ? key : `${key},${key} notin (${sorted.join(',')})`;
}
