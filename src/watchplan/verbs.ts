import type { ServedVersion } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';

const WATCHING = ['list', 'watch'];
const WRITING = ['list', 'watch', 'patch'];

/** The verbs that these programs need and that are not offered. */
export function missingVerbs({ verbs }: ServedVersion, programs: readonly Program[]): readonly string[] {
  const needed = programs.some((program) => program.mode !== 'Suspended' && writesKeys(program)) ? WRITING : WATCHING;
  return needed.filter((verb) => !verbs.includes(verb));
}

export function writesKeys({ writes: { labels, annotations } }: Program): boolean {
  return labels.length + annotations.length > 0;
}
