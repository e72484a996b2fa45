/** What an object's identity needs of its kind: the version is only a representation. The core group is ''. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

export interface GroupVersionResource extends GroupResource {
  readonly version: string;
}

export type Scope = 'Namespaced' | 'Cluster';

/** `deployments.apps`, `configmaps`: the field's own way to write a group/resource; unique, since a resource has no dot. */
export type GroupResourceName = string;

export function groupResourceName({ group, resource }: GroupResource): GroupResourceName {
  return group === '' ? resource : `${resource}.${group}`;
}

export function parseGroupResourceName(name: GroupResourceName): GroupResource {
  const dot = name.indexOf('.');
  return dot === -1 ? { group: '', resource: name } : { group: name.slice(dot + 1), resource: name.slice(0, dot) };
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}
