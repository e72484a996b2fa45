import { type CachedObject, MANAGER, RETAINED_MANAGER, valueIn } from '../api/object.ts';
import type { Desired, KeyValues, Side } from '../policy/desired.ts';
import { CHANNELS, type Channel } from '../policy/program.ts';

/** One server-side apply: the whole set of keys that one of our managers is to own. */
export interface ApplyStep {
  readonly fieldManager: typeof MANAGER | typeof RETAINED_MANAGER;
  readonly keys: KeyValues;
  /** To be sent with the resourceVersion of our picture: some value is only right for the object as we know it. */
  readonly guarded: boolean;
}

const MANAGERS = { applied: MANAGER, retained: RETAINED_MANAGER } as const;
const OTHER = { applied: 'retained', retained: 'applied' } as const;

/**
 * The next write that brings the object closer to what is desired, or undefined when nothing differs. One step per manager
 * at most, but for keys that swap managers; the answer to a step is the picture for the next.
 *
 * A key that moves between our managers is not let go by the one before the other holds it: in between nobody would own it
 * and the server would drop it.
 */
export function nextApply(object: CachedObject, desired: Desired): ApplyStep | undefined {
  const first: Side = hasMoves(object, desired, 'applied') ? 'retained' : 'applied';
  return stepOf(object, desired, first) ?? stepOf(object, desired, OTHER[first]);
}

function stepOf(object: CachedObject, desired: Desired, side: Side): ApplyStep | undefined {
  if (!differs(object, desired, side)) return undefined;
  const { fromPicture } = desired[side];
  const keys = {
    labels: new Map(wantedOf(object, desired, side, 'labels')),
    annotations: new Map(wantedOf(object, desired, side, 'annotations')),
  };
  let guarded = fromPicture;
  for (const channel of CHANNELS) {
    for (const key of object[side][channel]) {
      const live = valueIn(object[channel], key);
      if (live === undefined || keys[channel].has(key) || !isMoving(object, desired, side, channel, key)) continue;
      keys[channel].set(key, live);
      guarded = true;
    }
  }
  return { fieldManager: MANAGERS[side], keys, guarded };
}

/** Whether what the side's manager owns is something else than what it is to own, keys that wait for the other left out. */
function differs(object: CachedObject, desired: Desired, side: Side): boolean {
  for (const channel of CHANNELS) {
    const owned = object[side][channel];
    const wanted = wantedOf(object, desired, side, channel);
    for (const key of owned) if (!wanted.has(key) && !isMoving(object, desired, side, channel, key)) return true;
    for (const [key, value] of wanted) {
      if (valueIn(object[channel], key) !== value || !owned.includes(key)) return true;
    }
  }
  return false;
}

/** What the side's manager is to own. */
function wantedOf(object: CachedObject, desired: Desired, side: Side, channel: Channel): ReadonlyMap<string, string> {
  const wanted = desired[side][channel];
  if (desired.onlyKept !== true) return wanted;
  return new Map([...wanted].filter(([key]) => object[side][channel].includes(key)));
}

function hasMoves(object: CachedObject, desired: Desired, from: Side): boolean {
  return CHANNELS.some((channel) => object[from][channel].some((key) => isMoving(object, desired, from, channel, key)));
}

/** Whether a key that one of our managers owns is to be the other's, and is not yet. */
function isMoving(object: CachedObject, desired: Desired, from: Side, channel: Channel, key: string): boolean {
  const to = OTHER[from];
  return desired[to][channel].has(key) && !object[to][channel].includes(key);
}
