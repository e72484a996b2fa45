import { compileGlob } from '../api/glob.ts';
import type { Exclude, LabelSelector, Match } from '../api/match.ts';
import type { StringMap } from '../api/object.ts';
import { GLOB_SKIPPED_NAMESPACES } from '../api/protected-keys.ts';
import { groupResourceName } from '../api/resource.ts';
import { compileSelector } from '../api/selector.ts';
import { perKind } from './per-kind.ts';
import type { Answer, Predicate, Subject } from './program.ts';
import { anyTerm, compileTerms as compileResources } from './resource-terms.ts';
import type { Work } from './work.ts';

/** Of work, to ask whether `match`, or an entry of `exclude`, holds. */
const ENTRY_COST = 10;

/** An object is matched when `match` holds and no entry of `exclude` does. Throws TooMuchWork. */
export function compileMatch(match: Match, exclude: readonly Exclude[]): Predicate {
  const included = compileTerms(match, matchedResources(match), ordinaryNamespaces);
  const excluded = exclude.map((entry) => compileTerms(entry, excludedResources(entry), anyGlob));
  return (subject) => {
    subject.work.spend(ENTRY_COST * (1 + excluded.length));
    const answer = included(subject);
    return answer === 'No' || excluded.length === 0 ? answer : and(answer, not(or(excluded, subject)));
  };
}

/** All terms that are there must hold. An absent term holds. */
function compileTerms(entry: Match | Exclude, resources: Predicate, namespaceGlobs: typeof anyGlob): Predicate {
  const terms = [resources];
  if (entry.names !== undefined) {
    const fits = countedGlobs(entry.names, anyGlob(entry.names));
    terms.push(({ object, work }) => yesNo(fits(object.name, work)));
  }
  if (entry.objectSelector !== undefined) {
    const selects = countedSelector(entry.objectSelector);
    terms.push(({ labels, work }) => yesNo(selects(labels, work)));
  }
  if (entry.namespaces !== undefined) {
    const fits = countedGlobs(entry.namespaces, namespaceGlobs(entry.namespaces));
    terms.push(({ object, namespace, work }) => {
      // The name is known from the object, also before its Namespace was seen.
      if (namespace === 'Unknown') return yesNo(fits(object.namespace, work));
      return yesNo(namespace !== 'NotNamespaced' && fits(namespace.name, work));
    });
  }
  if (entry.namespaceSelector !== undefined) {
    const selects = countedSelector(entry.namespaceSelector);
    terms.push(({ namespace, work }) => {
      if (namespace === 'Unknown') return 'Unknown';
      return yesNo(namespace !== 'NotNamespaced' && selects(namespace.labels, work));
    });
  }
  return (subject) => all(terms, subject);
}

/**
 * A glob does not bring in what is in the namespaces of Kubernetes itself: the resource, or the namespace, must be
 * named exactly.
 */
function matchedResources({ resources, namespaces = [] }: Match): Predicate {
  const fitOf = compileResources(resources);
  const fitOfKind = perKind((kind) => fitOf(kind).kind);
  return ({ object, kind }) => {
    const fit = fitOfKind(kind);
    if (fit !== 'Globbed') return yesNo(fit === 'Named');
    const namespace = groupResourceName(kind) === 'namespaces' ? object.name : object.namespace;
    return yesNo(!GLOB_SKIPPED_NAMESPACES.includes(namespace) || namespaces.includes(namespace));
  };
}

function excludedResources({ resources }: Exclude): Predicate {
  if (resources === undefined) return () => 'Yes';
  const fits = anyTerm(resources);
  const isExcluded = perKind((kind) => fits(kind));
  return ({ kind }) => yesNo(isExcluded(kind));
}

/** Holds for a text that one of the globs fits; there `*` crosses everything. */
export function anyGlob(globs: readonly string[]): (text: string) => boolean {
  const exact = new Set(globs.filter((glob) => !glob.includes('*')));
  const compiled = globs.filter((glob) => !exact.has(glob)).map((glob) => compileGlob(glob));
  return (text) => exact.has(text) || compiled.some((fits) => fits(text));
}

type Counted<T> = (value: T, work: Work) => boolean;

/**
 * Of work: a glob, the more so for each character where it has a piece to look for between two stars; a requirement of
 * a selector.
 */
const GLOB_COST = 5;
const SEARCH_COST = 0.6;
const REQUIREMENT_COST = 3;

function countedGlobs(globs: readonly string[], fits: (text: string) => boolean): Counted<string> {
  const patterns = globs.filter((glob) => glob.includes('*'));
  const searching = patterns.filter((glob) => /\*[^*]+\*/.test(glob)).length;
  return (text, work) => {
    work.spend(GLOB_COST * patterns.length + Math.ceil(SEARCH_COST * searching * text.length));
    return fits(text);
  };
}

function countedSelector(selector: LabelSelector): Counted<StringMap> {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const cost = REQUIREMENT_COST * (Object.keys(matchLabels).length + matchExpressions.length);
  const selects = compileSelector(selector);
  return (labels, work) => {
    work.spend(cost);
    return selects(labels);
  };
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
