import { neverTarget } from '../api/protected-keys.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { nearest, quoted } from '../api/words.ts';
import type { DiscoverySnapshot, ServedResource } from '../kube/discovery.ts';
import type { KindContext } from '../policy/program.ts';

export type ChosenKinds =
  | { readonly ok: true; readonly kinds: readonly KindContext[] }
  | { readonly ok: false; readonly problem: string };

/**
 * The kinds whose objects may carry keys of ours, in the order of their names: all that can be listed and patched and that a
 * policy may be about, or of these the ones that are asked for.
 */
export function chooseKinds(
  discovery: DiscoverySnapshot,
  asked: readonly GroupResourceName[] | undefined,
): ChosenKinds {
  const possible = new Map<GroupResourceName, KindContext>();
  for (const served of discovery.values()) {
    const context = contextOf(served);
    if (context !== undefined) possible.set(groupResourceName(served), context);
  }
  const names = [...possible.keys()].toSorted();
  const kinds: KindContext[] = [];
  for (const name of asked === undefined ? names : new Set(asked)) {
    const kind = possible.get(name);
    if (kind === undefined) return { ok: false, problem: whyNot(name, discovery, names) };
    kinds.push(kind);
  }
  return { ok: true, kinds };
}

function contextOf({ group, resource, versions }: ServedResource): KindContext | undefined {
  if (neverTarget({ group, resource }) !== undefined) return undefined;
  const served = versions.find(({ verbs }) => verbs.includes('list') && verbs.includes('patch'));
  if (served === undefined) return undefined;
  const { version, kind, scope } = served;
  return { group, resource, version, kind, scope };
}

function whyNot(name: GroupResourceName, discovery: DiscoverySnapshot, possible: readonly string[]): string {
  const served = discovery.get(name);
  if (served !== undefined) {
    const never = neverTarget(served);
    if (never !== undefined) return `${quoted(name)} carries no keys of Watchkeeper: ${never}`;
    return `${quoted(name)} carries no keys of Watchkeeper: it cannot be listed and patched`;
  }
  const meant = possible.find((known) => known.startsWith(`${name}.`)) ?? nearest(name, possible);
  const hint = meant === undefined ? '' : `; did you mean ${quoted(meant)}?`;
  return `${quoted(name)} is not served by this cluster${hint} (the plural, then a dot and the API group where it has one)`;
}
