import { type CachedObject, MANAGER, OWN_KEYS, valueIn } from '../api/object.ts';
import type { WriteOutcome } from '../controller/writer.ts';
import type { Side } from '../policy/desired.ts';
import { CHANNELS, type Channel, type KindContext } from '../policy/program.ts';
import { owns } from '../policy/subject.ts';
import type { Winners } from '../policy/winners.ts';
import type { ApplyStep } from './plan-apply.ts';
import type { WriteStep } from './plan-write.ts';
import type { Rewrite } from './rewrite.ts';

/** A key that a write sets or lets go. Its value is left out on purpose: this goes to logs. */
export interface WrittenKey {
  readonly channel: Channel;
  readonly key: string;
  /** There was a value of somebody else, another one than we set. */
  readonly displaced: boolean;
}

/** One request of a writer and what came of it, for those who tell of writes. */
export interface WriteReport {
  readonly kind: KindContext;
  /** As it was. */
  readonly object: CachedObject;
  /** By key, the rule that decides it. */
  readonly winners: Winners;
  readonly fieldManager: string;
  /** Keys that get another value or another owner. */
  readonly set: readonly WrittenKey[];
  /** Keys that were ours and are nobody's of ours from now on, and those of others that are cleaned up. */
  readonly removed: readonly WrittenKey[];
  readonly outcome: WriteOutcome;
}

/** What a write changes on the object as we know it. */
export function changesOf(
  object: CachedObject,
  step: WriteStep,
): Pick<WriteReport, 'fieldManager' | 'set' | 'removed'> {
  if (step.kind === 'Apply') return { fieldManager: step.apply.fieldManager, ...appliedOf(object, step.apply) };
  if (step.kind === 'Rewrite') return { fieldManager: MANAGER, ...rewrittenOf(object, step.rewrite) };
  const removed = CHANNELS.flatMap((channel) =>
    [...step.cleanUp[channel]].map((key) => ({ channel, key, displaced: true })),
  );
  return { fieldManager: MANAGER, set: [], removed };
}

function rewrittenOf(object: CachedObject, rewrite: Rewrite): Pick<WriteReport, 'set' | 'removed'> {
  const changes = CHANNELS.flatMap((channel) =>
    Object.entries(rewrite[channel]).map(([key, value]) => {
      const displaced = valueIn(object[channel], key) !== undefined && !owns(object, channel, key);
      return { value, written: { channel, key, displaced } };
    }),
  ).filter(({ written }) => written.key !== OWN_KEYS);
  return {
    set: changes.flatMap(({ value, written }) => (value === null ? [] : [written])),
    removed: changes.flatMap(({ value, written }) => (value === null ? [written] : [])),
  };
}

function appliedOf(object: CachedObject, { fieldManager, keys }: ApplyStep): Pick<WriteReport, 'set' | 'removed'> {
  const side: Side = fieldManager === MANAGER ? 'applied' : 'retained';
  const other: Side = side === 'applied' ? 'retained' : 'applied';
  const set: WrittenKey[] = [];
  const removed: WrittenKey[] = [];
  for (const channel of CHANNELS) {
    const owned = object[side][channel];
    for (const [key, value] of keys[channel]) {
      const live = valueIn(object[channel], key);
      if (live === value && owned.includes(key)) continue;
      set.push({
        channel,
        key,
        displaced: live !== undefined && live !== value && !owns(object, channel, key),
      });
    }
    for (const key of owned) {
      if (!keys[channel].has(key) && !object[other][channel].includes(key))
        removed.push({ channel, key, displaced: false });
    }
  }
  return { set, removed };
}
