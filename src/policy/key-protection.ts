import { compileGlob } from '../api/glob.ts';
import { type Protection, protectionOf } from '../api/protected-keys.ts';
import type { Channel } from './program.ts';

/** Whether rules may write a key. */
export type KeyProtection = (channel: Channel, key: string) => Protection;

/** `allowed`: globs of the cluster's owner, in which `*` does not cross `/`. No glob frees a key that is never written. */
export function keyProtection(allowed: readonly string[]): KeyProtection {
  const globs = allowed.map((glob) => compileGlob(glob, { separator: '/' }));
  return (channel, key) => {
    const protection = protectionOf(channel === 'labels' ? 'label' : 'annotation', key);
    return protection === 'OwnerAllows' && globs.some((fits) => fits(key)) ? 'Free' : protection;
  };
}
