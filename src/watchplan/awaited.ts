import { compileGlob } from '../api/glob.ts';
import { type GroupResourceName, parseGroupResourceName } from '../api/resource.ts';
import type { Program } from '../policy/program.ts';
import { isExact } from '../policy/resource-terms.ts';
import type { Plan } from './plan.ts';

/** What a plan would take in if the server came to serve it. */
export class Awaited {
  readonly #absent: ReadonlySet<GroupResourceName>;
  readonly #absentGroups: ReadonlySet<string>;
  readonly #globbing: readonly Program[];
  readonly #fitsGroup: readonly ((group: string) => boolean)[];

  constructor({ absent, parts }: Pick<Plan, 'absent' | 'parts'>) {
    this.#absent = new Set(absent.keys());
    this.#absentGroups = new Set(absent.keys().map((name) => parseGroupResourceName(name).group));
    this.#globbing = [...parts.values()]
      .map(({ program }) => program)
      .filter(({ targets }) => targets.some((target) => !isExact(target)));
    const globs = this.#globbing.flatMap(({ targets }) => targets.filter((target) => !isExact(target)));
    this.#fitsGroup = [...new Set(globs.map(({ group }) => group))].map((group) => compileGlob(group));
  }

  group(group: string): boolean {
    return this.#absentGroups.has(group) || this.#fitsGroup.some((fits) => fits(group));
  }

  /** Its scope is not known before it is served. */
  resource(name: GroupResourceName): boolean {
    if (this.#absent.has(name)) return true;
    const resource = parseGroupResourceName(name);
    return this.#globbing.some(({ about }) =>
      (['Namespaced', 'Cluster'] as const).some((scope) => about({ ...resource, scope }).kind === 'Globbed'),
    );
  }
}
