import { JSONPath } from 'jsonpath-plus';
import type { ValuePath } from '../api/json-shape.ts';
import type { Segment } from './json-path-grammar.ts';
import type { Work } from './work.ts';

export type Hits =
  | { readonly ok: true; readonly values: readonly unknown[] }
  /** The path would have to look at more than is allowed. */
  | { readonly ok: false; readonly problem: string };

/** How many values one walk may open up, and how deep '..' may go: what one object costs is bounded, whoever wrote it. */
export const MAX_VALUES = 20_000;
export const MAX_DEPTH = 256;
/** Of work, what it costs to open up one value. */
const VALUE_COST = 12;
/** What it costs to open up anything at all. */
const OPENING_COST = 60;

type Container = Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * Every value that the segments lead to from `root`, in the order of the document. Throws nothing but TooMuchWork.
 * Names and indices are followed here, so that a name is never anything else: the library reads some of them as
 * operators, and knows a `length` of lists and texts. It opens up what '*' and '..' stand for.
 */
export function follow(root: unknown, segments: readonly Segment[], work: Work): Hits {
  let nodes: readonly unknown[] = root === undefined ? [] : [root];
  let left = MAX_VALUES;
  for (const segment of segments) {
    if (nodes.length === 0) break;
    work.spend(nodes.length);
    const next: unknown[] = [];
    for (const node of nodes) {
      if (!isContainer(node)) continue;
      if (segment.kind === 'Name' || segment.kind === 'Index') {
        const child = childOf(node, segment);
        if (child !== undefined) next.push(child);
        continue;
      }
      const most = Math.min(left, Math.floor(work.left / VALUE_COST));
      const size = segment.kind === 'Wildcard' ? Object.keys(node).length : sizeBelow(node, most);
      work.done(OPENING_COST);
      if (size === 'TooDeep') work.done(MAX_DEPTH * VALUE_COST);
      if (size === 'TooDeep') return refused(`lists and objects nested deeper than ${MAX_DEPTH} levels`);
      // What was counted is done, also where it is too much.
      work.spend(Math.min(size, most) * VALUE_COST);
      left -= size;
      if (left >= 0 && size > most) work.spend(size * VALUE_COST);
      if (left < 0) return refused(`more than ${MAX_VALUES} values`);
      for (const value of opened(node, segment.kind)) next.push(value);
    }
    nodes = next;
  }
  return { ok: true, values: nodes };
}

/**
 * Where the value stands that `follow` finds at this place among others; for messages, as it is slower. Only for what `follow`
 * has accepted.
 */
export function locate(root: unknown, segments: readonly Segment[], place: number): ValuePath | undefined {
  let nodes: readonly Located[] = root === undefined ? [] : [{ value: root, at: undefined }];
  for (const segment of segments) {
    nodes = nodes.flatMap(({ value, at }) => {
      if (!isContainer(value)) return [];
      if (segment.kind === 'Name' || segment.kind === 'Index') {
        const child = childOf(value, segment);
        const step = segment.kind === 'Name' ? segment.name : segment.index;
        return child === undefined ? [] : [{ value: child, at: { step, up: at } }];
      }
      return openedAt(value, at, segment.kind);
    });
  }
  const node = nodes[place];
  return node === undefined ? undefined : pathOf(node.at);
}

interface Located {
  readonly value: unknown;
  readonly at: Way | undefined;
}

/** From the last step up to the first: thousands of values share what is above them. */
interface Way {
  readonly step: PropertyKey;
  readonly up: Way | undefined;
}

function pathOf(way: Way | undefined): ValuePath {
  const path: PropertyKey[] = [];
  for (let at = way; at !== undefined; at = at.up) path.push(at.step);
  return path.toReversed();
}

function refused(what: string): Hits {
  return { ok: false, problem: `the path would have to look at ${what}` };
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function isList(container: Container): container is readonly unknown[] {
  return Array.isArray(container);
}

function childOf(node: Container, segment: Extract<Segment, { kind: 'Name' | 'Index' }>): unknown {
  if (isList(node)) return segment.kind === 'Index' ? node[segment.index] : undefined;
  return segment.kind === 'Name' && Object.hasOwn(node, segment.name) ? node[segment.name] : undefined;
}

/** The library is given these two paths and no others: nothing that a policy's author writes reaches it. */
const OPERATORS = { Wildcard: '$.*', Descend: '$..' } as const;

function opened(node: Container, operator: keyof typeof OPERATORS): readonly unknown[] {
  const values: unknown = JSONPath({ path: OPERATORS[operator], json: node, eval: false, wrap: true });
  return Array.isArray(values) ? values : [];
}

/** The same values as `opened` gives, each with the way to it. */
function openedAt(node: Container, way: Way | undefined, operator: keyof typeof OPERATORS): readonly Located[] {
  const path = OPERATORS[operator];
  const found: unknown = JSONPath({ path, json: node, eval: false, resultType: 'all', wrap: true });
  const hits: readonly LibraryHit[] = Array.isArray(found) ? found : [];
  // Not by the path that the library gives: it leaves out names that look like its operators. A parent comes before its children.
  const ways = new Map<unknown, Way | undefined>([[node, way]]);
  return hits.map(({ value, parent, parentProperty }) => {
    if (value === node) return { value, at: way };
    const at = { step: parentProperty, up: ways.get(parent) };
    if (isContainer(value)) ways.set(value, at);
    return { value, at };
  });
}

/** The way that a JSON pointer such as `/containers/0` describes, with numbers for elements of lists. */
export function locationAt(root: unknown, pointer: string): ValuePath {
  let at = root;
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    const key = Array.isArray(at) ? Number(name) : name;
    at = isContainer(at) ? Reflect.get(at, key) : undefined;
    return key;
  });
}

interface LibraryHit {
  readonly value: unknown;
  readonly parent: unknown;
  /** A number in a list. */
  readonly parentProperty: string | number;
}

/**
 * How many values are below a node, counted up to `limit` and one more. Counted before the library goes there: it
 * recurses, at some 8,000 levels it overflows the stack, and on each level it copies all that it has found below.
 */
function sizeBelow(root: Container, limit: number): number | 'TooDeep' {
  let count = 0;
  let level: readonly Container[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return 'TooDeep';
    const below: Container[] = [];
    for (const container of level) {
      for (const child of isList(container) ? container : Object.values(container)) {
        count += 1;
        if (count > limit) return count;
        if (isContainer(child)) below.push(child);
      }
    }
    level = below;
  }
  return count;
}
