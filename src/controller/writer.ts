import type { CachedObject } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Desired, Winners } from '../policy/evaluate.ts';
import type { KindContext } from '../policy/program.ts';
import type { RefusalCode } from './refusals.ts';

/** What came of one write. */
export type WriteOutcome =
  | { readonly kind: 'Written'; readonly answer: CachedObject }
  /** The object is gone, or another one of its name; the watch tells the rest. */
  | { readonly kind: 'Gone' }
  /** Our picture of the object was old. */
  | { readonly kind: 'Stale' }
  /** No write to this kind can succeed in the object's namespace; the message names the right to grant. */
  | { readonly kind: 'MissingRight'; readonly message: string }
  /** No write to this kind can succeed, as whoever serves it knows no server-side apply. */
  | { readonly kind: 'NoServerSideApply'; readonly message: string }
  | { readonly kind: 'Refused'; readonly code: RefusalCode; readonly message: string }
  | { readonly kind: 'Overloaded'; readonly afterMs: number; readonly message: string }
  /** It was not made, as this process does not lead any more. */
  | { readonly kind: 'NotLeading' }
  /** Nobody knows whether it was made: the next state decides. */
  | { readonly kind: 'Unknown'; readonly message: string };

/** How objects are written. */
export interface Writer {
  differs(object: CachedObject, desired: Desired): boolean;
  /** Makes the next write. `winners`: on whose behalf, for those who tell of writes. Never rejects. */
  write(kind: KindContext, object: CachedObject, desired: Desired, winners: Winners): Promise<WriteOutcome>;
}

/** What must be on record before an object is written, so that its keys are found again after a restart. */
export interface WriteRecord {
  /** Resolves once the record stands on the server. Costs nothing when it does already. */
  ensure(kind: GroupResourceName): Promise<void>;
}
