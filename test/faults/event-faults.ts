import type { ProxiedRequest } from './proxy.ts';
import type { WatchedEvent } from './watch-events.ts';

/** Passes an event on to the client, at once or later; nothing once the watch has ended. */
export type Send = (event: WatchedEvent) => void;

/**
 * Is given each event of each watch in place of the client, those of watches that are open already too. What it does not send,
 * the client never sees.
 */
export type EventFault = (event: WatchedEvent, send: Send, watch: ProxiedRequest) => void;

export const EVENTS_PASS: EventFault = (event, send) => send(event);

/** Which events a fault is about; all others pass. */
export type EventFilter = (event: WatchedEvent, watch: ProxiedRequest) => boolean;

/** Changes of objects whose key begins so, such as those of a namespace. Bookmarks and errors are none. */
export function changesOf(prefix: string): EventFilter {
  return ({ key }) => key.startsWith(prefix);
}

/** They never come. */
export function drop(which: EventFilter): EventFault {
  return (event, send, watch) => {
    if (!which(event, watch)) send(event);
  };
}

/** Each comes so many times. */
export function duplicate(which: EventFilter, times = 2): EventFault {
  return (event, send, watch) => {
    for (let i = 0; i < (which(event, watch) ? times : 1); i += 1) send(event);
  };
}

/** All that comes on a watch from the first of them on waits, in order, until `until` resolves. */
export function hold(which: EventFilter, until: Promise<unknown>): EventFault {
  const isWaiting = new WeakSet<ProxiedRequest>();
  let isOver = false;
  void until.finally(() => {
    isOver = true;
  });
  return (event, send, watch) => {
    if (isOver || !(isWaiting.has(watch) || which(event, watch))) return send(event);
    isWaiting.add(watch);
    void until.then(() => send(event));
  };
}

/** Gathers so many of each watch and sends them in another order; `flush` sends what has not become enough. */
export function reorder(
  which: EventFilter,
  size: number,
  random: () => number,
): { readonly fault: EventFault; readonly flush: () => void } {
  const gathered = new Map<ProxiedRequest, { readonly event: WatchedEvent; readonly send: Send }[]>();
  const release = (watch: ProxiedRequest) => {
    const all = gathered.get(watch) ?? [];
    gathered.delete(watch);
    for (const { event, send } of shuffled(all, random)) send(event);
  };
  return {
    fault: (event, send, watch) => {
      if (!which(event, watch)) return send(event);
      const all = [...(gathered.get(watch) ?? []), { event, send }];
      gathered.set(watch, all);
      if (all.length >= size) release(watch);
    },
    flush: () => {
      for (const watch of gathered.keys()) release(watch);
    },
  };
}

/** After each of them comes one of those before it on its watch once more. */
export function replay(which: EventFilter, random: () => number): EventFault {
  const past = new Map<ProxiedRequest, WatchedEvent[]>();
  return (event, send, watch) => {
    send(event);
    if (!which(event, watch)) return;
    const all = [...(past.get(watch) ?? []), event];
    past.set(watch, all);
    const again = all[Math.floor(random() * all.length)];
    if (again !== undefined) send(again);
  };
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
