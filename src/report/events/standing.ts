import { microTime } from '../../base/micro-time.ts';
import type { EventContent, EventSeries } from '../../kube/events.ts';
import { type Fact, namespaceOf } from './fact.ts';

const CONTROLLER = 'watchkeeper.dev/watchkeeper';

/** A fact that happened once or more often in the last minutes, and the Event that tells of it. */
export interface Standing {
  readonly id: string;
  readonly fact: Fact;
  readonly namespace: string;
  readonly firstAt: number;
  name: string;
  /** For the server, and on the monotonic clock. */
  lastAt: number;
  lastSeen: number;
  sentAt: number;
  count: number;
  /** How much of the count was told of, and whether the Event that did is still there. */
  told: number;
  exists: boolean;
  /** How many changes it stands for that are not told of yet. */
  rolledUp: number;
}

/** That has not happened so far. `name`: its Event's; `now` on the wall clock. */
export function newStanding(id: string, fact: Fact, name: string, now: number): Standing {
  return {
    id,
    fact,
    namespace: namespaceOf(fact),
    firstAt: now,
    name,
    lastAt: now,
    lastSeen: 0,
    sentAt: 0,
    count: 0,
    told: 0,
    exists: false,
    rolledUp: 0,
  };
}

/** `instance`: who tells. */
export function contentOf({ fact, firstAt, count, lastAt }: Standing, instance: string): EventContent {
  return {
    eventTime: microTime(firstAt),
    reportingController: CONTROLLER,
    reportingInstance: instance.slice(0, 128),
    ...fact,
    series: count > 1 ? seriesOf({ count, lastAt }) : undefined,
  };
}

export function seriesOf({ count, lastAt }: Pick<Standing, 'count' | 'lastAt'>): EventSeries {
  return { count, lastObservedTime: microTime(lastAt) };
}
