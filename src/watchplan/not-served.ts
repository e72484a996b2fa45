import { type GroupResourceName, parseGroupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Absence } from './kind-plan.ts';

interface Known {
  readonly discovery: DiscoverySnapshot;
  readonly crdUids: ReadonlyMap<GroupResourceName, string>;
}

/** Why discovery does not have a kind, and where to look. */
export function whyNotServed(name: GroupResourceName, { discovery, crdUids }: Known): Absence {
  const { group } = parseGroupResourceName(name);
  if (discovery.staleGroups?.has(group) === true) {
    const message = `the API server cannot reach the aggregated API server of group ${group}; see the conditions of its APIService; it is tried again`;
    return { state: 'Failed', message };
  }
  const notServed = `the API server does not serve ${name} yet`;
  const message = crdUids.has(name)
    ? `${notServed}, although its CustomResourceDefinition is there: see the conditions NamesAccepted and Established of that, and served of its versions`
    : notServed;
  return { state: 'NotServed', message };
}
