import type { CachedObject } from '../api/object.ts';
import { asItIs, type Desired, NOTHING } from '../policy/desired.ts';
import type { Channel } from '../policy/program.ts';

/** How many keys of ours an object carries: those that go when nothing wants them, and beside them those that stay. */
export interface OwnKeys {
  readonly labels: { readonly applied: number; readonly retained: number };
  readonly annotations: { readonly applied: number; readonly retained: number };
  /** Of both. */
  readonly retained: number;
}

export function ownKeys(object: CachedObject): OwnKeys {
  const of = (channel: Channel) => {
    const kept = object.retained[channel];
    return { applied: object.applied[channel].filter((key) => !kept.includes(key)).length, retained: kept.length };
  };
  const labels = of('labels');
  const annotations = of('annotations');
  return { labels, annotations, retained: labels.retained + annotations.retained };
}

/** What stays of our keys on an object that no policy wants anything of: nothing, or what is to be retained. */
export function keysToLeave(object: CachedObject, { retained }: { readonly retained: boolean }): Desired {
  return { applied: NOTHING, retained: retained ? NOTHING : asItIs(object).retained };
}
