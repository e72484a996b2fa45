import { listedUpTo, quoted } from '../api/words.ts';
import type { KeyGlobs } from '../api/write-actions.ts';
import { KeyPatterns } from './key-patterns.ts';
import { CHANNELS, type Channel, type Demand } from './program.ts';

/** How many keys one message names. */
const MAX_NAMED = 3;

/** Keys that must not be there, however many in one fault: the object is cleaned up at once, or not at all. */
export function compileForbidden({ labels = [], annotations = [] }: KeyGlobs): Demand {
  const forbidden = new KeyPatterns({ labels, annotations });
  return (view, work) => {
    const found = CHANNELS.flatMap((channel) => {
      work.spend(forbidden.costOn(channel, view[channel]));
      const keys = Object.keys(view[channel]).filter((key) => forbidden.fits(channel, key));
      return keys.length === 0 ? [] : [named(channel, keys.toSorted())];
    });
    if (found.length === 0) return [];
    return [{ result: 'Violation', code: 'ForbiddenKey', message: `must not have ${found.join(', nor ')}` }];
  };
}

function named(channel: Channel, keys: readonly string[]): string {
  const word = channel === 'labels' ? 'label' : 'annotation';
  return `${keys.length === 1 ? `the ${word}` : `the ${word}s`} ${listedUpTo(MAX_NAMED, firstQuoted(keys))}`;
}

/** Those that are named are few; the others are only counted. */
function firstQuoted(keys: readonly string[]): readonly string[] {
  return keys.map((key, i) => (i < MAX_NAMED ? quoted(key) : key));
}
