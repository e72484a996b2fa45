import { type GroupResource, groupResourceName } from '../api/resource.ts';
import type { WatchState } from '../api/status.ts';
import { listedUpTo } from '../api/words.ts';
import type { InformerStatus } from '../informer/informer.ts';
import { TARGET_VERBS } from '../watchplan/verbs.ts';

/** How a kind stands, for status, and whether its objects may be evaluated and written. */
export interface KindState {
  readonly state: WatchState;
  /** What is wrong and what to do about it; '' while Watching, and while Syncing where nothing is known to be wrong. */
  readonly message: string;
  /** Of the state Forbidden. */
  readonly right?: MissingRight;
}

export interface MissingRight {
  readonly verbs: readonly string[];
  /** The ones that lack it; undefined: all. */
  readonly namespaces: readonly string[] | undefined;
}

/** A synced kind whose watch breaks is still said to be watched for this long, in milliseconds: servers restart. */
export const TOLERATED_MS = 30_000;

/**
 * What an access review says of our rights to list, watch and patch: the verbs that are missing. Undefined until it has
 * answered.
 */
export type MissingVerbs = readonly string[] | undefined;

/** Who serves a kind, as far as it matters to what is said about it. */
export interface KindSource {
  /** The APIService of the aggregated API server; undefined when the API server serves the kind itself. */
  readonly apiService: string | undefined;
  /** The API server itself says that it cannot reach it. */
  readonly unreachable: boolean;
}

/** What a kind is watched for. */
export interface Need {
  /** Its objects are to be written. */
  readonly writes: boolean;
  /** The only namespace that is watched; undefined: all. */
  readonly namespace?: string | undefined;
}

/**
 * `failingMs`: for how long the informer has been without a working list or watch, in milliseconds. A 403 is a missing right
 * only where a review says so: a server that starts answers 403 too, before it has read the roles.
 */
export function kindState(
  gr: GroupResource,
  { lastError, synced }: Pick<InformerStatus, 'lastError' | 'synced'>,
  failingMs: number,
  missing: MissingVerbs,
  { apiService, unreachable }: KindSource,
  { writes, namespace }: Need,
): KindState {
  if (lastError === undefined) return { state: synced ? 'Watching' : 'Syncing', message: '' };
  if (lastError.code === 'Forbidden' && missing?.some(isToRead) === true) {
    // Also what would be missing next, so that all of it can be granted at once.
    const verbs = missing.filter((verb) => writes || isToRead(verb));
    return forbidden(gr, { verbs, namespaces: namespace === undefined ? undefined : [namespace] });
  }
  if (lastError.code === 'NotFound') {
    return { state: 'NotServed', message: `the API server does not serve ${groupResourceName(gr)} any more` };
  }
  if (synced && failingMs < TOLERATED_MS && !unreachable) return { state: 'Watching', message: '' };
  if (lastError.code === 'Forbidden' && missing === undefined) return { state: 'Syncing', message: '' };
  const where =
    apiService === undefined ? '' : `; see the condition Available of APIService ${apiService}, which serves it`;
  return { state: 'Failed', message: `${lastError.message}${where}; it is tried again` };
}

function isToRead(verb: string): boolean {
  return verb === 'list' || verb === 'watch';
}

export function forbidden(gr: GroupResource, right: MissingRight): KindState {
  return { state: 'Forbidden', message: missingRightMessage(gr, right.verbs, right.namespaces), right };
}

/** So many namespaces are named. */
const NAMESPACES_SHOWN = 3;

/**
 * Names the exact rule to grant; never more than the verbs that are needed, nor in more than the namespaces that lack
 * it, where it is there in others.
 */
export function missingRightMessage(
  { group, resource }: GroupResource,
  verbs: readonly string[],
  namespaces?: readonly string[],
): string {
  const where = namespaces === undefined ? '' : ` by a Role in ${namespacesText(namespaces)}`;
  return `grant the operator's ServiceAccount${where} apiGroups: ${list([group])}, resources: ${list([resource])}, verbs: ${list(verbs)}`;
}

function namespacesText(namespaces: readonly string[]): string {
  const word = namespaces.length === 1 ? 'namespace' : 'namespaces';
  return `the ${word} ${listedUpTo(NAMESPACES_SHOWN, namespaces)}:`;
}

function list(items: readonly string[]): string {
  return `[${items.map((item) => JSON.stringify(item)).join(', ')}]`;
}

const WORST: readonly WatchState[] = ['Forbidden', 'Failed', 'NotServed', 'Syncing', 'Watching'];

/** Of several watches of a kind for one purpose; where a right is missing to several of them, all of that right. */
export function worst(gr: GroupResource, states: readonly KindState[]): KindState {
  const [first] = states.toSorted((a, b) => WORST.indexOf(a.state) - WORST.indexOf(b.state));
  if (first === undefined) return { state: 'Syncing', message: '' };
  const rights = states.flatMap(({ right }) => right ?? []);
  return first.state === 'Forbidden' && rights.length > 1 ? forbidden(gr, together(rights)) : first;
}

function together(rights: readonly MissingRight[]): MissingRight {
  const verbs = new Set(rights.flatMap((right) => right.verbs));
  const isEverywhere = rights.some(({ namespaces }) => namespaces === undefined);
  const namespaces = new Set(rights.flatMap((right) => right.namespaces ?? []));
  return {
    verbs: TARGET_VERBS.filter((verb) => verbs.has(verb)),
    namespaces: isEverywhere ? undefined : [...namespaces].toSorted(),
  };
}
