import type { Exclude } from '../api/match.ts';
import { unreadByGlobs } from '../api/protected-keys.ts';
import type { Target } from './program.ts';
import { type Asked, anyTerm, compileTerms, type Fit } from './resource-terms.ts';

/** Which of a policy's targets are about a resource. */
export type About = Asked<Fit<Target>>;

/** `fields`: what the policy reads of objects beside their metadata. */
export function compileAbout(
  targets: readonly Target[],
  exclude: readonly Exclude[],
  fields: readonly string[],
): About {
  const fitOf = compileTerms(targets);
  const leftOutBy = compileLeftOut(exclude);
  return (resource, names) => {
    const fit = fitOf(resource, names);
    if (fit.kind === 'None' || fit.kind === 'Skipped') return fit;
    const unread = fit.kind === 'Globbed' ? unreadByGlobs(resource, fields) : undefined;
    if (unread !== undefined) return { kind: 'Skipped', reason: unread };
    const entry = leftOutBy(resource, names);
    return entry === undefined ? fit : { kind: 'Skipped', reason: `spec.exclude[${entry}] leaves it out` };
  };
}

/**
 * The entry of `exclude` that leaves a resource out altogether, because it speaks of nothing but resources: what fits it need
 * not even be watched.
 */
export function compileLeftOut(exclude: readonly Exclude[]): Asked<number | undefined> {
  const entries = exclude.map((entry) =>
    entry.resources !== undefined && Object.keys(entry).length === 1 ? anyTerm(entry.resources) : () => false,
  );
  return (resource, names) => {
    const entry = entries.findIndex((fits) => fits(resource, names));
    return entry === -1 ? undefined : entry;
  };
}
