import { namesOf } from '../api/cohabitation.ts';
import { compileGlob } from '../api/glob.ts';
import { neverTarget, skippedByGlobs } from '../api/protected-keys.ts';
import { type GroupResource, type GroupResourceName, groupResourceName, type Scope } from '../api/resource.ts';

/** One entry of `resources`: a group/resource, or globs over several. */
export interface ResourceTerm extends GroupResource {
  readonly scope: Scope | '*';
}

export interface ScopedResource extends GroupResource {
  readonly scope: Scope;
}

/** What entries say of a resource. */
export type Fit<T> =
  /** An entry names it, with its scope; that one counts, whatever globs say. */
  | { readonly kind: 'Named'; readonly term: T }
  /** In the order of the entries; never empty. */
  | { readonly kind: 'Globbed'; readonly terms: readonly T[] }
  /** Some entry fits, but the resource is left out; `reason` as a clause. */
  | { readonly kind: 'Skipped'; readonly reason: string }
  | { readonly kind: 'None' };

const NONE = { kind: 'None' } as const;

/** Whether both group and resource are names. What globs leave out must be named so. */
export function isExact({ group, resource }: GroupResource): boolean {
  return !group.includes('*') && !resource.includes('*');
}

/** A question about a resource, by all names under which it is served: by default those that it may have. */
export type Asked<T> = (resource: ScopedResource, names?: readonly GroupResource[]) => T;

/** What the entries of `match` say of a resource: one that names it before globs, and these leave some resources out. */
export function compileTerms<T extends ResourceTerm>(terms: readonly T[]): Asked<Fit<T>> {
  const named = new Map<GroupResourceName, T>();
  for (const term of terms) if (isExact(term)) named.set(groupResourceName(term), term);
  const globs = terms.filter((term) => !isExact(term)).map((term) => ({ term, fits: compileTerm(term) }));
  return (resource, names = namesOf(resource)) => {
    for (const name of names) {
      const term = named.get(groupResourceName(name));
      if (term !== undefined && fitsScope(term, resource)) return { kind: 'Named', term };
    }
    const fitting = globs.filter(({ fits }) => fits(resource, names)).map(({ term }) => term);
    if (fitting.length === 0) return NONE;
    const reason = neverTarget(resource) ?? skippedByGlobs(resource);
    return reason === undefined ? { kind: 'Globbed', terms: fitting } : { kind: 'Skipped', reason };
  };
}

/** Whether any of the entries fits; nothing is left out of these. */
export function anyTerm(terms: readonly ResourceTerm[]): Asked<boolean> {
  const compiled = terms.map(compileTerm);
  return (resource, names) => compiled.some((fits) => fits(resource, names));
}

function compileTerm(term: ResourceTerm): Asked<boolean> {
  const fitsGroup = compileGlob(term.group);
  const fitsResource = compileGlob(term.resource);
  return (resource, names = namesOf(resource)) =>
    fitsScope(term, resource) && names.some((name) => fitsResource(name.resource) && fitsGroup(name.group));
}

function fitsScope(term: ResourceTerm, { scope }: ScopedResource): boolean {
  return term.scope === '*' || term.scope === scope;
}
