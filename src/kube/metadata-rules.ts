import { MANAGER, RETAINED_MANAGER, type StringMap } from '../api/object.ts';

/** kubectl's copy of the whole object: as large as the object, may hold a Secret's data, and read by no policy. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export const NO_STRINGS: StringMap = Object.freeze({});

/** Which of our two managers an entry of managedFields belongs to. */
export type OurManager = typeof MANAGER | typeof RETAINED_MANAGER;

export function isOurManager(manager: string): manager is OurManager {
  return manager === MANAGER || manager === RETAINED_MANAGER;
}

/** A map that is being read: NO_STRINGS until its first entry, from then on one object that grows. */
export function withString(map: StringMap, key: string, value: string): StringMap {
  const growing: Record<string, string> = map === NO_STRINGS ? {} : map;
  setMember(growing, key, value);
  return growing;
}

/** As a member of its own, whatever its name. */
export function setMember<T>(object: Record<string, T>, key: string, value: T): void {
  // A plain assignment would lose this one.
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/** What a list says of itself. */
export interface ListMetadata {
  readonly resourceVersion: string;
  /** '' on the last page. */
  readonly continue: string;
}
