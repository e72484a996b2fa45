import type { DatedResult } from './findings.ts';

/** What is said now and was not before, and the other way round. */
export interface ResultChanges {
  readonly appeared: readonly DatedResult[];
  readonly ended: readonly DatedResult[];
}

export const NO_CHANGES: ResultChanges = Object.freeze({ appeared: [], ended: [] });

/**
 * The difference between two sets of results on one object. A result is the same while its rule, its kind and its code are: a
 * message that changes is no news. Where a rule says the same of several keys, the messages tell which of them came or went.
 */
export function changesBetween(before: readonly DatedResult[], after: readonly DatedResult[]): ResultChanges {
  const appeared = leftOver(after, before);
  const ended = leftOver(before, after);
  if (appeared.length === 0 && ended.length === 0) return NO_CHANGES;
  // Of each sort as many stay as there are on both sides, whatever their messages.
  return { appeared: withoutPairs(appeared, ended), ended: withoutPairs(ended, appeared) };
}

/** What of `these` has no twin in `those`, message included. */
function leftOver(these: readonly DatedResult[], those: readonly DatedResult[]): DatedResult[] {
  return minus(these, those, (result) => `${sortOf(result)} ${result.message}`);
}

function withoutPairs(these: readonly DatedResult[], those: readonly DatedResult[]): DatedResult[] {
  return minus(these, those, sortOf);
}

function minus(
  these: readonly DatedResult[],
  those: readonly DatedResult[],
  idOf: (result: DatedResult) => string,
): DatedResult[] {
  const left = new Map<string, number>();
  for (const result of those) left.set(idOf(result), (left.get(idOf(result)) ?? 0) + 1);
  return these.filter((result) => {
    const id = idOf(result);
    const count = left.get(id) ?? 0;
    left.set(id, count - 1);
    return count <= 0;
  });
}

function sortOf({ rule, result, code }: DatedResult): string {
  return `${rule} ${result} ${code}`;
}
