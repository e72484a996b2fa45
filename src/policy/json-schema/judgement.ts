import type { ErrorObject } from 'ajv';
import { pathText } from '../../api/field-issue.ts';
import type { ValuePath } from '../../api/json-shape.ts';
import type { JsonSchemaCheck } from '../../api/judge-actions.ts';
import type { Rule as RuleSpec } from '../../api/rule.ts';
import { counted } from '../../api/words.ts';
import { locationAt } from '../json-path-walk.ts';
import type { Demand, Fault } from '../program.ts';
import type { CompiledSchema, SchemaEngine } from './engine.ts';
import { nodesAt, type SchemaNodes } from './nodes.ts';
import { weigh, withNumbers } from './size.ts';
import { telling, wordsOf } from './words.ts';

export type CompiledJsonSchema =
  | {
      readonly ok: true;
      readonly demand: Demand;
      /** Top-level fields that are read. */
      readonly fields: readonly string[];
    }
  | { readonly ok: false; readonly issues: readonly { readonly path: ValuePath; readonly problem: string }[] };

/** Of work, what it costs to weigh one part of a value, and to copy it where numbers have to be rounded. */
const WEIGHING = 10;
/** Up to here all that is wrong is collected, else only the first thing: each costs memory. */
const MAX_WORK_FOR_ALL = 20_000;

/** Judges each node that the path finds by the schema; paths of issues are relative to the action. */
export function compileJsonSchema(
  { jsonPath, schema }: JsonSchemaCheck,
  subject: RuleSpec['subject'],
  engine: SchemaEngine,
): CompiledJsonSchema {
  const result = engine.compile(schema);
  if (!result.ok)
    return { ok: false, issues: result.issues.map(({ path, problem }) => ({ path: ['schema', ...path], problem })) };
  const { compiled } = result;
  const nodes = nodesAt(jsonPath, subject, compiled.schema);
  if (!nodes.ok) return { ok: false, issues: [{ path: [nodes.path], problem: nodes.problem }] };
  return { ok: true, demand: demandOf(nodes.nodes, compiled), fields: nodes.nodes.fields };
}

function demandOf(nodes: SchemaNodes, schema: CompiledSchema): Demand {
  return (view, work) => {
    const found = nodes.values(view, work);
    if (!found.ok) return [{ result: 'Error', code: 'SourceTooLarge', message: found.problem }];
    let first: { readonly node: number; readonly value: unknown; readonly error: ErrorObject } | undefined;
    let more = 0;
    for (const [node, given] of found.values.entries()) {
      // Each part of the value may meet each part of the schema.
      const most = Math.floor(work.left / (schema.size + WEIGHING));
      const weighed = weigh(given, most);
      work.spend((weighed.ok ? weighed.weight * schema.size : 0) + WEIGHING * (weighed.ok ? weighed.weight : most));
      if (!weighed.ok) return [tooLarge(weighed.problem)];
      if (weighed.hasBigInt && schema.needsExactNumbers) return [inexact(pathText('$', nodes.locate(view, node)))];
      const value = weighed.hasBigInt ? withNumbers(given) : given;
      const amount = weighed.weight * schema.size <= MAX_WORK_FOR_ALL ? 'All' : 'First';
      const errors = schema.errors(value, amount, work);
      const [error, ...others] = errors.length === 0 ? [] : telling(errors);
      if (error === undefined) continue;
      if (first === undefined) first = { node, value, error };
      else more += 1;
      more += others.length;
    }
    if (first === undefined) return RIGHT;
    const { node, value, error } = first;
    const at = pathText('$', [...nodes.locate(view, node), ...locationAt(value, error.instancePath)]);
    const rest = more === 0 ? '' : `; ${counted(more, 'more problem', 'more problems')}`;
    return [{ result: 'Violation', code: 'SchemaViolated', message: `${at} ${wordsOf(error)}${rest}` }];
  };
}

const RIGHT: readonly Fault[] = Object.freeze([]);

function tooLarge(what: string): Fault {
  return { result: 'Error', code: 'SourceTooLarge', message: `cannot be judged by a schema: it holds ${what}` };
}

function inexact(at: string): Fault {
  const why = 'it holds an integer beyond 2^53, and the schema would have to compare it exactly';
  return { result: 'Error', code: 'NotComparable', message: `${at} cannot be judged: ${why}` };
}
