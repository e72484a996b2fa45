import { type GroupResource, type GroupResourceName, groupResourceName, parseGroupResourceName } from './resource.ts';

/**
 * Resources that kube-apiserver serves in two groups from one store (its default storage factory says which): the same objects
 * under two names. The first name is the one to watch.
 */
export const COHABITING: readonly (readonly GroupResourceName[])[] = [
  ['deployments.apps', 'deployments.extensions'],
  ['daemonsets.apps', 'daemonsets.extensions'],
  ['replicasets.apps', 'replicasets.extensions'],
  ['replicationcontrollers', 'replicationcontrollers.extensions'],
  ['ingresses.networking.k8s.io', 'ingresses.extensions'],
  ['networkpolicies.networking.k8s.io', 'networkpolicies.extensions'],
  ['podsecuritypolicies.policy', 'podsecuritypolicies.extensions'],
  ['events', 'events.events.k8s.io'],
];

const NAMES: ReadonlyMap<GroupResourceName, readonly GroupResource[]> = new Map(
  COHABITING.flatMap((names) => {
    const all = names.map(parseGroupResourceName);
    return names.map((name) => [name, all] as const);
  }),
);

/** Every name under which a server may serve the objects of a resource, the one to prefer first; its own is among them. */
export function namesOf(resource: GroupResource): readonly GroupResource[] {
  return NAMES.get(groupResourceName(resource)) ?? [resource];
}
