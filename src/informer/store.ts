import { isDeepStrictEqual } from 'node:util';
import { type CachedObject, type ObjectKey, objectKey } from '../api/object.ts';
import { dropOldest } from '../base/bounded.ts';
import { compareResourceVersions, isEarlier } from './resource-version.ts';
import { type IndexBy, type ObjectIndex, StoreIndices } from './store-index.ts';

/** What a full list changed. An object that was deleted and made again (another uid) is in `removed` and in `added`. */
export interface Replacement {
  readonly added: readonly CachedObject[];
  readonly changed: ReadonlyArray<readonly [previous: CachedObject, next: CachedObject]>;
  readonly removed: readonly CachedObject[];
}

/** What one object did to the store. */
export type Upsert =
  | { readonly kind: 'Added' }
  | { readonly kind: 'Changed'; readonly previous: CachedObject }
  /** Deleted and made again, which the watch did not show. */
  | { readonly kind: 'Recreated'; readonly previous: CachedObject }
  /** Nothing that a reader could tell: the same version again, or one from the past. */
  | { readonly kind: 'Unchanged' };

/** What readers may do. An iterator that is kept while the store changes may or may not meet what comes meanwhile. */
export interface ObjectStore {
  readonly size: number;
  /** How many lists were swapped in. An iterator from before goes on over what was there before. */
  readonly lists: number;
  get(key: ObjectKey): CachedObject | undefined;
  keys(): IterableIterator<ObjectKey>;
  values(): IterableIterator<CachedObject>;
  /** Objects of one namespace; '' for cluster-scoped ones. */
  inNamespace(namespace: string): IterableIterator<CachedObject>;
  /** Those that hold an object; '' for cluster-scoped ones. */
  namespaces(): IterableIterator<string>;
  /** An index of its own for whoever asks, made now of all objects and kept up until it is dropped. */
  index(by: IndexBy): ObjectIndex;
}

/** Deletions that are remembered, at most: whoever repeats events does so soon. */
const MAX_GONE = 256;

type ByName = Map<string, CachedObject>;

/**
 * The objects of one informer.
 *
 * Lists always win: a new lineage (a restored etcd) may go back. Within one lineage an event of an older version than
 * the one that is here, or of an object that was deleted, is from the past (sent twice, or out of order) and changes
 * nothing. Answers to our own writes come beside that order, so these rules hold:
 * 1. An answer replaces only an object that is here, of the same uid, in an older version. It never brings back what is gone.
 * 2. Until list or watch have reached the version of an answer, older watch events of that object are skipped.
 * 3. A list wins over an answer that was there when the list began: a consistent list contains that write, or the
 *    history in which it happened is gone. An answer that came later stays, unless the list knows better: another uid,
 *    no object, a version as new.
 * 4. An answer carries no body. The body stays as it was, so the event with the very version of the answer still counts.
 */
export class Store implements ObjectStore {
  /** By namespace, then name: it is the namespace index too, and needs no string per object. */
  #objects = new Map<string, ByName>();
  #size = 0;
  #lists = 0;
  /** Objects whose version is from an answer that list and watch have not reached, with the list count at that time. */
  readonly #answered = new Map<ObjectKey, number>();
  #listsStarted = 0;
  /** Uids of objects that went lately, since the last list; with the version from which on one may come again, where it may. */
  readonly #gone = new Map<string, string | undefined>();
  readonly #indices = new StoreIndices();

  get size(): number {
    return this.#size;
  }

  get lists(): number {
    return this.#lists;
  }

  get(key: ObjectKey): CachedObject | undefined {
    const slash = key.indexOf('/');
    return slash === -1
      ? this.#objects.get('')?.get(key)
      : this.#objects.get(key.slice(0, slash))?.get(key.slice(slash + 1));
  }

  *keys(): IterableIterator<ObjectKey> {
    for (const object of this.values()) yield objectKey(object);
  }

