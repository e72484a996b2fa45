import type { Match } from '../api/match.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { anyGlob } from './match.ts';
import type { KindContext } from './program.ts';

/**
 * The part of a policy's match that no change of an object can undo: its kind, its name, its namespace. An object out of
 * reach cannot carry keys that were set for the policy, whatever its labels or its Namespace's were at the time.
 */
export interface Reach {
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
  const kinds = new Set(reach.resources);
  const fitsName = anyGlob(reach.names ?? ['*']);
  const fitsNamespace = anyGlob(reach.namespaces ?? ['*']);
  return (kind, { namespace, name }) => {
    const kindName = groupResourceName(kind);
    // A Namespace is its own namespace; other cluster-scoped objects never meet a namespace term.
    const own = kindName === 'namespaces' ? name : namespace;
    return kinds.has(kindName) && fitsName(name) && fitsNamespace(own);
  };
}
