import type { SourceResult } from './program.ts';

/**
 * What a source found, as the text of a label or annotation. Frozen: it decides values in users' clusters.
 * Strings, booleans and integers up to 2^53 as written; nothing, or null, is Empty; anything else is an error.
 */
export function valueText(hits: readonly unknown[]): SourceResult {
  if (hits.length > 1) return notRepresentable(`the path leads to ${hits.length} values, a key holds one`);
  const value = hits[0];
  if (value === undefined || value === null) return EMPTY;
  if (typeof value === 'string') return { kind: 'Value', value };
  if (typeof value === 'boolean') return { kind: 'Value', value: String(value) };
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { kind: 'Value', value: String(value) };
  return notRepresentable(`the value is ${kindOf(value)}`);
}

const EMPTY: SourceResult = Object.freeze({ kind: 'Empty' });

function kindOf(value: unknown): string {
  // The decoder gives integers that a number cannot hold as BigInt.
  if (typeof value === 'bigint' || Number.isInteger(value)) return 'an integer beyond 2^53';
  if (typeof value === 'number') return 'a number that is not an integer';
  return Array.isArray(value) ? 'a list' : 'an object';
}

function notRepresentable(why: string): SourceResult {
  return {
    kind: 'Error',
    code: 'NotRepresentable',
    message: `${why}; only a string, a boolean or an integer up to 2^53 can be written`,
  };
}
