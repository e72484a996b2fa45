/**
 * Labels, annotations. Read with `valueIn`, never with `map[key]`: `constructor` is a legal label key, and plain
 * objects inherit one.
 */
export type StringMap = Readonly<Record<string, string>>;

export function valueIn(map: StringMap, key: string): string | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Keys of labels and annotations that one field manager owns on one object, each list sorted. */
export interface KeySet {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
}

export const NO_KEYS: KeySet = Object.freeze({ labels: Object.freeze([]), annotations: Object.freeze([]) });

export const NO_OWNERS: readonly string[] = Object.freeze([]);

/** Field manager of keys that are removed when nothing wants them any more. Frozen: it stands in users' managedFields. */
export const MANAGER = 'watchkeeper';
/** Field manager of keys that stay when nothing wants them any more. Frozen likewise. */
export const RETAINED_MANAGER = 'watchkeeper-retained';

/**
 * Annotation by which an object remembers our keys where managedFields cannot: one that does not fit its schema. Frozen likewise;
 * nothing outside of its decoding sees it.
 */
export const OWN_KEYS = 'watchkeeper.dev/own-keys';

/** Keys of ours with the values that we wrote, by what becomes of them when nothing wants them any more. */
export interface OwnValues {
  readonly applied: { readonly labels: StringMap; readonly annotations: StringMap };
  readonly retained: { readonly labels: StringMap; readonly annotations: StringMap };
}

/** What is kept of a watched object. Immutable; shared by everything that reads the cache. */
export interface CachedObject {
  /** '' for a cluster-scoped object. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** creationTimestamp in seconds since the Unix epoch. */
  readonly created: number;
  /** True once deletionTimestamp is set. */
  readonly deleting: boolean;
  /** True when an ownerReference has `controller: true`. */
  readonly controlled: boolean;
  /** The uids in its ownerReferences. */
  readonly owners: readonly string[];
  readonly labels: StringMap;
  readonly annotations: StringMap;
  /** Keys applied by MANAGER (operation Apply, no subresource), from managedFields; with a record, those that are on it too. */
  readonly applied: KeySet;
  /** Keys applied by RETAINED_MANAGER, likewise. */
  readonly retained: KeySet;
  /** Only where OWN_KEYS stands: what it says, and what managedFields alone do. */
  readonly record?: {
    readonly values: OwnValues;
    readonly byApply: { readonly applied: KeySet; readonly retained: KeySet };
  };
  /** The top-level fields that the representation asks for (`spec`, `status`, `data`, ...), else undefined. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** `namespace/name`, or `name` for a cluster-scoped object: the identity within one group/resource. */
export type ObjectKey = string;

export function objectKey({ namespace, name }: { readonly namespace: string; readonly name: string }): ObjectKey {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** How much of each object is asked for and kept. */
export type Representation =
  | { readonly kind: 'Metadata' }
  /** Metadata and these top-level fields, sorted. */
  | { readonly kind: 'Projected'; readonly fields: readonly string[] };
