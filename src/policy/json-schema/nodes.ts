import type { ValuePath } from '../../api/json-shape.ts';
import type { Rule as RuleSpec } from '../../api/rule.ts';
import { compileJsonPath, METADATA_FIELDS, metadataOf, topLevel } from '../json-path.ts';
import { type Hits, locate } from '../json-path-walk.ts';
import { podPathProblem } from '../pod.ts';
import type { ObjectView } from '../program.ts';
import type { Work } from '../work.ts';
import type { PlainSchema } from './reader.ts';
import { FieldsAsked, fieldsProblem } from './scope.ts';

/** What a schema judges, node by node. */
export interface SchemaNodes {
  /** Top-level fields of the object. */
  readonly fields: readonly string[];
  readonly values: (view: ObjectView, work: Work) => Hits;
  readonly locate: (view: ObjectView, node: number) => ValuePath;
}

type NodesResult =
  | { readonly ok: true; readonly nodes: SchemaNodes }
  | { readonly ok: false; readonly path: 'jsonPath' | 'schema'; readonly problem: string };

/**
 * The whole object and its metadata can be judged too, although no more of them is kept than is read: a schema sees the
 * fields that it names, and one that asks about all there may be is refused.
 */
export function nodesAt(jsonPath: string, subject: RuleSpec['subject'], schema: PlainSchema): NodesResult {
  switch (jsonPath) {
    case '$':
      return wholeObject(subject, schema);
    case '$.metadata':
      return metadata(subject, [schema]) ?? { ok: true, nodes: oneNode(['metadata'], ['metadata'], metadataOf) };
    default:
      return below(jsonPath, subject);
  }
}

const OF_PODS = { metadata: ['labels', 'annotations'], fields: ['metadata', 'spec'] };

function wholeObject(subject: RuleSpec['subject'], schema: PlainSchema): NodesResult {
  const asked = new FieldsAsked(schema);
  const problem = fieldsProblem(asked, 'the object', subject === 'PodTemplate' ? OF_PODS.fields : undefined);
  if (problem !== undefined) return { ok: false, path: 'schema', problem };
  const wrong = metadata(subject, asked.schemas.get('metadata') ?? []);
  if (wrong !== undefined) return wrong;
  const fields = [...asked.names];
  const read = (view: ObjectView): Readonly<Record<string, unknown>> => {
    const members = fields.map(
      (name) => [name, name === 'metadata' ? metadataOf(view) : topLevel(view, name)] as const,
    );
    return Object.fromEntries(members.filter(([, value]) => value !== undefined));
  };
  return { ok: true, nodes: oneNode(fields, [], read) };
}

/** What is wrong with these schemas for an object's metadata. */
function metadata(subject: RuleSpec['subject'], schemas: readonly PlainSchema[]): NodesResult | undefined {
  const known = subject === 'PodTemplate' ? OF_PODS.metadata : METADATA_FIELDS;
  for (const schema of schemas) {
    const problem = fieldsProblem(new FieldsAsked(schema), 'metadata', known);
    if (problem !== undefined) return { ok: false, path: 'schema', problem };
  }
  return undefined;
}

function oneNode(fields: readonly string[], path: ValuePath, read: (view: ObjectView) => unknown): SchemaNodes {
  return { fields, values: (view) => ({ ok: true, values: [read(view)] }), locate: () => path };
}

function below(jsonPath: string, subject: RuleSpec['subject']): NodesResult {
  const compiled = compileJsonPath(jsonPath);
  if (!compiled.ok) return { ok: false, path: 'jsonPath', problem: compiled.problem };
  const { field, head, start, rest, evaluate } = compiled.path;
  const problem = subject === 'PodTemplate' ? podPathProblem(head) : undefined;
  if (problem !== undefined) return { ok: false, path: 'jsonPath', problem };
  const at = (view: ObjectView, node: number) => [...head, ...(locate(start(view), rest, node) ?? [])];
  return { ok: true, nodes: { fields: [field], values: evaluate, locate: at } };
}
