import { eitherOf, type LabelValues, requirementOf } from '../api/label-values.ts';
import { dnsLabelProblem } from '../api/metadata-syntax.ts';
import type { Scope } from '../api/resource.ts';
import { EVERYTHING, type Selection, type Slice } from '../informer/selection.ts';
import { nameSelector } from '../kube/field-selector.ts';
import type { Extent } from '../policy/extent.ts';
import type { Program } from '../policy/program.ts';

/** What is to be selected of a kind, all that is asked for. */
export interface Selecting {
  /** Those that say anything about its objects. */
  readonly programs: readonly Program[];
  readonly scope: Scope;
  /** The only namespace that is watched; undefined: all. */
  readonly namespace: string | undefined;
  /** In how many namespaces it may be watched one by one, at most. */
  readonly mostSlices: number;
}

/** Values of one requirement, and characters of a selector, at most: it is part of an address, which proxies bound. */
const MOST_VALUES = 64;
const MOST_CHARACTERS = 1_500;

/**
 * The least that the API server can be asked for and that holds all objects which any of the programs can match: by
 * namespace, where all name theirs; then by name, where there is but one; and by the labels of which all of them
 * require something.
 */
export function selectionOf({ programs, scope, namespace, mostSlices }: Selecting): Selection {
  const extents = programs.map(({ extent }) => extent).filter((extent) => isHere(extent, scope, namespace));
  if (namespace !== undefined || scope === 'Cluster') return [sliceOf(extents)];
  const [first, ...more] = namespacesOf(extents, mostSlices);
  if (first === undefined) return [sliceOf(extents)];
  const inNamespace = (name: string): Slice => ({
    namespace: name,
    ...sliceOf(extents.filter(({ namespaces }) => namespaces?.has(name) === true)),
  });
  return [inNamespace(first), ...more.map(inNamespace)];
}

/** Whether anything that is watched can be within it. */
function isHere({ isNamespaced, namespaces }: Extent, scope: Scope, namespace: string | undefined): boolean {
  if (scope === 'Cluster') return !isNamespaced;
  return namespace === undefined || namespaces?.has(namespace) !== false;
}

/** In alphabetical order; empty where they are not known, or are too many. */
function namespacesOf(extents: readonly Extent[], most: number): readonly string[] {
  const all = new Set<string>();
  for (const { namespaces } of extents) {
    if (namespaces === undefined) return [];
    // No other namespace can be there.
    for (const name of namespaces) if (dnsLabelProblem(name) === undefined) all.add(name);
    if (all.size > most) return [];
  }
  return [...all].toSorted();
}

/** What holds all of these extents, whatever the namespace. Of none there is nothing to say. */
function sliceOf([first, ...more]: readonly Extent[]): Slice {
  if (first === undefined) return EVERYTHING[0];
  let names = first.names;
  const labels = new Map(first.labels);
  for (const extent of more) {
    names = names === undefined || extent.names === undefined ? undefined : new Set([...names, ...extent.names]);
    widen(labels, extent.labels);
    if (names === undefined && labels.size === 0) return EVERYTHING[0];
  }
  const [name, ...others] = names ?? [];
  const labelSelector = labelSelectorOf(labels);
  return {
    ...(labelSelector === '' ? {} : { labelSelector }),
    ...(name === undefined || others.length > 0 ? {} : { fieldSelector: nameSelector(name) }),
  };
}

/** Only of what all require something there is anything to select by. */
function widen(labels: Map<string, LabelValues>, others: ReadonlyMap<string, LabelValues>): void {
  for (const [key, values] of labels) {
    const other = others.get(key);
    const either = other === undefined ? undefined : eitherOf(values, other);
    if (either === undefined || either.values.size > MOST_VALUES) labels.delete(key);
    else if (either !== values) labels.set(key, either);
  }
}

/** '' where nothing can be said. The shortest requirements come first, as long as there is room. */
function labelSelectorOf(labels: ReadonlyMap<string, LabelValues>): string {
  const requirements: string[] = [];
  let left = MOST_CHARACTERS;
  const all = [...labels].flatMap(([key, values]) => requirementOf(key, values) ?? []);
  for (const requirement of all.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    left -= requirement.length + 1;
    if (left < 0) break;
    requirements.push(requirement);
  }
  return requirements.join(',');
}
