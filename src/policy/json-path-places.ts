import { pathText } from '../api/field-issue.ts';
import type { JsonPath } from './json-path.ts';
import type { Segment } from './json-path-grammar.ts';
import { follow, locate } from './json-path-walk.ts';
import type { ObjectView } from './program.ts';
import type { Work } from './work.ts';

type Values =
  /** One for each place; undefined where there is none. */
  { readonly ok: true; readonly values: readonly unknown[] } | { readonly ok: false; readonly problem: string };

export interface Places {
  /** Whatever the path finds is there: nothing follows its last `*` or `..`. */
  readonly allThere: boolean;
  readonly values: (view: ObjectView, work: Work) => Values;
  /** `$.spec.containers[0].image` */
  readonly locate: (view: ObjectView, place: number) => string;
}

/**
 * A path leads to places: one for each of what its last `*` or `..` stands for, a path without them to one. What a place
 * holds may be absent, as null is too.
 */
export function placesOf({ head, start, rest }: JsonPath): Places {
  const split = endOfMany(rest);
  const many = rest.slice(0, split);
  const one = rest.slice(split);
  const valueAt = (node: unknown, work: Work): unknown => {
    const hits = one.length === 0 ? undefined : follow(node, one, work);
    const value = hits === undefined ? node : hits.ok ? hits.values[0] : undefined;
    return value ?? undefined;
  };
  return {
    allThere: many.length > 0 && one.length === 0,
    values: (view, work) => {
      const from = start(view);
      if (many.length === 0) return { ok: true, values: [valueAt(from, work)] };
      const nodes = follow(from, many, work);
      return nodes.ok ? { ok: true, values: nodes.values.map((node) => valueAt(node, work)) } : nodes;
    },
    locate: (view, place) => {
      const node = many.length === 0 ? [] : (locate(start(view), many, place) ?? []);
      return pathText('$', [...head, ...node, ...one.map(stepOf)]);
    },
  };
}

/** How many segments there are up to the last that stands for many; what `..` looks for belongs to it. */
function endOfMany(segments: readonly Segment[]): number {
  let end = 0;
  for (const [i, { kind }] of segments.entries()) {
    if (kind === 'Wildcard') end = i + 1;
    if (kind === 'Descend') end = i + 2;
  }
  return end;
}

function stepOf(segment: Segment): PropertyKey {
  return segment.kind === 'Name' ? segment.name : segment.kind === 'Index' ? segment.index : '*';
}
