import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ModelObject } from '../../test/support/model-object.ts';
import { MANAGER, RETAINED_MANAGER } from '../api/object.ts';
import type { Desired } from '../policy/desired.ts';
import type { Channel } from '../policy/program.ts';
import { nextApply } from './plan-apply.ts';

const CHANNELS: readonly Channel[] = ['labels', 'annotations'];
const channel = fc.constantFrom<Channel>('labels', 'annotations');
const key = fc.constantFrom('k0', 'k1', 'k2');
const value = fc.constantFrom('v0', 'v1');

const noKeys = () => ({
  labels: new Map<string, string>(),
  annotations: new Map<string, string>(),
  fromPicture: false,
});

const wantedIn = ({ applied, retained }: Desired, where: Channel, name: string) =>
  applied[where].get(name) ?? retained[where].get(name);

/** Each key owned by either of our managers, by both or by a user, and wanted of either or of none: moves are the rule here. */
const moves = fc.array(
  fc.record({
    where: channel,
    name: key,
    value,
    owners: fc.constantFrom(
      [MANAGER],
      [RETAINED_MANAGER],
      [MANAGER, RETAINED_MANAGER],
      [MANAGER, 'kubectl'],
      ['kubectl'],
      [],
    ),
    wanted: fc.constantFrom('applied', 'retained', 'no'),
    as: value,
  }),
  { minLength: 1, maxLength: 6 },
);
type Moves = typeof moves extends fc.Arbitrary<infer M> ? M : never;

function worldOf(all: Moves): { readonly model: ModelObject; readonly desired: Desired } {
  const desired = { applied: noKeys(), retained: noKeys() };
  const seen = new Set<string>();
  let model = new ModelObject();
  for (const { where, name, value: live, owners, wanted, as } of all) {
    if (seen.has(`${where} ${name}`)) continue;
    seen.add(`${where} ${name}`);
    for (const owner of owners) model = model.updatedBy(owner, where, name, live);
    if (wanted !== 'no') desired[wanted][where].set(name, as);
  }
  return { model, desired };
}

/** From one plan for the whole way, until nothing differs or there were too many writes. */
function carryOut({ model, desired }: ReturnType<typeof worldOf>): readonly ModelObject[] {
  const states = [model];
  for (let state = model; states.length < 6; ) {
    const step = nextApply(state.cached, desired);
    if (step === undefined) break;
    state = state.applied(step.fieldManager, step.keys);
    states.push(state);
  }
  return states;
}

test('whatever changes places between our managers is there all the time, and right after three writes', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(moves, (all) => {
      const given = worldOf(all);
      const { model, desired } = given;
      const states = carryOut(given);
      const end = states.at(-1) ?? model;
      expect(states.length - 1).toBeLessThanOrEqual(3);
      const vanished = [...model.keys()].filter(
        ([where, name]) =>
          wantedIn(desired, where, name) !== undefined && states.some((state) => state.get(where, name) === undefined),
      );
      expect(vanished).toEqual([]);
      const owners = (side: 'applied' | 'retained') => [end.cached[side].labels, end.cached[side].annotations];
      const wanted = (side: 'applied' | 'retained') =>
        CHANNELS.map((where) => [...desired[side][where].keys()].toSorted());
      expect([owners('applied'), owners('retained')]).toEqual([wanted('applied'), wanted('retained')]);
      kinds.add(`${states.length - 1} writes`);
    }),
    { numRuns: 2_000 },
  );
  // The promise is only worth something where keys do swap, which takes all three.
  expect(kinds).toContain('3 writes');
});
