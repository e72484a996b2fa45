import { BOUNDS } from './bounds.ts';

/** The way to a value: member names and list indices from the root. */
export type ValuePath = readonly PropertyKey[];

export interface ShapeProblem {
  readonly path: ValuePath;
  readonly message: string;
}

interface Place {
  readonly value: unknown;
  readonly key: PropertyKey;
  readonly depth: number;
  readonly parent: Place | undefined;
}

/**
 * Why a value is not plain JSON of a size that is safe to look at in detail; undefined when it is. No recursion, so that
 * depth costs no stack; nodes that are shared (YAML aliases) count each time they are reached.
 */
export function shapeProblem(root: unknown): ShapeProblem | undefined {
  const todo: Place[] = [{ value: root, key: '', depth: 0, parent: undefined }];
  let nodes = 1;
  for (let place = todo.pop(); place !== undefined; place = todo.pop()) {
    const { value } = place;
    if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') continue;
    if (typeof value === 'number') {
      if (Number.isFinite(value)) continue;
      return { path: pathOf(place), message: `must be a finite number, found ${value}` };
    }
    if (typeof value !== 'object') return { path: pathOf(place), message: `must be JSON, found a ${typeof value}` };
    if (place.depth === BOUNDS.depth) {
      return { path: [], message: `must be nested at most ${BOUNDS.depth} levels deep` };
    }
    const isList = Array.isArray(value);
    const keys = Object.keys(value);
    nodes += keys.length;
    if (nodes > BOUNDS.nodes) return { path: [], message: `must hold at most ${BOUNDS.nodes} members and entries` };
    for (const key of keys) {
      if (key === '__proto__') return { path: pathOf(place), message: "must not hold a member '__proto__'" };
      const child: unknown = Reflect.get(value, key);
      todo.push({ value: child, key: isList ? Number(key) : key, depth: place.depth + 1, parent: place });
    }
  }
  return undefined;
}

function pathOf(place: Place): ValuePath {
  const path: PropertyKey[] = [];
  for (let at = place; at.parent !== undefined; at = at.parent) path.push(at.key);
  return path.toReversed();
}
