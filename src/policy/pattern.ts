import { RE2JS } from 're2js';
import { BOUNDS } from '../api/bounds.ts';
import { messageOf } from '../base/errors.ts';
import type { Work } from './work.ts';

export type CompiledPattern =
  /** `fits` throws TooMuchWork for a text on which the pattern would cost more than is left. */
  | { readonly ok: true; readonly fits: (text: string, work: Work) => boolean }
  /** Reads on after the path of the field. */
  | { readonly ok: false; readonly problem: string };

/**
 * An RE2 pattern, found anywhere in a text unless it is anchored. Its cost grows with its own size and the text's, and
 * no faster.
 */
export function compilePattern(pattern: string): CompiledPattern {
  // Repeats within repeats make a large program of a short text: looked for before it is made.
  if (pattern.length > BOUNDS.pattern || writtenOut(pattern) > BOUNDS.patternSteps) return TOO_LARGE;
  try {
    const compiled = RE2JS.compile(pattern);
    const steps = compiled.programSize();
    if (steps > BOUNDS.patternSteps) return TOO_LARGE;
    const fits = (text: string, work: Work) => {
      work.spend(steps * (text.length + 1));
      return compiled.matcher(text).find();
    };
    return { ok: true, fits };
  } catch (error) {
    return { ok: false, problem: `must be an RE2 regular expression: ${messageOf(error)}` };
  }
}

const TOO_LARGE: CompiledPattern = {
  ok: false,
  problem: `must be a smaller pattern: written out, with its repeats, it may have ${BOUNDS.patternSteps} steps`,
};

/** An escaped character, a class in brackets, an opening or closing bracket, a counted repeat, any other character. */
const TOKEN = /\\.|\[(?:\\.|[^\]\\])+\]|[()]|\{(\d{1,4})(?:,(\d{0,4}))?\}|./gsu;

/** How many steps a pattern has at least, once its counted repeats are written out. */
function writtenOut(pattern: string): number {
  const open: number[] = [];
  let sum = 0;
  let last = 0;
  for (const [token, least = '', most = ''] of pattern.matchAll(TOKEN)) {
    if (token === '(') {
      open.push(sum + last);
      sum = 0;
      last = 0;
    } else if (token === ')') {
      last = sum + last;
      sum = open.pop() ?? 0;
    } else if (least !== '') {
      last *= Math.max(1, Number(least), Number(most));
    } else {
      sum += last;
      last = 1;
    }
  }
  return open.reduce((all, outer) => all + outer, sum + last);
}
