import { type CachedObject, valueIn } from '../api/object.ts';
import type { Draft, Intent } from './intent.ts';
import type { Channel } from './program.ts';
import { owns } from './subject.ts';

/** By key, the intent that decides it. */
export type Winners = Readonly<Record<Channel, ReadonlyMap<string, Intent>>>;

export const NO_WINNERS: Winners = Object.freeze({ labels: new Map(), annotations: new Map() });

/** `drafts` are in order of precedence. */
export function winnersOf(drafts: readonly Draft[]): Winners {
  const winners = { labels: new Map<string, Intent>(), annotations: new Map<string, Intent>() };
  for (const { intents } of drafts) {
    for (const intent of intents) {
      const keys = winners[intent.channel];
      if (!keys.has(intent.key)) keys.set(intent.key, intent);
    }
  }
  return winners;
}

/**
 * What an intent that wins its key does to the live object. `Keep`: what we own stays as it is. `Leave`: it is not ours
 * and is not touched. `Protected`: likewise, although the rule wants it changed.
 */
export type Effect = 'Write' | 'Keep' | 'Leave' | 'Protected';

export function effectOn(object: CachedObject, { kind, channel, key, overwrite, value }: Intent): Effect {
  const ours = owns(object, channel, key);
  if (kind === 'Hold') return ours ? 'Keep' : 'Leave';
  const live = valueIn(object[channel], key);
  if (ours || live === undefined) return 'Write';
  if (overwrite === 'IfAbsent') return 'Leave';
  // A ReplicaSet that loses a pod of its selector makes another one and never takes the first back. An equal value is not
  // made ours either: once it is, a change of what is wanted would change the label for its owner too.
  if (object.controlled && channel === 'labels') return live === value ? 'Leave' : 'Protected';
  return 'Write';
}

/** Whether the winner of a key leaves the object as `loser` does not want it. */
export function conflicts(object: CachedObject, winner: Intent, loser: Intent): boolean {
  if (winner.kind === 'Hold' || winner.value !== loser.value) return true;
  // Both want the same, but the winner gives way to what is there and the loser would not.
  const givesWay = winner.overwrite === 'IfAbsent' && loser.overwrite === 'Always';
  return givesWay && effectOn(object, winner) === 'Leave' && valueIn(object[loser.channel], loser.key) !== loser.value;
}
