import type { RequiredKey } from '../api/judge-actions.ts';
import { valueIn } from '../api/object.ts';
import { describeKey } from './messages.ts';
import { compilePattern } from './pattern.ts';
import type { Channel, Demand } from './program.ts';
import type { Work } from './work.ts';

export type CompiledRequirement =
  | { readonly ok: true; readonly demand: Demand }
  /** `path` is relative to the key's entry. */
  | { readonly ok: false; readonly path: string; readonly problem: string };

/** What is wrong with a value, in words; undefined when it is right. */
type ValueProblem = (value: string, work: Work) => string | undefined;

/** A demand on one key. Values of labels are named in messages, values of annotations never are. */
export function compileRequirement(channel: Channel, required: RequiredKey): CompiledRequirement {
  const compiled = valueProblem(channel, required);
  if (typeof compiled !== 'function') return { ok: false, ...compiled };
  const { key } = required;
  const demand: Demand = (view, work) => {
    const value = valueIn(view[channel], key);
    const wrong = value === undefined ? 'is missing' : compiled(value, work);
    if (wrong === undefined) return RIGHT;
    const code = value === undefined ? 'RequiredKeyMissing' : 'RequiredValueWrong';
    return [{ result: 'Violation', code, message: `${describeKey(channel, key)} ${wrong}` }];
  };
  return { ok: true, demand };
}

const RIGHT: readonly never[] = Object.freeze([]);

function valueProblem(
  channel: Channel,
  { pattern, values }: RequiredKey,
): ValueProblem | { readonly path: string; readonly problem: string } {
  const found = (value: string): string => (channel === 'labels' ? `is '${value}'` : 'has a value that is not allowed');
  if (values !== undefined) {
    const allowed = new Set(values);
    const words = `it must be one of ${values.map((value) => `'${value}'`).join(', ')}`;
    return (value) => (allowed.has(value) ? undefined : `${found(value)}; ${words}`);
  }
  if (pattern === undefined) return () => undefined;
  const compiled = compilePattern(pattern);
  if (!compiled.ok) return { path: 'pattern', problem: compiled.problem };
  return (value, work) => (compiled.fits(value, work) ? undefined : `${found(value)}; it must match ${pattern}`);
}
