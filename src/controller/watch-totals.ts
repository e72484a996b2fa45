import type { GroupResourceName } from '../api/resource.ts';
import type { KindContext } from '../policy/program.ts';
import type { WatchedKind } from './watched-kind.ts';

/** Of all watches of a kind together, in whatever versions and namespaces. */
export interface WatchTotals {
  readonly context: KindContext;
  /** Each counted once, however many versions show it. */
  objects: number;
  /** Not all objects are watched, but those that some policy can match. */
  narrowed: boolean;
  relists: number;
  /** By cause. */
  readonly restarts: Record<string, number>;
}

export function watchTotals(kinds: Iterable<WatchedKind>): ReadonlyMap<GroupResourceName, WatchTotals> {
  const totals = new Map<GroupResourceName, WatchTotals>();
  for (const { name, context, informer, views } of kinds) {
    const total = totals.get(name) ?? { context, objects: 0, narrowed: false, relists: 0, restarts: {} };
    totals.set(name, total);
    total.objects += informer.status.objects;
    total.narrowed ||= informer.isNarrowed;
    for (const view of views) {
      const { relists, restarts } = view.informer.status;
      total.relists += relists;
      for (const [cause, count] of Object.entries(restarts))
        total.restarts[cause] = (total.restarts[cause] ?? 0) + count;
    }
  }
  return totals;
}
