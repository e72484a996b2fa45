import type { Match } from '../api/match.ts';
import { type GroupResourceName, groupResourceName, parseGroupResourceName } from '../api/resource.ts';
import { anyGlob } from './match.ts';
import { perKind } from './per-kind.ts';
import type { KindContext } from './program.ts';
import { compileTerms, type ScopedResource } from './resource-terms.ts';

/**
 * The part of a policy's match that no change of an object can undo: its kind, its name, its namespace. An object out of
 * reach cannot carry keys that were set for the policy, whatever its labels or its Namespace's were at the time.
 */
export interface Reach {
  /** `deployments.apps`, or with globs `*.*.example.com`: since a resource has no dot, the first one ends it. */
  readonly resources: readonly GroupResourceName[];
  /** Globs; any name when absent. */
  readonly names?: readonly string[] | undefined;
  /** Globs; any namespace, and none, when absent. */
  readonly namespaces?: readonly string[] | undefined;
}

type Identity = { readonly namespace: string; readonly name: string };

export function reachOf({ resources, names, namespaces }: Match): Reach {
  return { resources: resources.map(groupResourceName).toSorted(), names, namespaces };
}

export function compileReach(reach: Reach): (kind: KindContext, object: Identity) => boolean {
  const isAbout = perKind(compileReachedKinds(reach));
  const fitsName = anyGlob(reach.names ?? ['*']);
  const fitsNamespace = anyGlob(reach.namespaces ?? ['*']);
  return (kind, { namespace, name }) => {
    // A Namespace is its own namespace; other cluster-scoped objects never meet a namespace term.
    const own = groupResourceName(kind) === 'namespaces' ? name : namespace;
    return isAbout(kind) && fitsName(name) && fitsNamespace(own);
  };
}

/** Whether some objects of a resource may be within reach. */
export function compileReachedKinds({ resources }: Reach): (resource: ScopedResource) => boolean {
  const fitOf = compileTerms(resources.map((name) => ({ ...parseGroupResourceName(name), scope: '*' as const })));
  return (resource) => ['Named', 'Globbed'].includes(fitOf(resource).kind);
}
