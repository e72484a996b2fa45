import type { CachedObject } from '../api/object.ts';

/** The values under which an object is found: several, or none. The same for the same object, always. */
export type IndexBy = (object: CachedObject) => Iterable<string>;

/** Objects of a store by values of theirs, kept up as they change. */
export interface ObjectIndex {
  /** The objects that have it. Do not keep the iterator while the store may change. */
  get(value: string): IterableIterator<CachedObject>;
  /** Those that an object has. */
  values(): IterableIterator<string>;
  /** It is not kept up any more, knows nothing, and costs nothing. */
  drop(): void;
}

/** All indices of a store. One that nobody asks for costs nothing, and each one costs about as much as another store. */
export class StoreIndices {
  readonly #indices = new Set<Index>();

  /** Of these objects, and of all changes from now on. */
  add(by: IndexBy, objects: Iterable<CachedObject>): ObjectIndex {
    const index = new Index(by, () => this.#indices.delete(index));
    for (const object of objects) index.changed(undefined, object);
    this.#indices.add(index);
    return index;
  }

  /** One took the place of another, came, or went. */
  changed(previous: CachedObject | undefined, next: CachedObject | undefined): void {
    for (const index of this.#indices) index.changed(previous, next);
  }

  clear(): void {
    for (const index of this.#indices) index.drop();
  }
}

class Index implements ObjectIndex {
  readonly #by: IndexBy;
  readonly #onDrop: () => void;
  /** A value that no object has any more is not in it. */
  readonly #objects = new Map<string, Set<CachedObject>>();

  constructor(by: IndexBy, onDrop: () => void) {
    this.#by = by;
    this.#onDrop = onDrop;
  }

  *get(value: string): IterableIterator<CachedObject> {
    yield* this.#objects.get(value) ?? [];
  }

  values(): IterableIterator<string> {
    return this.#objects.keys();
  }

  drop(): void {
    this.#objects.clear();
    this.#onDrop();
  }

  changed(previous: CachedObject | undefined, next: CachedObject | undefined): void {
    if (previous === next) return;
    if (previous !== undefined) this.#remove(previous);
    if (next !== undefined) this.#add(next);
  }

  #remove(object: CachedObject): void {
    for (const value of this.#by(object)) {
      const objects = this.#objects.get(value);
      objects?.delete(object);
      if (objects?.size === 0) this.#objects.delete(value);
    }
  }

  #add(object: CachedObject): void {
    for (const value of this.#by(object)) {
      const objects = this.#objects.get(value);
      if (objects === undefined) this.#objects.set(value, new Set([object]));
      else objects.add(object);
    }
  }
}
