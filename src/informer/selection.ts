/** A part of a kind's objects that one list and one watch ask for: all that is said here must hold. */
export interface Slice {
  /** Absent: in whatever namespace. */
  readonly namespace?: string | undefined;
  /** In the API server's syntax; absent: whatever the labels. */
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** The objects of a kind that are watched. Several slices are each of another namespace. */
export type Selection = readonly [Slice, ...Slice[]];

export const EVERYTHING: Selection = [{}];

/** Equal for slices that ask for the same. */
export function sliceId({ namespace = '', labelSelector = '', fieldSelector = '' }: Slice): string {
  return `${namespace} ${labelSelector} ${fieldSelector}`;
}

export function isEverything([first, ...more]: Selection): boolean {
  return more.length === 0 && sliceId(first) === sliceId({});
}

/** All objects in the same namespaces. */
export function withoutSelectors([first, ...more]: Selection): Selection {
  return [wholeOf(first), ...more.map(wholeOf)];
}

function wholeOf({ namespace }: Slice): Slice {
  return namespace === undefined ? {} : { namespace };
}

export function isSameSelection(one: Selection, other: Selection): boolean {
  return one.length === other.length && one.every((slice, i) => sliceId(slice) === sliceId(other[i] ?? {}));
}
