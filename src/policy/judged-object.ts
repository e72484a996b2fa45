import type { CachedObject, StringMap } from '../api/object.ts';
import { type Desired, valueAfter } from './desired.ts';
import { podOf } from './pod.ts';
import type { Channel, JudgedView, KindContext, ObjectView } from './program.ts';

/** The live object plus what this pass writes. Few rules look at all of it: it is made when it is first looked at. */
export class JudgedObject implements JudgedView {
  readonly object: CachedObject;
  readonly kind: KindContext;
  readonly #desired: Desired | undefined;
  #labels: StringMap | undefined;
  #annotations: StringMap | undefined;
  #pod: ObjectView | 'None' | undefined;

  /** `desired`: undefined where nothing may be written. */
  constructor(object: CachedObject, kind: KindContext, desired: Desired | undefined) {
    this.object = object;
    this.kind = kind;
    this.#desired = desired;
  }

  get labels(): StringMap {
    this.#labels ??= mapAfter(this.object, this.#desired, 'labels');
    return this.#labels;
  }

  get annotations(): StringMap {
    this.#annotations ??= mapAfter(this.object, this.#desired, 'annotations');
    return this.#annotations;
  }

  get pod(): ObjectView | undefined {
    this.#pod ??= podOf(this) ?? 'None';
    return this.#pod === 'None' ? undefined : this.#pod;
  }
}

function mapAfter(object: CachedObject, desired: Desired | undefined, channel: Channel): StringMap {
  const live = object[channel];
  if (desired === undefined || staysAsItIs(object, desired, channel)) return live;
  const keys = new Set(Object.keys(live));
  for (const { [channel]: wanted } of [desired.applied, desired.retained])
    for (const key of wanted.keys()) keys.add(key);
  const after: [string, string][] = [];
  for (const key of keys) {
    const value = valueAfter(object, desired, channel, key);
    if (value !== undefined) after.push([key, value]);
  }
  return Object.fromEntries(after);
}

/** Nothing of ours is there, nor to be: most objects under policies that judge. */
function staysAsItIs(object: CachedObject, { applied, retained, leaving }: Desired, channel: Channel): boolean {
  const ours = object.applied[channel].length + object.retained[channel].length;
  return ours + applied[channel].size + retained[channel].size === 0 && leaving === undefined;
}
