import { OWNER_ALLOWS_KEYS, RESERVED_LABEL_DOMAINS } from '../src/api/protected-keys.ts';

/**
 * Which keys are the cluster owner's, as RE2 patterns for an expression of the API server. They are asked of keys and
 * of globs over keys: of a glob, whether it may fit such a key. A glob with a star before '/' may fit nearly any, and
 * is taken to.
 */

const WHOLE_PREFIX = /^([^/]+)\/\*$/;

/** For keys that are reserved by their prefix, and for globs that may be; of labels there are more. */
export function reservedPattern(): string {
  const prefixes = OWNER_ALLOWS_KEYS.flatMap((glob) => {
    const prefix = WHOLE_PREFIX.exec(glob)?.[1];
    if (prefix === undefined && glob.includes('*')) throw new Error(`no pattern is known for the glob ${glob}`);
    return prefix === undefined ? [] : [literal(prefix)];
  });
  return `^((${prefixes.join('|')}|[^/]*[*][^/]*)/|[^/]*[*][*])`;
}

/** For labels under Kubernetes' own domains, one of which is everybody's: keys that begin with `but`. */
export function reservedLabels(): { readonly pattern: string; readonly but: string } {
  const { of, but } = RESERVED_LABEL_DOMAINS;
  return { pattern: `^([^/]*[.])?(${of.map(literal).join('|')})/`, but: `${but}/` };
}

/** Keys that are reserved one by one. */
export function exactlyReserved(): readonly string[] {
  return OWNER_ALLOWS_KEYS.filter((glob) => !glob.includes('*'));
}

/** Fits whatever one of the others fits, and is short. */
export function mayBeReserved(): string {
  const pieces = [...RESERVED_LABEL_DOMAINS.of, ...OWNER_ALLOWS_KEYS.map(longestPiece)];
  const least = pieces.filter((piece, i) =>
    pieces.every((other, j) => i === j || !piece.includes(other) || (piece === other && i < j)),
  );
  return ['[*]', ...least.map(literal)].join('|');
}

function longestPiece(glob: string): string {
  return glob.split('*').toSorted((a, b) => b.length - a.length)[0] ?? '';
}

function literal(text: string): string {
  return text.replaceAll('.', '[.]').replaceAll('*', '[^/]*');
}
