import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot, ServedResource, ServedVersion } from './discovery.ts';
import type { GroupDocument, GroupVersionDocument } from './discovery-document.ts';

/**
 * Fills each stale version with the resources that were known of it before: the server says that it could not ask, not
 * that they are gone.
 */
export function keepStale(
  groups: readonly GroupDocument[],
  before: readonly GroupDocument[],
): readonly GroupDocument[] {
  return groups.map((document) => ({
    ...document,
    versions: document.versions.map((version) => {
      const known = version.stale ? versionIn(before, document.group, version.version) : undefined;
      return known === undefined ? version : { ...version, resources: known.resources };
    }),
  }));
}

function versionIn(groups: readonly GroupDocument[], group: string, version: string): GroupVersionDocument | undefined {
  return groups.find((document) => document.group === group)?.versions.find((known) => known.version === version);
}

class Snapshot extends Map<GroupResourceName, ServedResource> implements DiscoverySnapshot {
  readonly staleGroups: ReadonlySet<string>;

  constructor(staleGroups: ReadonlySet<string>) {
    super();
    this.staleGroups = staleGroups;
  }
}

/** Turns groups into resources. What is equal in `previous` stays the same object, up to the whole snapshot. */
export function buildSnapshot(groups: readonly GroupDocument[], previous: DiscoverySnapshot): DiscoverySnapshot {
  const stale = groups.filter(({ versions }) => versions.some((version) => version.stale)).map(({ group }) => group);
  const snapshot = new Snapshot(new Set(stale));
  let changed = !isSameSet(snapshot.staleGroups, previous.staleGroups);
  for (const document of groups) {
    for (const resource of resourcesOf(document)) {
      const name = groupResourceName(resource);
      const known = previous.get(name);
      const isSame = known !== undefined && isEqual(known, resource);
      if (!isSame) changed = true;
      snapshot.set(name, isSame ? known : resource);
    }
  }
  return changed || snapshot.size !== previous.size ? snapshot : previous;
}

function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string> = new Set()): boolean {
  return one.size === other.size && [...one].every((member) => other.has(member));
}

function resourcesOf({ group, versions }: GroupDocument): ServedResource[] {
  const stale = versions.some((version) => version.stale);
  const versionsOf = new Map<string, ServedVersion[]>();
  for (const { resources } of versions) {
    for (const [resource, served] of resources) {
      const known = versionsOf.get(resource);
      if (known === undefined) versionsOf.set(resource, [served]);
      else known.push(served);
    }
  }
  return Array.from(versionsOf, ([resource, served]) => ({ group, resource, versions: served, stale }));
}

function isEqual(one: ServedResource, other: ServedResource): boolean {
  return (
    one.stale === other.stale &&
    one.versions.length === other.versions.length &&
    one.versions.every((version, index) => isEqualVersion(version, other.versions[index]))
  );
}

function isEqualVersion(one: ServedVersion, other: ServedVersion | undefined): boolean {
  return (
    one.version === other?.version &&
    one.kind === other.kind &&
    one.scope === other.scope &&
    one.verbs.length === other.verbs.length &&
    one.verbs.every((verb, index) => verb === other.verbs[index])
  );
}
