import { recordOf } from '../base/json-value.ts';
import { setMember } from './metadata-rules.ts';
import { slotOf } from './string-table.ts';

/** So many members find room in any new object; one with fewer need not be told how many there will be. */
const ROOM = 4;
const SHAPE_SLOTS = 1024;
/** Objects with more keys are maps: their keys are their own. */
const MOST_KEYS = 64;

/** The keys of an object, in their order. */
class Shape {
  readonly keys: readonly string[];
  #built = 0;
  #blank: Readonly<Record<string, unknown>> = {};

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  /** Of two members of one name the later one counts. */
  build(members: readonly unknown[]): object {
    const { keys } = this;
    this.#built += 1;
    // One to which members are added one by one keeps room for more, and the copy of one that JSON.parse made has none.
    if (this.#built === 2 && keys.length > ROOM) this.#blank = blank(keys);
    const object: Record<string, unknown> = { ...this.#blank };
    for (let i = 0; i < keys.length; i += 1) setMember(object, keys[i] ?? '', members[i]);
    return object;
  }
}

interface Part {
  /** Undefined for a list. */
  readonly shape: Shape | undefined;
  readonly members: readonly unknown[];
  readonly value: object;
}

/** Members and their keys, at the end of what was read so far. */
export interface Parts {
  readonly keys: readonly string[];
  readonly members: readonly unknown[];
}

/** Where a part begins among these, and what it hashes to. */
export interface PartBounds {
  readonly isObject: boolean;
  readonly firstKey: number;
  readonly firstMember: number;
  readonly keysHash: number;
  readonly hash: number;
}

/**
 * Objects and lists that were made before, found by their members: these are texts, and parts that are one themselves,
 * so that comparing them is quick. As in StringTable, each has one possible slot and a newer one pushes an older one
 * out.
 */
export class SharedParts {
  readonly #slots: (Part | undefined)[];
  readonly #mask: number;
  readonly #shapes: (Shape | undefined)[] = Array.from({ length: SHAPE_SLOTS }, () => undefined);

  /** `size` is a power of two. */
  constructor(size = 8192) {
    this.#slots = Array.from({ length: size }, () => undefined);
    this.#mask = size - 1;
  }

  /** The object or list of all members from its first on. `keep`: whether it may come again. */
  part(read: Parts, bounds: PartBounds, keep: boolean): object {
    const { isObject, firstKey, firstMember, hash } = bounds;
    const slot = slotOf(hash, this.#mask);
    const known = this.#slots[slot];
    if (
      known !== undefined &&
      isObject === (known.shape !== undefined) &&
      endsWith(read.members, firstMember, known.members) &&
      (known.shape === undefined || endsWith(read.keys, firstKey, known.shape.keys))
    ) {
      return known.value;
    }
    const members = read.members.slice(firstMember);
    const shape = isObject ? this.#shape(read.keys, bounds) : undefined;
    const value = shape?.build(members) ?? members;
    if (keep) this.#slots[slot] = { shape, members, value };
    return value;
  }

  #shape(keys: readonly string[], { firstKey, keysHash }: PartBounds): Shape {
    if (keys.length - firstKey > MOST_KEYS) return new Shape(keys.slice(firstKey));
    const slot = slotOf(keysHash, SHAPE_SLOTS - 1);
    let shape = this.#shapes[slot];
    if (shape === undefined || !endsWith(keys, firstKey, shape.keys)) {
      shape = new Shape(keys.slice(firstKey));
      this.#shapes[slot] = shape;
    }
    return shape;
  }
}

/** Whether what comes from `first` on is `known`. */
function endsWith(all: readonly unknown[], first: number, known: readonly unknown[]): boolean {
  if (all.length - first !== known.length) return false;
  for (let i = 0; i < known.length; i += 1) if (!Object.is(all[first + i], known[i])) return false;
  return true;
}

function blank(keys: readonly string[]): Readonly<Record<string, unknown>> {
  return recordOf(JSON.parse(`{${keys.map((key) => `${JSON.stringify(key)}:null`).join()}}`));
}
