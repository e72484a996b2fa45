import { compileGlob, stepsOfGlob } from '../api/glob.ts';
import type { KeySet, StringMap } from '../api/object.ts';
import type { Channel } from './program.ts';

/**
 * Which keys something is about. A pattern is a key, or a glob in which `*` does not cross `/`, followed by what it leaves
 * out: `acme.io/* !acme.io/internal-*`. Keys hold neither spaces nor '!', so patterns are kept and recorded as text.
 */
export class KeyPatterns implements KeySet {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  readonly #costs: Readonly<Record<Channel, Cost>>;
  readonly #fits: Readonly<Record<Channel, KeyTest>>;
  #shapes: Readonly<Record<Channel, Shapes>> | undefined;

  /** Each list without twins, sorted. */
  constructor({ labels, annotations }: KeySet) {
    this.labels = [...new Set(labels)].toSorted();
    this.annotations = [...new Set(annotations)].toSorted();
    this.#costs = { labels: costOf(this.labels), annotations: costOf(this.annotations) };
    this.#fits = { labels: compilePatterns(this.labels), annotations: compilePatterns(this.annotations) };
  }

  /** All that one of these is about. */
  static union(all: readonly KeySet[]): KeyPatterns {
    return new KeyPatterns({
      labels: all.flatMap(({ labels }) => labels),
      annotations: all.flatMap(({ annotations }) => annotations),
    });
  }

  fits(channel: Channel, key: string): boolean {
    return this.#fits[channel](key);
  }

  /** The patterns of a channel by how a key that fits can be found. */
  shapes(channel: Channel): Shapes {
    this.#shapes ??= { labels: shapesOf(this.labels), annotations: shapesOf(this.annotations) };
    return this.#shapes[channel];
  }

  /** What it costs to look at each key of a map: of plain keys little, of globs up to a step for each pair of characters. */
  costOn(channel: Channel, map: StringMap): number {
    if (this[channel].length === 0) return 0;
    const { globs, steps } = this.#costs[channel];
    const { keys, characters } = sizeOf(map);
    if (globs === 0) return PLAIN_COST * keys + KEY_COST * Math.min(this[channel].length, keys);
    return (KEY_COST + GLOB_COST * globs) * keys + steps * characters;
  }
}

/** Globs with one star that does not cross `/`, by what stands before and after it; and what the others cost. */
export interface Shapes {
  readonly exact: readonly string[];
  readonly ends: readonly { readonly head: string; readonly tail: string }[];
  readonly others: Cost;
}

function isOneStar(pattern: string): boolean {
  return !pattern.includes(' ') && /^[^*]*\*[^*]*$/.test(pattern);
}

function shapesOf(patterns: readonly string[]): Shapes {
  const globs = patterns.filter((pattern) => pattern.includes('*'));
  return {
    exact: patterns.filter((pattern) => !pattern.includes('*')),
    ends: globs.filter(isOneStar).map((pattern) => {
      const [head = '', tail = ''] = pattern.split('*');
      return { head, tail };
    }),
    others: costOf(globs.filter((pattern) => !isOneStar(pattern))),
  };
}

interface Size {
  readonly keys: number;
  readonly characters: number;
}

/** Many rules ask about one object's keys. */
const SIZES = new WeakMap<StringMap, Size>();

function sizeOf(map: StringMap): Size {
  let size = SIZES.get(map);
  if (size === undefined) {
    const keys = Object.keys(map);
    size = { keys: keys.length, characters: keys.reduce((sum, key) => sum + key.length, 0) };
    SIZES.set(map, size);
  }
  return size;
}

/**
 * Of work, what a key costs to look up; what it costs beside: it is told of, and it may be sorted among others; and
 * what one more glob for it does.
 */
const PLAIN_COST = 20;
const KEY_COST = 60;
const GLOB_COST = 3;

/** What it costs to look at a key: for each of so many globs, and so many steps for each of its characters. */
export interface Cost {
  readonly globs: number;
  readonly steps: number;
}

function costOf(patterns: readonly string[]): Cost {
  const globs = patterns.filter((pattern) => pattern.includes('*')).flatMap((pattern) => pattern.split(' '));
  return { globs: globs.length, steps: globs.reduce((sum, glob) => sum + stepsOfGlob(glob), 0) };
}

export type KeyTest = (key: string) => boolean;

const NO_KEY: KeyTest = () => false;

/** A pattern as text. */
export function keyPattern(glob: string, except: readonly string[]): string {
  return [glob, ...except.map((left) => `!${left}`)].join(' ');
}

/** Holds for keys that one of the patterns fits. */
function compilePatterns(patterns: readonly string[]): KeyTest {
  if (patterns.length === 0) return NO_KEY;
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => !exact.has(pattern)).map(compilePattern);
  return (key) => exact.has(key) || globs.some((fits) => fits(key));
}

function compilePattern(pattern: string): KeyTest {
  const [glob = '', ...rest] = pattern.split(' ');
  const fits = compileGlob(glob, { separator: '/' });
  if (rest.length === 0) return fits;
  const left = rest.map((except) => compileGlob(except.slice(1), { separator: '/' }));
  return (key) => fits(key) && !left.some((isLeft) => isLeft(key));
}
