import type { Exclude } from '../api/match.ts';
import type { GroupResource } from '../api/resource.ts';
import type { Target } from './program.ts';
import { anyTerm, compileTerms, type Fit, type ScopedResource } from './resource-terms.ts';

/** Which of a policy's targets are about a resource. `names`: those under which the server has it, by default all that it may have. */
export type About = (resource: ScopedResource, names?: readonly GroupResource[]) => Fit<Target>;

/** An entry of `exclude` that speaks of nothing but resources leaves these out altogether: they need not even be watched. */
export function compileAbout(targets: readonly Target[], exclude: readonly Exclude[]): About {
  const fitOf = compileTerms(targets);
  const excluded = exclude.flatMap((entry, i) =>
    entry.resources !== undefined && Object.keys(entry).length === 1
      ? [{ isExcluded: anyTerm(entry.resources), reason: `spec.exclude[${i}] leaves it out` }]
      : [],
  );
  return (resource, names) => {
    const fit = fitOf(resource, names);
    if (fit.kind === 'None' || fit.kind === 'Skipped') return fit;
    const found = excluded.find(({ isExcluded }) => isExcluded(resource, names));
    return found === undefined ? fit : { kind: 'Skipped', reason: found.reason };
  };
}
