import { type CachedObject, valueIn } from '../api/object.ts';
import { ClaimIndex } from './claim-index.ts';
import type { Claim, Draft, Intent, Want } from './intent.ts';
import type { Channel, Move } from './program.ts';
import { owns } from './subject.ts';

/** By key, the intent that decides it. */
export interface Winners extends Readonly<Record<Channel, ReadonlyMap<string, Intent>>> {
  /** In order of precedence; they decide keys of which nobody else wants anything before them. */
  readonly claims?: readonly Claim[];
}

export const NO_WINNERS: Winners = Object.freeze({ labels: new Map(), annotations: new Map() });

/** `drafts` are in order of precedence. */
export function winnersOf(object: CachedObject, drafts: readonly Draft[]): Winners {
  const claims = drafts.flatMap((draft) => draft.claims);
  const winners = { labels: new Map<string, Intent>(), annotations: new Map<string, Intent>(), claims };
  const decide: Decide = (channel, key) => winnerOf(winners, channel, key);
  for (const { intents } of drafts) {
    for (const intent of intents) {
      const { channel, key, place } = intent;
      if (winners[channel].has(key) || claimOn(claims, channel, key, place) !== undefined) continue;
      // Of a move that lost one of its keys, or cannot take the first away, the other is free.
      const move = moveOf(intent);
      if (move !== undefined && blockerOf(object, intent, decide) !== undefined) continue;
      if (intent.kind === 'Write' && move !== undefined && !canMove(object, move)) continue;
      winners[channel].set(key, intent);
    }
  }
  return winners;
}

/** What decides a key that somebody wants something of. */
export type Decide = (channel: Channel, key: string) => Intent | undefined;

/** What decides a key: an intent, or a claim before it. */
export function winnerOf(winners: Winners, channel: Channel, key: string): Intent | undefined {
  const winner = winners[channel].get(key);
  const claim = claimOn(winners.claims ?? [], channel, key, winner?.place ?? Number.POSITIVE_INFINITY);
  return claim === undefined ? winner : { ...claim, key };
}

function claimOn(claims: readonly Claim[], channel: Channel, key: string, before: number): Claim | undefined {
  const [earliest] = claims;
  if (earliest === undefined || earliest.place >= before) return undefined;
  const first = indexOf(claims).firstOn(channel, key);
  return first !== undefined && first.place < before ? first : undefined;
}

/** Of lists that never change. */
const INDEXES = new WeakMap<readonly Claim[], ClaimIndex>();

function indexOf(claims: readonly Claim[]): ClaimIndex {
  let index = INDEXES.get(claims);
  if (index === undefined) {
    index = new ClaimIndex(claims);
    INDEXES.set(claims, index);
  }
  return index;
}

/**
 * The intent to which this one yields, because it comes first and leaves the key as this one does not want it. A move yields
 * as a whole.
 */
export function blockerOf(object: CachedObject, intent: Intent, decide: Decide): Intent | undefined {
  const { channel, key, place } = intent;
  const move = moveOf(intent);
  const wants: readonly (readonly [string, Want])[] =
    move === undefined
      ? [[key, intent]]
      : [
          [move.from, { kind: 'Remove', move }],
          [move.to, { kind: 'Write', value: move.value, overwrite: 'IfAbsent', move }],
        ];
  for (const [wanted, want] of wants) {
    const winner = decide(channel, wanted);
    if (winner === undefined || winner.place >= place || (move !== undefined && moveOf(winner) === move)) continue;
    if (conflicts(object, winner, want)) return winner;
  }
  return undefined;
}

export function moveOf(want: Want) {
  return want.kind === 'Hold' ? undefined : want.move;
}

/**
 * What an intent that wins its key does to the live object. `Keep`: what we own stays as it is, for now. `Leave`: it is not
 * ours and is not touched. `Protected`: likewise, although the rule wants it changed. `Blocked`: it stays as it is, because its
 * new name holds another value, and which of the two is right is not ours to say.
 */
export type Effect = 'Write' | 'Remove' | 'Keep' | 'Leave' | 'Protected' | 'Blocked';

export function effectOn(object: CachedObject, intent: Intent): Effect {
  const { channel, key } = intent;
  const live = valueIn(object[channel], key);
  const ours = owns(object, channel, key);
  if (intent.kind === 'Hold') return ours ? 'Keep' : 'Leave';
  if (intent.kind === 'Remove') {
    if (live === undefined) return 'Leave';
    if (isSelectable(object, channel, key)) return 'Protected';
    const { move } = intent;
    if (move === undefined) return 'Remove';
    const there = valueIn(object[channel], move.to);
    // Not before its value stands under the new name.
    return there === undefined ? 'Keep' : there === move.value ? 'Remove' : 'Blocked';
  }
  if (live === undefined) return 'Write';
  // What stays for good belongs to the object: a renamed value, or one that a policy has left behind.
  if (intent.overwrite === 'IfAbsent') return object.applied[channel].includes(key) ? 'Write' : 'Leave';
  if (!isSelectable(object, channel, key)) return 'Write';
  // An equal value is not made ours either: once it is, a change of what is wanted would change the label for its owner too.
  return live === intent.value ? 'Leave' : 'Protected';
}

/** Whether a move brings its value to the new name, if no other rule is against it. */
function canMove(object: CachedObject, { channel, from, to, value }: Move): boolean {
  const there = valueIn(object[channel], to);
  return !isSelectable(object, channel, from) && (there === undefined || there === value);
}

/**
 * A label on an object of a controller that is somebody else's, or nobody's yet. A ReplicaSet that loses a pod of its selector makes
 * another one and never takes the first back.
 */
export function isSelectable(object: CachedObject, channel: Channel, key: string): boolean {
  return object.controlled && channel === 'labels' && !owns(object, channel, key);
}

/** Whether the winner of a key leaves the object as `loser` does not want it. */
function conflicts(object: CachedObject, winner: Intent, loser: Want): boolean {
  const live = valueIn(object[winner.channel], winner.key);
  if (winner.kind === 'Hold') return loser.kind === 'Write' || live !== undefined;
  if (winner.kind === 'Remove') {
    if (loser.kind === 'Write') return true;
    // To remove a key is not to rename it.
    return loser.kind === 'Remove' && loser.move !== undefined && winner.move?.to !== loser.move.to;
  }
  if (loser.kind !== 'Write') return live !== undefined || effectOn(object, winner) === 'Write';
  // The value of a move that stands already is not in the way of its winner.
  if (loser.move !== undefined && live === loser.value && effectOn(object, winner) === 'Leave') return false;
  if (winner.value !== loser.value) return true;
  // Both want the same, but the winner gives way to what is there and the loser would not.
  const givesWay = winner.overwrite === 'IfAbsent' && loser.overwrite === 'Always';
  return givesWay && effectOn(object, winner) === 'Leave' && live !== loser.value;
}
