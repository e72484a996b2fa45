import type { CachedObject, ObjectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Verdict } from '../policy/evaluate.ts';
import type { KindContext, Program } from '../policy/program.ts';

/**
 * What was reported about an object that went out of sight. It is not counted any more; who hears of results was not
 * told yet.
 */
export interface Departure {
  readonly object: Pick<CachedObject, 'namespace' | 'name' | 'uid'>;
  /** `Left`: the object is there, and no policy matches it any more. To be called once. */
  readonly tell: (how: 'Left' | 'Gone') => void;
}

/** Where verdicts go. */
export interface VerdictSink {
  /**
   * Replaces all that was recorded for the object. `isAwaited`: a write is to come, and only its answer tells whether
   * the object can be written.
   */
  record(
    kind: KindContext,
    object: CachedObject,
    programs: readonly Program[],
    verdicts: readonly Verdict[],
    isAwaited: boolean,
  ): void;
  forget(kind: GroupResourceName, key: ObjectKey): void;
  /** As `forget`; undefined where nothing was reported about the object. */
  depart(kind: GroupResourceName, key: ObjectKey): Departure | undefined;
  forgetKind(kind: GroupResourceName): void;
}
