import { type Claim, type Draft, tooMuchWork } from './intent.ts';
import type { Channel } from './program.ts';
import { TooMuchWork, type Work } from './work.ts';

/** What it costs to take up a pattern of a claim, and to look up a key by its ends. */
const PATTERN_COST = 10;
const ENDS_COST = 10;
/** And what one more glob that is asked by itself does. */
const GLOB_COST = 3;

/** The keys of which rules want anything. */
interface Asked {
  readonly keys: number;
  readonly characters: number;
}

/**
 * Has each policy pay for what its claims cost: all keys that any rule wants are compared with them. Where that is more than is
 * allowed, its rules that remove keys say nothing, and an Error instead.
 */
export function payForClaims(drafts: readonly Draft[], works: readonly Work[]): readonly Draft[] {
  if (drafts.every(({ claims }) => claims.length === 0)) return drafts;
  const asked = { labels: askedOn(drafts, 'labels'), annotations: askedOn(drafts, 'annotations') };
  const seen = new Set<string>();
  return drafts.map((draft, i) => {
    if (draft.claims.length === 0) return draft;
    try {
      works[i]?.spend(costOf(draft.claims, asked, seen));
      return draft;
    } catch (error) {
      if (!(error instanceof TooMuchWork)) throw error;
      return withoutClaims(draft, error);
    }
  });
}

function askedOn(drafts: readonly Draft[], channel: Channel): Asked {
  const keys = new Set<string>();
  let characters = 0;
  for (const { intents } of drafts) {
    for (const intent of intents) {
      if (intent.channel !== channel || keys.has(intent.key)) continue;
      keys.add(intent.key);
      characters += intent.key.length;
    }
  }
  return { keys: keys.size, characters };
}

/** `seen`: lengths of ends that somebody has paid for already. */
function costOf(claims: readonly Claim[], asked: Readonly<Record<Channel, Asked>>, seen: Set<string>): number {
  let cost = 0;
  for (const { channel, keys } of claims) {
    const { exact, ends, others } = keys.shapes(channel);
    cost += PATTERN_COST * (exact.length + ends.length + others.globs);
    for (const { head, tail } of ends) {
      const lengths = `${channel} ${head.length} ${tail.length}`;
      if (seen.has(lengths)) continue;
      seen.add(lengths);
      cost += ENDS_COST * asked[channel].keys;
    }
    cost += GLOB_COST * others.globs * asked[channel].keys + others.steps * asked[channel].characters;
  }
  return cost;
}

/** What is held on the object stays so; only who comes later is free. */
function withoutClaims(draft: Draft, why: TooMuchWork): Draft {
  const removals = draft.claims.filter(({ kind }) => kind === 'Remove');
  const places = new Set(removals.map(({ place }) => place));
  const errors = [...new Set(removals.map(({ rule }) => rule))].map((rule) => tooMuchWork(rule, why));
  return {
    ...draft,
    claims: [],
    intents: draft.intents.filter(({ place }) => !places.has(place)),
    errors: [...draft.errors, ...errors],
  };
}
