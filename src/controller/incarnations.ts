import type { CachedObject } from '../api/object.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { KindContext } from '../policy/program.ts';
import type { KindSource } from './kind-state.ts';

/** Label of an APIService that the API server keeps for what it serves itself. */
const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged';

type Objects = { readonly values: () => Iterable<CachedObject> };

/**
 * Who serves each kind: the uid of its CRD, or of the APIService of its aggregated API server. Deleted and made again, a kind
 * has another history.
 */
export class Incarnations {
  readonly #uids = new Map<GroupResourceName, string>();
  readonly #apiServices = new Map<string, string>();

  /** One that is gone while its kind is still served is on its way out: its kind is not another one for that. */
  update(discovery: DiscoverySnapshot, crds: Objects | undefined, apiServices: Objects | undefined): void {
    for (const name of this.#uids.keys()) if (!discovery.has(name)) this.#uids.delete(name);
    for (const { name, uid } of crds?.values() ?? []) this.#uids.set(name, uid);
    const served = new Set(discovery.values().flatMap(groupVersions));
    for (const name of this.#apiServices.keys()) if (!served.has(name)) this.#apiServices.delete(name);
    for (const { name, uid, labels } of apiServices?.values() ?? []) {
      if (AUTOMANAGED in labels) this.#apiServices.delete(name);
      else this.#apiServices.set(name, uid);
    }
  }

  /** Kinds that a CRD defines. */
  get crds(): ReadonlyMap<GroupResourceName, string> {
    return this.#uids;
  }

  /** By the name of the APIService, `version.group`. */
  get apiServices(): ReadonlyMap<string, string> {
    return this.#apiServices;
  }

  /** `discovery`: as it is now, which may be newer than what the last update was of. */
  sourceOf(kind: KindContext, discovery: DiscoverySnapshot | undefined): KindSource {
    const apiService = `${kind.version}.${kind.group}`;
    return {
      apiService: this.#apiServices.has(apiService) ? apiService : undefined,
      unreachable: discovery?.get(groupResourceName(kind))?.stale === true,
    };
  }
}

function groupVersions({ group, versions }: ServedResource): string[] {
  return versions.map(({ version }) => `${version}.${group}`);
}
