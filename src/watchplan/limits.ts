import type { GroupResourceName } from '../api/resource.ts';
import { listed } from '../api/words.ts';
import type { ServedResource } from '../kube/discovery.ts';
import { anyGlob } from '../policy/match.ts';
import type { Program } from '../policy/program.ts';

/** The only namespaces in which anything is watched and written; undefined: the whole cluster. */
export type Namespaces = readonly string[] | undefined;

/** What is watched of one kind: all its objects, or those of one namespace where only some namespaces are watched. */
export type KindId = string;

export function kindId(name: GroupResourceName, namespace: string | undefined): KindId {
  return namespace === undefined ? name : `${name} in ${namespace}`;
}

/** Ids of all that is watched of a kind. */
export function kindIds(name: GroupResourceName, namespaces: Namespaces): readonly KindId[] {
  return namespaces === undefined ? [name] : namespaces.map((namespace) => kindId(name, namespace));
}

/** Whether no objects of the kind can be within the namespaces. */
export function isBeyond({ versions }: ServedResource, namespaces: Namespaces): boolean {
  return namespaces !== undefined && versions[0]?.scope === 'Cluster';
}

/** Whether the policy names namespaces, and none of them is watched. */
export function isElsewhere({ reach }: Pick<Program, 'reach'>, namespaces: Namespaces): boolean {
  return namespaces !== undefined && reach.namespaces !== undefined && !namespaces.some(anyGlob(reach.namespaces));
}

/** As a clause. */
export function limitText(namespaces: Namespaces): string {
  const all = namespaces ?? [];
  return `the operator is limited to ${all.length === 1 ? 'namespace' : 'namespaces'} ${listed(all, 'and')}`;
}
