import { at, type KubeObject } from '../cluster/kube-object.ts';

const OURS = new Set(['watchkeeper', 'watchkeeper-retained']);
const CHANNELS = { labels: '', annotations: '@' } as const;

/**
 * An object's labels and annotations with the field managers that own each, as one line per key:
 * `{ team: 'a (watchkeeper)', tier: 'web (test-admin)', '@note': 'x (watchkeeper)' }`. Whatever our managers own besides is
 * there by its path, which no test expects.
 */
export function keysAndOwners({ metadata }: KubeObject): Record<string, string> {
  const owners = new Map<string, string[]>();
  for (const { manager, fieldsV1 } of metadata.managedFields) {
    for (const path of leaves(fieldsV1)) {
      const name = nameOf(path) ?? (OURS.has(manager) ? path.join('.') : undefined);
      if (name !== undefined) owners.set(name, [...(owners.get(name) ?? []), manager].toSorted());
    }
  }
  const values = new Map<string, string>();
  for (const [channel, prefix] of Object.entries(CHANNELS)) {
    for (const [key, value] of Object.entries(at(metadata, channel) ?? {}))
      values.set(`${prefix}${key}`, String(value));
  }
  const names = [...new Set([...values.keys(), ...owners.keys()])].toSorted();
  return Object.fromEntries(
    names.map((name) => [name, `${values.get(name) ?? 'absent'} (${(owners.get(name) ?? []).join(', ')})`]),
  );
}

/** Undefined for what is no label and no annotation. */
function nameOf([root, channel, key, ...rest]: readonly string[]): string | undefined {
  if (root !== 'metadata' || key === undefined || rest.length > 0) return undefined;
  if (channel !== 'labels' && channel !== 'annotations') return undefined;
  return `${CHANNELS[channel]}${key}`;
}

/** The paths of a field set, without `f:`. The entry `.`, the map itself, is one only where nothing in the map is owned. */
function* leaves(
  fields: Readonly<Record<string, unknown>>,
  path: readonly string[] = [],
): Generator<readonly string[]> {
  const names = Object.keys(fields).filter((name) => name !== '.');
  if (names.length === 0 && path.length > 0) yield path;
  for (const name of names) {
    yield* leaves(fields[name] as Readonly<Record<string, unknown>>, [...path, name.replace(/^f:/, '')]);
  }
}
