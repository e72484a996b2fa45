import type { ServedVersion } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';

const WATCHING = ['list', 'watch'];
const WRITING = ['list', 'watch', 'patch'];

/** The verbs that these programs need and that are not offered. */
export function missingVerbs({ verbs }: ServedVersion, programs: readonly Program[]): readonly string[] {
  const needed = programs.some((program) => program.mode !== 'Suspended' && writesKeys(program)) ? WRITING : WATCHING;
  return needed.filter((verb) => !verbs.includes(verb));
}

/** Whether rules of the program write or remove keys. */
export function writesKeys({ rules }: Program): boolean {
  return rules.some(({ writes }) => writes.length > 0);
}
