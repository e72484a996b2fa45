import type { FieldIssue } from '../api/field-issue.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import { isExact } from '../policy/resource-terms.ts';
import type { Expansion } from './targets.ts';
import { writesKeys } from './verbs.ts';

/** Resources that are named exactly and cannot be written: refused, so that they do not keep others from judging them. */
export function unwritable(
  program: Program,
  { resources }: Expansion,
  discovery: DiscoverySnapshot,
): readonly FieldIssue[] {
  if (!writesKeys(program)) return [];
  return [...resources].flatMap(([name, { target, version: read }]) => {
    if (!isExact(target)) return [];
    const served = (discovery.get(name)?.versions ?? []).filter(
      ({ version }) => read === undefined || read === version,
    );
    if (served.length === 0 || served.some(({ verbs }) => verbs.includes('patch'))) return [];
    const message = `must not be '${target.resource}' in a policy that writes: the API server does not offer patch for ${name}`;
    return [{ path: `${target.path}.resource`, message }];
  });
}
