import { type CachedObject, valueIn } from '../api/object.ts';
import { LAST_APPLIED } from '../kube/metadata-rules.ts';
import { type Desired, whatStays } from '../policy/desired.ts';
import type { KeyProtection } from '../policy/key-protection.ts';
import type { Channel } from '../policy/program.ts';

/** How many keys of ours an object carries: those that go when nothing wants them, and beside them those that stay. */
export interface OwnKeys {
  readonly labels: { readonly applied: number; readonly retained: number };
  readonly annotations: { readonly applied: number; readonly retained: number };
  /** Of both. */
  readonly retained: number;
  /** Of both, and counted nowhere else: what no policy may write. */
  readonly protected: number;
}

/** What of our keys is not to go when no policy wants anything. */
export interface Spared {
  /** Keys that are to be retained go too. */
  readonly retained: boolean;
  /**
   * Keys that policies may not write stay. That they are ours stands on the object itself, where whoever may change the
   * object can write it: they would have a key removed that they may not remove themselves.
   */
  readonly protection: KeyProtection;
}

export function ownKeys(object: CachedObject, protection: KeyProtection): OwnKeys {
  const of = (channel: Channel) => {
    const isFree = (key: string) => protection(channel, key) === 'Free';
    const kept = object.retained[channel];
    const applied = object.applied[channel].filter((key) => !kept.includes(key));
    const isLeft = (key: string) => !isFree(key) && valueIn(object[channel], key) !== undefined;
    return {
      applied: applied.filter(isFree).length,
      retained: kept.filter(isFree).length,
      protected: [...applied, ...kept].filter(isLeft).length,
    };
  };
  const labels = of('labels');
  const annotations = of('annotations');
  return {
    labels,
    annotations,
    retained: labels.retained + annotations.retained,
    protected: labels.protected + annotations.protected,
  };
}

/** What stays of our keys on an object that no policy wants anything of. */
export function keysToLeave(object: CachedObject, { retained, protection }: Spared): Desired {
  return whatStays(
    object,
    (side, channel, key) => (side === 'retained' && !retained) || protection(channel, key) !== 'Free',
  );
}

/** Why no key can be removed from the object without one that must stay; undefined when it can. */
export function whyInseparable(object: CachedObject): string | undefined {
  const { applied, retained } = object.record?.byApply ?? object;
  // Its value is not read, so that it cannot be applied as it is.
  const isClaimed = [applied, retained].some(({ annotations }) => annotations.includes(LAST_APPLIED));
  if (!isClaimed) return undefined;
  return `its managedFields say that its annotation '${LAST_APPLIED}' is ours, and each apply would remove it`;
}
