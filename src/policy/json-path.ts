import { apiVersionOf } from '../api/resource.ts';
import { parseJsonPath } from './json-path-grammar.ts';
import { follow, type Hits } from './json-path-walk.ts';
import type { Subject } from './program.ts';

export interface JsonPath {
  /** The top-level field that the path starts with: `metadata`, `spec`, ... */
  readonly field: string;
  /** Every value that the path leads to. Never throws, and does a bounded amount of work. */
  evaluate(subject: Subject): Hits;
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
  if (field === 'metadata') {
    const read = second?.kind === 'Name' && Object.hasOwn(METADATA, second.name) ? METADATA[second.name] : undefined;
    if (read === undefined) {
      const kept = Object.keys(METADATA).join(', ');
      return {
        ok: false,
        problem: `must name one of these fields of 'metadata': ${kept}; other metadata is not supported yet`,
      };
    }
    return { ok: true, path: { field, evaluate: (subject) => follow(read(subject), deeper) } };
  }
  const rest = parsed.segments.slice(1);
  return { ok: true, path: { field, evaluate: (subject) => follow(topLevel(subject, field), rest) } };
}

/** Fields that are known of every object without reading more than its metadata. */
export function isMetadataOnly(field: string): boolean {
  return field === 'metadata' || field === 'apiVersion' || field === 'kind';
}

/** What is kept of every object's metadata, as users know it. */
const METADATA: Readonly<Record<string, (subject: Subject) => unknown>> = {
  name: ({ object }) => object.name,
  namespace: ({ object }) => (object.namespace === '' ? undefined : object.namespace),
  uid: ({ object }) => object.uid,
  creationTimestamp: ({ object }) => timestamp(object.created),
  labels: ({ labels }) => labels,
  annotations: ({ annotations }) => annotations,
};

/** RFC 3339 as the API server writes it; nothing for the zero time. */
function timestamp(seconds: number): string | undefined {
  return seconds === 0 ? undefined : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

function topLevel({ object: { body }, kind }: Subject, field: string): unknown {
  switch (field) {
    case 'apiVersion':
      return apiVersionOf(kind);
    case 'kind':
      return kind.kind;
    default:
      return body !== undefined && Object.hasOwn(body, field) ? body[field] : undefined;
  }
}
