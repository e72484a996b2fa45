import { compileGlob } from '../api/glob.ts';
import type { Exclude, Match } from '../api/match.ts';
import { GLOB_SKIPPED_NAMESPACES } from '../api/protected-keys.ts';
import { compileSelector } from '../api/selector.ts';
import type { Answer, Predicate, Subject } from './program.ts';

/** An object is matched when `match` holds and no entry of `exclude` does. */
export function compileMatch(match: Match, exclude: readonly Exclude[]): Predicate {
  const included = compileTerms(match, ordinaryNamespaces);
  const excluded = exclude.map((entry) => compileTerms(entry, anyGlob));
  return (subject) => {
    const answer = included(subject);
    return answer === 'No' || excluded.length === 0 ? answer : and(answer, not(or(excluded, subject)));
  };
}

/** All terms that are there must hold. An absent term holds. */
function compileTerms(entry: Match | Exclude, namespaceGlobs: typeof anyGlob): Predicate {
  const terms: Predicate[] = [];
  if (entry.resources !== undefined) {
    const { resources } = entry;
    terms.push(({ kind }) =>
      yesNo(resources.some(({ group, resource }) => resource === kind.resource && group === kind.group)),
    );
  }
  if (entry.names !== undefined) {
    const fits = anyGlob(entry.names);
    terms.push(({ object }) => yesNo(fits(object.name)));
  }
  if (entry.objectSelector !== undefined) {
    const selects = compileSelector(entry.objectSelector);
    terms.push(({ labels }) => yesNo(selects(labels)));
  }
  if (entry.namespaces !== undefined) {
    const fits = namespaceGlobs(entry.namespaces);
    terms.push(({ object, namespace }) => {
      // The name is known from the object, also before its Namespace was seen.
      if (namespace === 'Unknown') return yesNo(fits(object.namespace));
      return yesNo(namespace !== 'NotNamespaced' && fits(namespace.name));
    });
  }
  if (entry.namespaceSelector !== undefined) {
    const selects = compileSelector(entry.namespaceSelector);
    terms.push(({ namespace }) => {
      if (namespace === 'Unknown') return 'Unknown';
      return yesNo(namespace !== 'NotNamespaced' && selects(namespace.labels));
    });
  }
  return (subject) => all(terms, subject);
}

/** Holds for a text that one of the globs fits; there `*` crosses everything. */
export function anyGlob(globs: readonly string[]): (text: string) => boolean {
  const compiled = globs.map((glob) => compileGlob(glob));
  return (text) => compiled.some((fits) => fits(text));
}

/** A glob does not bring in the namespaces of Kubernetes itself: these must be named exactly. */
function ordinaryNamespaces(globs: readonly string[]): (text: string) => boolean {
  const fits = anyGlob(globs);
  return (text) => fits(text) && (!GLOB_SKIPPED_NAMESPACES.includes(text) || globs.includes(text));
}

function yesNo(holds: boolean): Answer {
  return holds ? 'Yes' : 'No';
}

/** One "no" decides, whatever is unknown. */
function all(predicates: readonly Predicate[], subject: Subject): Answer {
  let answer: Answer = 'Yes';
  for (const predicate of predicates) {
    answer = and(answer, predicate(subject));
    if (answer === 'No') return 'No';
  }
  return answer;
}

function and(a: Answer, b: Answer): Answer {
  if (a === 'No' || b === 'No') return 'No';
  return a === 'Unknown' || b === 'Unknown' ? 'Unknown' : 'Yes';
}

/** One "yes" decides, whatever is unknown. */
function or(predicates: readonly Predicate[], subject: Subject): Answer {
  let answer: Answer = 'No';
  for (const predicate of predicates) {
    const next = predicate(subject);
    if (next === 'Yes') return 'Yes';
    if (next === 'Unknown') answer = 'Unknown';
  }
  return answer;
}

function not(answer: Answer): Answer {
  if (answer === 'Unknown') return 'Unknown';
  return answer === 'Yes' ? 'No' : 'Yes';
}
