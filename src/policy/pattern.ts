import { RE2JS } from 're2js';
import { messageOf } from '../base/errors.ts';

export type CompiledPattern =
  | { readonly ok: true; readonly fits: (text: string) => boolean }
  /** Reads on after the path of the field. */
  | { readonly ok: false; readonly problem: string };

/** An RE2 pattern, found anywhere in a text unless it is anchored. Its cost grows with the text and no faster. */
export function compilePattern(pattern: string): CompiledPattern {
  try {
    const compiled = RE2JS.compile(pattern);
    return { ok: true, fits: (text) => compiled.matcher(text).find() };
  } catch (error) {
    return { ok: false, problem: `must be an RE2 regular expression: ${messageOf(error)}` };
  }
}
