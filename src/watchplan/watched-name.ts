import { namesOf } from '../api/cohabitation.ts';
import { type GroupResourceName, groupResourceName, parseGroupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';

/** The name by which the objects of a resource are watched: of all that they may have, the first that is served; else its own. */
export function watchedName(name: GroupResourceName, discovery: DiscoverySnapshot): GroupResourceName {
  const names = namesOf(parseGroupResourceName(name)).map(groupResourceName);
  return names.find((one) => discovery.has(one)) ?? name;
}
