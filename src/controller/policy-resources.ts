import { type GroupResource, parseGroupResourceName } from '../api/resource.ts';
import type { WatchedResource } from '../api/status.ts';
import type { Program } from '../policy/program.ts';
import type { Part } from '../watchplan/plan.ts';
import type { Skipped } from '../watchplan/targets.ts';
import type { KindState } from './kind-state.ts';

/** How what a policy is about stands. */
export interface PolicyResources {
  readonly resources: readonly WatchedResource[];
  /** What its globs leave out. */
  readonly skipped: readonly Skipped[];
}

/** `part`: the policy's part in the present plan, which may be that of an earlier generation of it. */
export function policyResources(
  program: Program,
  part: Part | undefined,
  stateOf: (resource: GroupResource) => KindState & { readonly version: string | undefined },
): PolicyResources {
  const row = ({ group, resource }: GroupResource): WatchedResource => {
    const { state, message, version } = stateOf({ group, resource });
    return { group, resource, ...(version === undefined ? {} : { version }), state, message };
  };
  if (part?.program !== program) return { resources: program.targets.map(row), skipped: [] };
  const resources = [...part.resources.keys()].map((name) => row(parseGroupResourceName(name)));
  for (const [{ group, resource }, message] of part.waiting) {
    resources.push({ group, resource, state: 'NotServed', message });
  }
  return { resources, skipped: part.skipped };
}
