import type { FieldIssue } from '../api/field-issue.ts';
import { groupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';

/** Targets that the server has and that cannot be written: refused, so that they do not keep others from judging them. */
export function unwritable(program: Program, discovery: DiscoverySnapshot): readonly FieldIssue[] {
  if (!writesKeys(program)) return [];
  return program.targets.flatMap((target) => {
    const name = groupResourceName(target);
    const named = program.reads.fields.length === 0 ? undefined : target.version;
    const served = (discovery.get(name)?.versions ?? []).filter(
      ({ version }) => named === undefined || named === version,
    );
    if (served.length === 0 || served.some(({ verbs }) => verbs.includes('patch'))) return [];
    const message = `must not be '${target.resource}' in a policy that writes: the API server does not offer patch for ${name}`;
    return [{ path: `${target.path}.resource`, message }];
  });
}

export function writesKeys({ writes: { labels, annotations } }: Program): boolean {
  return labels.length + annotations.length > 0;
}
