import type { Claim } from './intent.ts';
import type { Channel } from './program.ts';

/** Claims with the same glob of one star. */
interface Ends {
  readonly head: number;
  readonly tail: number;
  /** By head and tail. */
  readonly claims: Map<string, Claim[]>;
}

/**
 * Finds the first of many claims on a key without asking each of them: by the key itself, or by how it begins and ends.
 * Only those with other globs are asked one by one.
 */
export class ClaimIndex {
  readonly #claims: Readonly<Record<Channel, ChannelClaims>>;

  /** In order of precedence. */
  constructor(claims: readonly Claim[]) {
    this.#claims = { labels: new ChannelClaims(), annotations: new ChannelClaims() };
    for (const claim of claims) this.#claims[claim.channel].add(claim);
  }

  firstOn(channel: Channel, key: string): Claim | undefined {
    return this.#claims[channel].firstOn(key);
  }
}

class ChannelClaims {
  readonly #exact = new Map<string, Claim[]>();
  readonly #ends = new Map<string, Ends>();
  readonly #others: Claim[] = [];
  readonly #first = new Map<string, Claim | undefined>();

  add(claim: Claim): void {
    const { exact, ends, others } = claim.keys.shapes(claim.channel);
    for (const key of exact) add(this.#exact, key, claim);
    for (const { head, tail } of ends) {
      const lengths = `${head.length} ${tail.length}`;
      let same = this.#ends.get(lengths);
      if (same === undefined) {
        same = { head: head.length, tail: tail.length, claims: new Map() };
        this.#ends.set(lengths, same);
      }
      add(same.claims, endsKey(head, tail), claim);
    }
    if (others.globs > 0) this.#others.push(claim);
  }

  /** Many intents, and what is told of them, ask about the same keys. */
  firstOn(key: string): Claim | undefined {
    if (!this.#first.has(key)) this.#first.set(key, this.#find(key));
    return this.#first.get(key);
  }

  #find(key: string): Claim | undefined {
    let first = firstThatFits(this.#exact.get(key), key, undefined);
    for (const { head, tail, claims } of this.#ends.values()) {
      const rest = key.length - tail;
      if (rest < head) continue;
      const stop = key.indexOf('/', head);
      if (stop !== -1 && stop < rest) continue;
      first = firstThatFits(claims.get(endsKey(key.slice(0, head), key.slice(rest))), key, first);
    }
    return firstThatFits(this.#others, key, first);
  }
}

/** Of claims in order of precedence, where one of them comes before `first`. What fits by its pattern may still be protected. */
function firstThatFits(claims: readonly Claim[] = [], key: string, first: Claim | undefined): Claim | undefined {
  for (const claim of claims) {
    if (first !== undefined && claim.place >= first.place) return first;
    if (claim.fits(key)) return claim;
  }
  return first;
}

/** Keys hold no spaces. */
function endsKey(head: string, tail: string): string {
  return `${head} ${tail}`;
}

function add(claims: Map<string, Claim[]>, at: string, claim: Claim): void {
  const there = claims.get(at);
  if (there === undefined) claims.set(at, [claim]);
  else there.push(claim);
}
