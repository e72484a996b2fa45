import type { CachedObject, ObjectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Verdict } from '../policy/evaluate.ts';
import type { KindContext, Program } from '../policy/program.ts';

/** Where verdicts go. */
export interface VerdictSink {
  /**
   * Replaces all that was recorded for the object. `isAwaited`: a write is to come, and only its answer tells whether the object can be
   * written.
   */
  record(
    kind: KindContext,
    object: CachedObject,
    programs: readonly Program[],
    verdicts: readonly Verdict[],
    isAwaited: boolean,
  ): void;
  forget(kind: GroupResourceName, key: ObjectKey): void;
  forgetKind(kind: GroupResourceName): void;
}
