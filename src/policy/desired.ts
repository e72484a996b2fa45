import { type CachedObject, type KeySet, valueIn } from '../api/object.ts';
import type { Channel } from './program.ts';
import { owns } from './subject.ts';
import { effectOn, type Winners } from './winners.ts';

/** Keys and values of labels and annotations. */
export interface KeyValues {
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
}

/** What one of our field managers is to own on an object, the whole set. */
export interface Wanted extends KeyValues {
  /**
   * Some value is only right for the object as we know it: a default where there was none, a key that is kept as it is.
   * The write must fail if the object has changed, or it would displace what somebody has set meanwhile.
   */
  readonly fromPicture: boolean;
}

/** What our two field managers are to own on an object. */
export interface Desired {
  readonly applied: Wanted;
  readonly retained: Wanted;
}

/** The object's side of `Desired`: each field holds what a manager of ours owns. */
export type Side = keyof Desired;

export const CHANNELS: readonly Channel[] = ['labels', 'annotations'];

const EMPTY: ReadonlyMap<string, string> = new Map();
const NOTHING: Wanted = Object.freeze({ labels: EMPTY, annotations: EMPTY, fromPicture: false });
/** Most objects under most policies: shared, so that they cost nothing. */
const NOTHING_DESIRED: Desired = Object.freeze({ applied: NOTHING, retained: NOTHING });

class WantedDraft implements Wanted {
  readonly labels = new Map<string, string>();
  readonly annotations = new Map<string, string>();
  fromPicture = false;

  /** What is there stays. */
  keep(object: CachedObject, channel: Channel, key: string): void {
    const live = valueIn(object[channel], key);
    if (live === undefined) return;
    this[channel].set(key, live);
    this.fromPicture = true;
  }
}

/** `held`: by policy, keys that stay although nothing that is enforced now wants them. */
export function desiredOf(object: CachedObject, winners: Winners, held: ReadonlyMap<string, KeySet>): Desired {
  if (isEmpty(object.applied) && isEmpty(object.retained) && winners.labels.size + winners.annotations.size === 0) {
    return NOTHING_DESIRED;
  }
  const applied = new WantedDraft();
  const retained = new WantedDraft();
  for (const channel of CHANNELS) {
    for (const [key, intent] of winners[channel]) {
      if (effectOn(object, intent) !== 'Write') continue;
      const side = intent.program.removal === 'Retain' ? retained : applied;
      side[channel].set(key, intent.value);
      if (intent.overwrite === 'IfAbsent') side.fromPicture = true;
    }
    const settled = (key: string) => applied[channel].has(key) || retained[channel].has(key);
    for (const key of object.retained[channel]) if (!settled(key)) retained.keep(object, channel, key);
    for (const key of object.applied[channel]) {
      if (settled(key)) continue;
      if (winners[channel].get(key)?.kind === 'Hold' || isHeld(held, channel, key)) applied.keep(object, channel, key);
    }
  }
  return { applied, retained };
}

/** Whatever is ours stays as it is, and nothing else becomes so. */
export function asItIs(object: CachedObject): Desired {
  const applied = new WantedDraft();
  const retained = new WantedDraft();
  for (const channel of CHANNELS) {
    for (const key of object.applied[channel]) applied.keep(object, channel, key);
    for (const key of object.retained[channel]) retained.keep(object, channel, key);
  }
  return { applied, retained };
}

function isEmpty({ labels, annotations }: KeySet): boolean {
  return labels.length + annotations.length === 0;
}

export function isHeld(held: ReadonlyMap<string, KeySet>, channel: Channel, key: string): boolean {
  for (const keys of held.values()) if (keys[channel].includes(key)) return true;
  return false;
}

/** The value that a key will have once `desired` is written; undefined when it will be absent. */
export function valueAfter(
  object: CachedObject,
  desired: Desired | undefined,
  channel: Channel,
  key: string,
): string | undefined {
  const live = valueIn(object[channel], key);
  if (desired === undefined) return live;
  const wanted = desired.applied[channel].get(key) ?? desired.retained[channel].get(key);
  return wanted ?? (owns(object, channel, key) ? undefined : live);
}
