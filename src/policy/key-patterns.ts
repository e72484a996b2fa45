import { compileGlob } from '../api/glob.ts';
import type { KeySet } from '../api/object.ts';
import type { Channel } from './program.ts';

/**
 * Which keys something is about. A pattern is a key, or a glob in which `*` does not cross `/`, followed by what it leaves
 * out: `acme.io/* !acme.io/internal-*`. Keys hold neither spaces nor '!', so patterns are kept and recorded as text.
 */
export class KeyPatterns implements KeySet {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  readonly #fits: Readonly<Record<Channel, KeyTest>>;

  /** Each list without twins, sorted. */
  constructor({ labels, annotations }: KeySet) {
    this.labels = [...new Set(labels)].toSorted();
    this.annotations = [...new Set(annotations)].toSorted();
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
