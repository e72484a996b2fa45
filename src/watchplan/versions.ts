import type { FieldIssue } from '../api/field-issue.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { listed, quoted } from '../api/words.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import type { KindDraft } from './kind-plan.ts';

/** A policy that reads more than metadata must say in which version; the issue names those that the server has. */
export function missingVersions(program: Program, discovery: DiscoverySnapshot): readonly FieldIssue[] {
  if (program.reads.fields.length === 0) return [];
  return program.targets
    .filter(({ version }) => version === undefined)
    .map((target) => {
      const served = discovery.get(groupResourceName(target))?.versions.map(({ version }) => quoted(version)) ?? [];
      const has =
        served.length === 0 ? 'which is not served yet' : `which the API server has in ${listed(served, 'and')}`;
      const reads = listed(program.reads.fields.map(quoted), 'and');
      const message = `must be set, because the policy reads ${reads} of ${groupResourceName(target)}, ${has}`;
      return { path: `${target.path}.version`, message };
    });
}

export function versionConflicts(
  program: Program,
  drafts: ReadonlyMap<GroupResourceName, KindDraft>,
): readonly FieldIssue[] {
  if (program.reads.fields.length === 0) return [];
  return program.targets.flatMap((target) => {
    const draft = drafts.get(groupResourceName(target));
    if (draft?.version === undefined || draft.version === target.version) return [];
    const message = `must be '${draft.version}', in which policy '${draft.versionOf}' reads this resource, found '${target.version}'; several versions of one resource are not supported yet`;
    return [{ path: `${target.path}.version`, message }];
  });
}
