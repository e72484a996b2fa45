import { apiVersionOf } from '../api/resource.ts';
import { parseJsonPath, type Segment } from './json-path-grammar.ts';
import { follow, type Hits } from './json-path-walk.ts';
import type { ObjectView } from './program.ts';
import type { Work } from './work.ts';

export interface JsonPath {
  /** The top-level field that the path starts with: `metadata`, `spec`, ... */
  readonly field: string;
  /** The names that the path begins with, and the value that they lead to. */
  readonly head: readonly string[];
  readonly start: (view: ObjectView) => unknown;
  /** The way on from there. */
  readonly rest: readonly Segment[];
  /** Every value that the path leads to. Throws TooMuchWork. */
  readonly evaluate: (view: ObjectView, work: Work) => Hits;
}

export type JsonPathResult =
  | { readonly ok: true; readonly path: JsonPath }
  /** Reads on after the path of the field. */
  | { readonly ok: false; readonly problem: string };

/** Compiles a path from the root of an object, `$.FIELD...`; of metadata only what is kept of every object. */
export function compileJsonPath(text: string): JsonPathResult {
  const parsed = parseJsonPath(text);
  if (!parsed.ok) return parsed;
  const [first, second, ...deeper] = parsed.segments;
  if (first?.kind !== 'Name') {
    return {
      ok: false,
      problem: "must begin with '$' and the name of a top-level field, such as '$.spec' or '$.metadata'",
    };
  }
  const field = first.name;
  if (field !== 'metadata') {
    return { ok: true, path: pathOf([field], (view) => topLevel(view, field), parsed.segments.slice(1)) };
  }
  const read = second?.kind === 'Name' && Object.hasOwn(METADATA, second.name) ? METADATA[second.name] : undefined;
  if (second?.kind !== 'Name' || read === undefined) {
    return {
      ok: false,
      problem: `must name one of these fields of 'metadata': ${METADATA_FIELDS.join(', ')}; other metadata is not supported yet`,
    };
  }
  return { ok: true, path: pathOf([field, second.name], read, deeper) };
}

function pathOf(head: readonly [string, ...string[]], start: JsonPath['start'], rest: readonly Segment[]): JsonPath {
  return { field: head[0], head, start, rest, evaluate: (view, work) => follow(start(view), rest, work) };
}

/** Fields that are known of every object without reading more than its metadata. */
export function isMetadataOnly(field: string): boolean {
  return field === 'metadata' || field === 'apiVersion' || field === 'kind';
}

/** What is kept of every object's metadata, as users know it. */
const METADATA: Readonly<Record<string, (view: ObjectView) => unknown>> = {
  name: ({ object }) => object.name,
  namespace: ({ object }) => (object.namespace === '' ? undefined : object.namespace),
  uid: ({ object }) => object.uid,
  creationTimestamp: ({ object }) => timestamp(object.created),
  labels: ({ labels }) => labels,
  annotations: ({ annotations }) => annotations,
};

export const METADATA_FIELDS: readonly string[] = Object.keys(METADATA);

/** These fields of an object's metadata, without those that it does not have. */
export function metadataOf(view: ObjectView): Readonly<Record<string, unknown>> {
  const read = Object.entries(METADATA).map(([name, of]) => [name, of(view)] as const);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined));
}

/** RFC 3339 as the API server writes it; nothing for the zero time. */
function timestamp(seconds: number): string | undefined {
  return seconds === 0 ? undefined : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** A field of the object beside its metadata. */
export function topLevel({ object: { body }, kind }: ObjectView, field: string): unknown {
  switch (field) {
    case 'apiVersion':
      return apiVersionOf(kind);
    case 'kind':
      return kind.kind;
    default:
      return body !== undefined && Object.hasOwn(body, field) ? body[field] : undefined;
  }
}