  *values(): IterableIterator<CachedObject> {
    for (const objects of this.#objects.values()) yield* objects.values();
  }

  *inNamespace(namespace: string): IterableIterator<CachedObject> {
    yield* this.#objects.get(namespace)?.values() ?? [];
  }

  namespaces(): IterableIterator<string> {
    return this.#objects.keys();
  }

  index(by: IndexBy): ObjectIndex {
    return this.#indices.add(by, this.values());
  }

  /** To be called when a list is asked for whose items will go to `replace`. */
  listStarted(): void {
    this.#listsStarted += 1;
  }

  /**
   * Swaps in the items of a full list at once, for readers and before anybody is told. `namespace`: the only one that the list is
   * of; what is known of others stays.
   */
  replace(items: readonly CachedObject[], namespace?: string): Replacement {
    const next = new Map<string, ByName>();
    const added: CachedObject[] = [];
    const changed: Array<readonly [CachedObject, CachedObject]> = [];
    const removed: CachedObject[] = [];
    let size = 0;
    let met = 0;
    // Lists are in the order of namespaces: each is looked up once.
    let [of, before, now]: [string | undefined, ByName | undefined, ByName] = [undefined, undefined, new Map()];
    for (const item of items) {
      if (item.namespace !== of) {
        of = item.namespace;
        before = this.#objects.get(of);
        now = namesIn(next, of);
      }
      // A server may list an object twice.
      if (now.has(item.name)) continue;
      const previous = before?.get(item.name);
      const kept = previous === undefined ? item : this.#afterList(previous, item);
      now.set(kept.name, kept);
      size += 1;
      this.#indices.changed(previous, kept);
      if (previous === undefined) {
        added.push(kept);
        continue;
      }
      met += 1;
      if (previous.uid !== kept.uid) {
        removed.push(previous);
        added.push(kept);
      } else if (previous !== kept) changed.push([previous, kept]);
    }
    const mayMiss = met < (namespace === undefined ? this.#size : (this.#objects.get(namespace)?.size ?? 0));
    for (const previous of mayMiss ? this.#within(namespace) : []) {
      if (next.get(previous.namespace)?.has(previous.name) !== true) {
        removed.push(previous);
        this.#indices.changed(previous, undefined);
        this.#answered.delete(objectKey(previous));
      }
    }
    if (namespace !== undefined) {
      for (const [other, objects] of this.#objects) {
        if (other === namespace) continue;
        next.set(other, objects);
        size += objects.size;
      }
    }
    this.#objects = next;
    this.#lists += 1;
    this.#size = size;
    this.#gone.clear();
    return { added, changed, removed };
  }

  /** Drops what is in other namespaces than these, and returns it. */
  keepOnly(namespaces: ReadonlySet<string>): readonly CachedObject[] {
    const dropped: CachedObject[] = [];
    for (const [namespace, objects] of this.#objects) {
      if (namespaces.has(namespace)) continue;
      this.#objects.delete(namespace);
      this.#size -= objects.size;
      for (const object of objects.values()) {
        dropped.push(object);
        this.#indices.changed(object, undefined);
        this.#answered.delete(objectKey(object));
      }
    }
    return dropped;
  }

  /** An object of a watch event. */
  upsert(object: CachedObject): Upsert {
    const previous = this.#lookup(object);
    if (this.#isPast(object)) return { kind: 'Unchanged' };
    if (previous === undefined) {
      this.#set(object);
      return { kind: 'Added' };
    }
    if (isOlder(object, previous)) return { kind: 'Unchanged' };
    if (previous.uid !== object.uid) {
      this.#set(object);
      this.#answered.delete(objectKey(object));
      return { kind: 'Recreated', previous };
    }
    if (this.#isAnswered(object)) {
      this.#answered.delete(objectKey(object));
      if (isSame(previous, object)) return { kind: 'Unchanged' };
      this.#set(object);
      return { kind: 'Changed', previous };
    }
    if (previous.resourceVersion === object.resourceVersion) return { kind: 'Unchanged' };
    this.#set(object);
    return { kind: 'Changed', previous };
  }

  /**
   * The answer to a write of ours. Returns what it replaced and what is stored now, or undefined when it is ignored: the
   * object is unknown or another one, or the stored version is as new, or the versions do not compare.
   */
  upsertIfNewer(answer: CachedObject): readonly [previous: CachedObject, next: CachedObject] | undefined {
    const previous = this.#lookup(answer);
    if (previous === undefined || previous.uid !== answer.uid || !isOlder(previous, answer)) return undefined;
    const next = answer.body === previous.body ? answer : { ...answer, body: previous.body };
    this.#set(next);
    this.#answered.set(objectKey(answer), this.#listsStarted);
    return [previous, next];
  }

  /**
   * Returns the object that was here under this name; another one goes too, unless it came later. `mayReturn`: it may be that it
   * only left what is selected, and the same one comes again in a later version. Where it has come again, it stays; that an
   * answer to our own write has a later version is no sign of that.
   */
  delete(object: CachedObject, { mayReturn = false } = {}): CachedObject | undefined {
    const { namespace, name, uid } = object;
    const objects = this.#objects.get(namespace);
    const previous = objects?.get(name);
    const isPast = previous !== undefined && isOlder(object, previous);
    if (isPast && mayReturn && previous.uid === uid && !this.#isAnswered(object)) return undefined;
    this.#remember(uid, mayReturn ? object.resourceVersion : undefined);
    if (objects === undefined || previous === undefined) return undefined;
    if (isPast && previous.uid !== uid) return undefined;
    objects.delete(name);
    if (objects.size === 0) this.#objects.delete(namespace);
    this.#size -= 1;
    this.#indices.changed(previous, undefined);
    this.#answered.delete(objectKey(previous));
    return previous;
  }

  clear(): void {
    this.#objects = new Map();
    this.#size = 0;
    this.#answered.clear();
    this.#gone.clear();
    this.#indices.clear();
  }

  #remember(uid: string, since: string | undefined): void {
    // Of a server that gives none, it would be that of all objects.
    if (uid === '') return;
    this.#gone.set(uid, since);
    dropOldest(this.#gone, MAX_GONE);
  }

  /** Whether an event is of an object that went, from before it did. */
  #isPast({ uid, resourceVersion }: CachedObject): boolean {
    if (!this.#gone.has(uid)) return false;
    const since = this.#gone.get(uid);
    if (since !== undefined && (compareResourceVersions(resourceVersion, since) ?? 1) > 0) {
      this.#gone.delete(uid);
      return false;
    }
    return true;
  }

  /** Rule 3. Where nothing changed it is the stored object itself, so that the list's copy can go. */
  #afterList(previous: CachedObject, item: CachedObject): CachedObject {
    if (previous.uid === item.uid && this.#isAnswered(item)) {
      const key = objectKey(item);
      if (this.#answered.get(key) === this.#listsStarted && isOlder(item, previous)) {
        return isDeepStrictEqual(previous.body, item.body) ? previous : { ...previous, body: item.body };
      }
      this.#answered.delete(key);
      return isSame(previous, item) ? previous : item;
    }
    if (previous.uid !== item.uid) this.#answered.delete(objectKey(item));
    return previous.uid === item.uid && previous.resourceVersion === item.resourceVersion ? previous : item;
  }

  /** Cheap in the usual case that no answer waits for its event. */
  #isAnswered(object: CachedObject): boolean {
    return this.#answered.size > 0 && this.#answered.has(objectKey(object));
  }

  #within(namespace: string | undefined): IterableIterator<CachedObject> {
    return namespace === undefined ? this.values() : this.inNamespace(namespace);
  }

  #lookup({ namespace, name }: CachedObject): CachedObject | undefined {
    return this.#objects.get(namespace)?.get(name);
  }

  #set(object: CachedObject): void {
    const previous = put(this.#objects, object);
    if (previous === undefined) this.#size += 1;
    this.#indices.changed(previous, object);
  }
}

function namesIn(objects: Map<string, ByName>, namespace: string): ByName {
  let names = objects.get(namespace);
  if (names === undefined) {
    names = new Map();
    objects.set(namespace, names);
  }
  return names;
}

function put(objects: Map<string, ByName>, object: CachedObject): CachedObject | undefined {
  const names = namesIn(objects, object.namespace);
  const previous = names.get(object.name);
  names.set(object.name, object);
  return previous;
}

/** Whether `a` is of an earlier version than `b`; false when that cannot be told. */
function isOlder(a: CachedObject, b: CachedObject): boolean {
  return isEarlier(a.resourceVersion, b.resourceVersion);
}

/** The same version of the same object. Bodies differ where one of the two came from an answer without body. */
function isSame(a: CachedObject, b: CachedObject): boolean {
  return a.resourceVersion === b.resourceVersion && (a.body === b.body || isDeepStrictEqual(a.body, b.body));
}
