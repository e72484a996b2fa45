import { type CachedObject, type StringMap, valueIn } from '../api/object.ts';
import type { CleanUp, Desired } from '../policy/desired.ts';
import { CHANNELS } from '../policy/program.ts';
import { type ApplyStep, nextApply } from './plan-apply.ts';
import { asApplied, type Rewrite, recordRewrite } from './rewrite.ts';

/** One request that brings an object closer to what is desired. */
export type WriteStep =
  | { readonly kind: 'Apply'; readonly apply: ApplyStep }
  /** One merge patch that removes keys of somebody else. */
  | { readonly kind: 'CleanUp'; readonly cleanUp: CleanUp }
  /** One merge patch in place of an apply that would not do. */
  | { readonly kind: 'Rewrite'; readonly rewrite: Rewrite };

/**
 * The next write of an object, or undefined when nothing differs. What is somebody else's goes first: a renamed key is only
 * among it once its value stands under the new name.
 */
export function nextWrite(object: CachedObject, desired: Desired): WriteStep | undefined {
  const { cleanUp } = desired;
  if (cleanUp !== undefined && CHANNELS.some((channel) => isAnyThere(object[channel], cleanUp[channel]))) {
    return { kind: 'CleanUp', cleanUp };
  }
  const apply = nextApply(asApplied(object), desired);
  if (apply !== undefined) return { kind: 'Apply', apply };
  const rewrite = recordRewrite(object, desired);
  return rewrite === undefined ? undefined : { kind: 'Rewrite', rewrite };
}

function isAnyThere(map: StringMap, keys: ReadonlySet<string>): boolean {
  for (const key of keys) if (valueIn(map, key) !== undefined) return true;
  return false;
}
