import { RE2JS } from 're2js';
import type { RequiredKey } from '../api/judge-actions.ts';
import { messageOf } from '../base/errors.ts';
import type { Channel, KeyRequirement } from './program.ts';

export type CompiledRequirement =
  | { readonly ok: true; readonly requirement: KeyRequirement }
  | { readonly ok: false; readonly path: string; readonly problem: string };

/** A demand on one key. Values of labels are named in messages, values of annotations never are. */
export function compileRequirement(channel: Channel, { key, pattern, values }: RequiredKey): CompiledRequirement {
  const found = (value: string): string => (channel === 'labels' ? `is '${value}'` : 'has a value that is not allowed');
  if (values !== undefined) {
    const allowed = new Set(values);
    const words = `it must be one of ${values.map((value) => `'${value}'`).join(', ')}`;
    const problem = (value: string) => (allowed.has(value) ? undefined : `${found(value)}; ${words}`);
    return { ok: true, requirement: { channel, key, problem } };
  }
  if (pattern !== undefined) {
    try {
      const compiled = RE2JS.compile(pattern);
      const words = `it must match ${pattern}`;
      const problem = (value: string) => (compiled.matcher(value).find() ? undefined : `${found(value)}; ${words}`);
      return { ok: true, requirement: { channel, key, problem } };
    } catch (error) {
      return { ok: false, path: 'pattern', problem: `must be an RE2 regular expression: ${messageOf(error)}` };
    }
  }
  return { ok: true, requirement: { channel, key, problem: () => undefined } };
}
