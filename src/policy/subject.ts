import type { CachedObject, StringMap } from '../api/object.ts';
import type { KeyPatterns } from './key-patterns.ts';
import type { Channel, KindContext, NamespaceLookup, Subject } from './program.ts';
import { Work } from './work.ts';

/** True when one of our two managers owns the key on this object. */
export function owns(object: CachedObject, channel: Channel, key: string): boolean {
  return isAmong(object.applied[channel], key) || isAmong(object.retained[channel], key);
}

/** Up to so many it is faster to look through them. */
const FEW = 8;
const SETS = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Of a list that never changes. Thousands of objects with the same keys of ours share one. */
function isAmong(keys: readonly string[], key: string): boolean {
  if (keys.length <= FEW) return keys.includes(key);
  let set = SETS.get(keys);
  if (set === undefined) {
    set = new Set(keys);
    SETS.set(keys, set);
  }
  return set.has(key);
}

/** The object as a policy that writes `writes` sees it. */
export function subjectOf(
  object: CachedObject,
  kind: KindContext,
  writes: KeyPatterns,
  namespaceOf: NamespaceLookup,
  work = new Work(),
): Subject {
  return new LazySubject(object, kind, writes, namespaceOf, work);
}

/** Most policies look at little of an object, so what has to be made is made when it is first looked at. */
class LazySubject implements Subject {
  readonly object: CachedObject;
  readonly kind: KindContext;
  readonly work: Work;
  readonly #writes: KeyPatterns;
  readonly #namespaceOf: NamespaceLookup;
  #labels: StringMap | undefined;
  #annotations: StringMap | undefined;
  #namespace: Subject['namespace'] | undefined;

  constructor(object: CachedObject, kind: KindContext, writes: KeyPatterns, namespaceOf: NamespaceLookup, work: Work) {
    this.object = object;
    this.work = work;
    this.kind = kind;
    this.#writes = writes;
    this.#namespaceOf = namespaceOf;
  }

  get labels(): StringMap {
    this.#labels ??= withoutOwned(this.object, 'labels', this.#writes, this.work);
    return this.#labels;
  }

  get annotations(): StringMap {
    this.#annotations ??= withoutOwned(this.object, 'annotations', this.#writes, this.work);
    return this.#annotations;
  }

  get namespace(): Subject['namespace'] {
    this.#namespace ??= this.#findNamespace();
    return this.#namespace;
  }

  /** A Namespace is its own namespace for namespace terms. */
  #findNamespace(): Subject['namespace'] {
    const { object, kind } = this;
    if (isNamespace(kind)) return { name: object.name, labels: this.labels, annotations: this.annotations };
    if (kind.scope === 'Cluster') return 'NotNamespaced';
    return this.#namespaceOf(object.namespace) ?? 'Unknown';
  }
}

export function isNamespace({ group, resource }: KindContext): boolean {
  return group === '' && resource === 'namespaces';
}

/** Of work, to copy one entry of a map; to ask whether a key of ours is the policy's. */
const COPY_COST = 15;
const OWN_KEY_COST = 5;

function withoutOwned(object: CachedObject, channel: Channel, writes: KeyPatterns, work: Work): StringMap {
  const { applied, retained } = object;
  const ours = applied[channel].length + retained[channel].length;
  if (ours === 0) return object[channel];
  work.spend(OWN_KEY_COST * ours);
  const isWritten = (key: string) => writes.fits(channel, key);
  const hidden = new Set([...applied[channel].filter(isWritten), ...retained[channel].filter(isWritten)]);
  if (hidden.size === 0) return object[channel];
  const entries = Object.entries(object[channel]);
  work.spend(COPY_COST * entries.length);
  return Object.fromEntries(entries.filter(([key]) => !hidden.has(key)));
}
