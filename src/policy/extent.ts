import { bothOf, type LabelValues, otherThan, requiredValues } from '../api/label-values.ts';
import type { Exclude, Match } from '../api/match.ts';
import type { KeyPatterns } from './key-patterns.ts';

/**
 * The part of what a policy matches that can be told by single labels and names alone, as the API server does. All that
 * the policy matches is within it; not all that is within it matches.
 */
export interface Extent {
  /** Undefined: any. */
  readonly names: ReadonlySet<string> | undefined;
  /** Undefined: any. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** What has no namespace is beyond it. */
  readonly isNamespaced: boolean;
  /** By key, what may stand on the object's Namespace; not for objects that are Namespaces. */
  readonly namespaceLabels: ReadonlyMap<string, LabelValues>;
  /** By key, what may stand there. */
  readonly labels: ReadonlyMap<string, LabelValues>;
}

/**
 * `writes`: keys that the policy's own rules write. Of these the policy does not see what we own, so that what it sees is not
 * what the API server compares.
 */
export function extentOf(match: Match, exclude: readonly Exclude[], writes: KeyPatterns): Extent {
  const labels = requiredValues(match.objectSelector ?? {});
  for (const entry of exclude) {
    const [required, ...more] = excludedValues(entry);
    // "Not both of them" is nothing that a selector can say.
    if (required === undefined || more.length > 0) continue;
    const [key, values] = required;
    const others = otherThan(values);
    const before = labels.get(key);
    labels.set(key, before === undefined ? others : bothOf(before, others));
  }
  for (const key of labels.keys()) if (writes.fits('labels', key)) labels.delete(key);
  return {
    names: exactOnly(match.names),
    namespaces: exactOnly(match.namespaces),
    isNamespaced: match.namespaces !== undefined || match.namespaceSelector !== undefined,
    namespaceLabels: requiredValues(match.namespaceSelector ?? {}),
    labels,
  };
}

/** Of an entry that speaks of nothing but labels of the object. */
function excludedValues(entry: Exclude): readonly (readonly [string, LabelValues])[] {
  return entry.objectSelector === undefined || Object.keys(entry).length > 1
    ? []
    : [...requiredValues(entry.objectSelector)];
}

function exactOnly(globs: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return globs === undefined || globs.some((glob) => glob.includes('*')) ? undefined : new Set(globs);
}
