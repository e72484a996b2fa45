import type { GroupResource, GroupResourceName, Scope } from '../api/resource.ts';

export interface ServedVersion {
  readonly version: string;
  readonly kind: string;
  readonly scope: Scope;
  /** `get`, `list`, `watch`, `patch`, ... */
  readonly verbs: readonly string[];
}

export interface ServedResource extends GroupResource {
  /** In the server's order of preference, the first is what "preferred" means; never empty. */
  readonly versions: readonly ServedVersion[];
  /** True when the server could not refresh this group: what was known before is kept. */
  readonly stale: boolean;
}

/** All that the cluster serves, subresources left out. Immutable. */
export interface DiscoverySnapshot extends ReadonlyMap<GroupResourceName, ServedResource> {
  /** Groups that the server could not ask about in some version: they may serve more than is known. Absent: none. */
  readonly staleGroups?: ReadonlySet<string>;
}

export interface Discovery {
  /** The last snapshot; empty before the first refresh. The same object as long as nothing changed. */
  readonly snapshot: DiscoverySnapshot;
  /** Two conditional GETs (`/api`, `/apis`, aggregated discovery v2, ETag). Concurrent calls share one. Rejects with ApiError. */
  refresh(signal: AbortSignal): Promise<DiscoverySnapshot>;
}
