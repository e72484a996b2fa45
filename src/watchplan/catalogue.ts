import { namesOf } from '../api/cohabitation.ts';
import { type GroupResource, type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { ScopedResource } from '../policy/resource-terms.ts';
import { watchedName } from './watched-name.ts';

/** A resource of the server, with all that every program asks of it. */
export interface Listed {
  readonly served: ServedResource;
  readonly name: GroupResourceName;
  readonly scoped: ScopedResource;
  /** The name by which its objects are watched. */
  readonly watched: GroupResourceName;
  /** All names by which they are served. */
  readonly names: readonly GroupResource[];
}

/** What a server has, in alphabetical order: what is sorted already costs nothing to sort. */
export class Catalogue {
  readonly discovery: DiscoverySnapshot;
  readonly all: readonly Listed[];
  readonly #places: ReadonlyMap<GroupResourceName, number>;

  constructor(discovery: DiscoverySnapshot) {
    this.discovery = discovery;
    const sorted = [...discovery].toSorted(([a], [b]) => (a < b ? -1 : 1));
    this.all = sorted.map(([name, served]) => ({
      served,
      name,
      scoped: scopedOf(served),
      watched: watchedName(name, discovery),
      names: namesOf(served).filter((one) => discovery.has(groupResourceName(one))),
    }));
    this.#places = new Map(sorted.map(([name], place) => [name, place]));
  }

  get(name: GroupResourceName): Listed | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.all[place];
  }

  /**
   * For each place, the one at which an earlier catalogue has the very same; undefined where it has not. Of a resource with
   * several names it matters which others are served.
   */
  placesIn(earlier: Catalogue): readonly (number | undefined)[] {
    return this.all.map(({ served, name }) => {
      const place = earlier.#places.get(name);
      const isSame = place !== undefined && earlier.all[place]?.served === served && namesOf(served).length === 1;
      return isSame ? place : undefined;
    });
  }
}

export function scopedOf({ group, resource, versions }: ServedResource): ScopedResource {
  return { group, resource, scope: versions[0]?.scope ?? 'Namespaced' };
}
