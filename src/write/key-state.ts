import { type CachedObject, type StringMap, valueIn } from '../api/object.ts';
import { type Desired, type Side, valueAfter } from '../policy/desired.ts';
import { CHANNELS, type Channel } from '../policy/program.ts';

/** What one key of an object is: its value, and which of our managers owns it. Undefined: absent, not ours. */
export interface KeyState {
  readonly value: string | undefined;
  readonly side: Side | undefined;
}

/** A key that a write is to change. */
export interface KeyChange {
  readonly channel: Channel;
  readonly key: string;
  readonly target: KeyState;
}

export function stateOf(object: CachedObject, channel: Channel, key: string): KeyState {
  const side = (['applied', 'retained'] as const).find((each) => object[each][channel].includes(key));
  return { value: valueIn(object[channel], key), side };
}

export function isSameState(a: KeyState, b: KeyState): boolean {
  return a.value === b.value && a.side === b.side;
}

/** The keys that are to become something else than they are, whatever number of writes that takes. */
export function plannedChanges(object: CachedObject, desired: Desired): readonly KeyChange[] {
  return CHANNELS.flatMap((channel) => {
    const { applied, retained } = desired;
    const keys = new Set([
      ...object.applied[channel],
      ...object.retained[channel],
      ...applied[channel].keys(),
      ...retained[channel].keys(),
      ...(desired.leaving?.[channel] ?? []),
    ]);
    return [...keys].flatMap((key): KeyChange[] => {
      const side = applied[channel].has(key) ? 'applied' : retained[channel].has(key) ? 'retained' : undefined;
      const target = { value: valueAfter(object, desired, channel, key), side } as const;
      return isSameState(stateOf(object, channel, key), target) ? [] : [{ channel, key, target }];
    });
  });
}

export function isSameMap(a: StringMap, b: StringMap): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => valueIn(b, key) === valueIn(a, key));
}
