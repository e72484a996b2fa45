import { compileGlob } from '../api/glob.ts';
import { counted, listed, quoted } from '../api/words.ts';
import type { KeyGlobs } from '../api/write-actions.ts';
import { CHANNELS } from './desired.ts';
import type { Channel, Demand } from './program.ts';

/** How many keys one message names. */
const MAX_NAMED = 3;

/** Keys that must not be there, however many in one fault: the object is cleaned up at once, or not at all. */
export function compileForbidden(globs: KeyGlobs): Demand {
  const forbidden = CHANNELS.map((channel) => [channel, keyGlobs(globs[channel] ?? [])] as const);
  return (view) => {
    const found = forbidden.flatMap(([channel, fits]) => {
      const keys = Object.keys(view[channel]).filter(fits);
      return keys.length === 0 ? [] : [named(channel, keys.toSorted())];
    });
    if (found.length === 0) return [];
    return [{ result: 'Violation', code: 'ForbiddenKey', message: `must not have ${found.join(', nor ')}` }];
  };
}

function keyGlobs(globs: readonly string[]): (key: string) => boolean {
  const compiled = globs.map((glob) => compileGlob(glob, { separator: '/' }));
  return (key) => compiled.some((fits) => fits(key));
}

function named(channel: Channel, keys: readonly string[]): string {
  const word = channel === 'labels' ? 'label' : 'annotation';
  const names = keys.slice(0, MAX_NAMED).map(quoted);
  const more = keys.length - names.length;
  if (more > 0) names.push(counted(more, 'more', 'more'));
  return `${keys.length === 1 ? `the ${word}` : `the ${word}s`} ${listed(names, 'and')}`;
}
