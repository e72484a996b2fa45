import { type CachedObject, OWN_KEYS, type OwnValues, type StringMap, valueIn } from '../api/object.ts';
import { recordText } from '../kube/own-record.ts';
import type { Desired, Side } from '../policy/desired.ts';
import { CHANNELS, type Channel } from '../policy/program.ts';

/**
 * A merge patch in place of an apply. To be sent with the resourceVersion of our picture: it names keys, whoever owns them.
 * It holds the record of our keys too: the server drops all of managedFields with each write of an object that does not fit its
 * schema, and leaves keys that it has seen before its first apply with an owner of its own making.
 */
export interface Rewrite {
  readonly labels: Readonly<Record<string, string | null>>;
  readonly annotations: Readonly<Record<string, string | null>>;
}

const SIDES: readonly Side[] = ['applied', 'retained'];

class Draft {
  readonly change: Record<Channel, Record<string, string | null>> = { labels: {}, annotations: {} };
  readonly record: Record<Side, Record<Channel, Record<string, string>>> = {
    applied: { labels: {}, annotations: {} },
    retained: { labels: {}, annotations: {} },
  };

  get isChange(): boolean {
    return CHANNELS.some((channel) => Object.keys(this.change[channel]).length > 0);
  }

  rewrite(): Rewrite {
    const { labels, annotations } = this.change;
    return { labels, annotations: { ...annotations, [OWN_KEYS]: recordText(this.record) ?? null } };
  }
}

/** The object as managedFields alone tell of it. */
export function asApplied(object: CachedObject): CachedObject {
  return object.record === undefined ? object : { ...object, ...object.record.byApply };
}

/**
 * What an apply cannot do on an object that does not fit its schema; undefined when every key is as it is wanted. What has the
 * wanted value already and is not ours stays somebody else's: it is not put on record.
 */
export function rewriteOf(object: CachedObject, desired: Desired): Rewrite | undefined {
  const draft = new Draft();
  for (const channel of CHANNELS) {
    for (const side of SIDES) {
      for (const [key, value] of desired[side][channel]) {
        const isThere = valueIn(object[channel], key) === value;
        if (!isThere) draft.change[channel][key] = value;
        if (!isThere || isOurs(object, channel, key)) draft.record[side][channel][key] = value;
      }
    }
    for (const side of SIDES) {
      for (const key of object[side][channel]) {
        if (mayGo(desired, channel, key) && valueIn(object[channel], key) !== undefined) {
          draft.change[channel][key] = null;
        }
      }
    }
  }
  return draft.isChange ? draft.rewrite() : undefined;
}

/**
 * What is left to do on an object with a record once nothing is left to apply: keys of the record that nothing wants go, whoever
 * owns them, and so does what is on record without being so. Of those that are spared only the record goes: anybody can write
 * one.
 */
export function recordRewrite(object: CachedObject, desired: Desired): Rewrite | undefined {
  const { record } = object;
  if (record === undefined) return undefined;
  const draft = new Draft();
  let isOld = false;
  for (const side of SIDES) {
    for (const channel of CHANNELS) {
      for (const [key, value] of entriesOf(record.values, side, channel)) {
        const isThere = valueIn(object[channel], key) === value;
        if (isThere && isWanted(desired, channel, key)) {
          draft.record[side][channel][key] = value;
          continue;
        }
        isOld = true;
        if (isThere && mayGo(desired, channel, key)) draft.change[channel][key] = null;
      }
    }
  }
  return isOld || recordText(draft.record) === undefined ? draft.rewrite() : undefined;
}

function entriesOf(values: OwnValues, side: Side, channel: Channel): [string, string][] {
  const map: StringMap = values[side][channel];
  return Object.entries(map);
}

function isOurs({ applied, retained }: CachedObject, channel: Channel, key: string): boolean {
  return applied[channel].includes(key) || retained[channel].includes(key);
}

function mayGo(desired: Desired, channel: Channel, key: string): boolean {
  return !isWanted(desired, channel, key) && desired.spared?.[channel].has(key) !== true;
}

function isWanted({ applied, retained }: Desired, channel: Channel, key: string): boolean {
  return applied[channel].has(key) || retained[channel].has(key);
}
