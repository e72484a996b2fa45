import type { Representation } from '../api/object.ts';
import { type GroupResource, type GroupResourceName, parseGroupResourceName } from '../api/resource.ts';
import { listed } from '../api/words.ts';
import type { WatchSpec } from '../informer/watch-spec.ts';
import type { ServedResource, ServedVersion } from '../kube/discovery.ts';
import type { KindContext, Program } from '../policy/program.ts';
import { missingVerbs } from './verbs.ts';

/** One kind that is to be watched. */
export interface KindPlan {
  readonly context: KindContext;
  readonly spec: WatchSpec;
  readonly programs: readonly Program[];
  /** `policy/NAME`, `cleanup`, `source` */
  readonly owners: ReadonlySet<string>;
}

/** Why a kind that a policy names is not watched. */
export type Absence =
  | { readonly state: 'NotServed'; readonly message: string }
  | { readonly state: 'Failed'; readonly message: string };

/** All that is wanted of one kind. */
export interface KindDraft {
  readonly programs: Program[];
  readonly fields: Set<string>;
  readonly owners: Set<string>;
  /** The version that a program reads more than metadata in, and whose program that is. */
  version: string | undefined;
  versionOf: string;
}

export function planKind(
  name: GroupResourceName,
  draft: KindDraft,
  served: ServedResource,
  incarnation: (version: string) => string | undefined,
): KindPlan | Absence {
  const gr = parseGroupResourceName(name);
  const version = versionFor(served, draft);
  if (version === undefined) {
    const versions = served.versions.map((v) => v.version).join(', ');
    return { state: 'NotServed', message: `the API server serves ${name} in ${versions}, not in ${draft.version}` };
  }
  const missing = missingVerbs(version, draft.programs);
  if (missing.length > 0) {
    return { state: 'Failed', message: `the API server does not offer ${listed(missing, 'and')} for ${name}` };
  }
  const context = { ...gr, version: version.version, kind: version.kind, scope: version.scope };
  const representation: Representation =
    draft.fields.size === 0 ? { kind: 'Metadata' } : { kind: 'Projected', fields: [...draft.fields].toSorted() };
  const spec: WatchSpec = { gvr: gvrOf(gr, version), representation, incarnation: incarnation(version.version) };
  return { context, spec, programs: draft.programs, owners: draft.owners };
}

function gvrOf({ group, resource }: GroupResource, { version }: ServedVersion) {
  return { group, version, resource };
}

/** The version that a program names, else the first in the server's order that can be watched, else the first. */
function versionFor(served: ServedResource, draft: KindDraft): ServedVersion | undefined {
  if (draft.version !== undefined) return served.versions.find(({ version }) => version === draft.version);
  return served.versions.find((version) => missingVerbs(version, draft.programs).length === 0) ?? served.versions[0];
}
