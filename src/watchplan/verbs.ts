import type { ServedVersion } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';

export type TargetVerb = 'list' | 'watch' | 'patch';

const WATCHING: readonly TargetVerb[] = ['list', 'watch'];
/** All that is ever asked of a kind; the object that is written is known from the watch. */
export const TARGET_VERBS: readonly TargetVerb[] = ['list', 'watch', 'patch'];

/** The verbs that these programs need and that are not offered. */
export function missingVerbs({ verbs }: ServedVersion, programs: readonly Program[]): readonly string[] {
  const needed = programs.some((program) => program.mode !== 'Suspended' && writesKeys(program))
    ? TARGET_VERBS
    : WATCHING;
  return needed.filter((verb) => !verbs.includes(verb));
}

/** The verbs to which a right is needed on a kind that is watched for these programs. */
export function neededVerbs(programs: readonly Program[]): readonly TargetVerb[] {
  return programs.some(mayWrite) ? TARGET_VERBS : WATCHING;
}

/** Whether the program, in its mode, has objects written. */
export function mayWrite(program: Program): boolean {
  return program.mode === 'Enforce' && writesKeys(program);
}

/** Whether rules of the program write or remove keys. */
export function writesKeys({ rules }: Program): boolean {
  return rules.some(({ writes }) => writes.length > 0);
}
