import type { FieldIssue } from '../api/field-issue.ts';
import { groupResourceName } from '../api/resource.ts';
import { listed, listedUpTo, quoted } from '../api/words.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program, Target } from '../policy/program.ts';
import { isExact } from '../policy/resource-terms.ts';
import { expandTargets } from './targets.ts';

/** A policy that reads more than metadata must say in which version; the issue names those that the server has. */
export function missingVersions(program: Program, discovery: DiscoverySnapshot): readonly FieldIssue[] {
  const without = program.targets.filter(({ version }) => version === undefined);
  if (program.reads.fields.length === 0 || without.length === 0) return [];
  const { resources } = expandTargets(program, discovery);
  const reads = listed(program.reads.fields.map(quoted), 'and');
  return without.map((target) => {
    const versions = new Set<string>();
    for (const [name, targeted] of resources) {
      if (targeted.target !== target) continue;
      for (const { version } of discovery.get(name)?.versions ?? []) versions.add(version);
    }
    const message = `must be set, because the policy reads ${reads} of ${whatIsRead(target, [...versions].map(quoted))}`;
    return { path: `${target.path}.version`, message };
  });
}

/** Versions listed of all the resources that a glob fits. */
const MOST_VERSIONS = 8;

function whatIsRead(target: Target, versions: readonly string[]): string {
  if (isExact(target)) {
    const has =
      versions.length === 0 ? 'which is not served yet' : `which the API server has in ${listed(versions, 'and')}`;
    return `${groupResourceName(target)}, ${has}`;
  }
  const has =
    versions.length === 0
      ? 'of which none is served yet'
      : `which the API server has in ${listedUpTo(MOST_VERSIONS, versions.toSorted())}`;
  return `every resource that ${quoted(groupResourceName(target))} fits, ${has}: name one, or '*' for the one that it prefers of each`;
}
