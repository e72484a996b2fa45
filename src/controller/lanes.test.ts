import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Lane, Lanes } from './lanes.ts';

/** Takes until nothing is left. */
function rest(lanes: Lanes<string, string>, most = 1_000): string[] {
  const taken: string[] = [];
  for (let next = lanes.take(0); next !== undefined && taken.length < most; next = lanes.take(0)) {
    taken.push(`${next.owner}/${next.item}`);
  }
  return taken;
}

describe('two lanes', () => {
  test('row 39: changes go first', () => {
    const lanes = new Lanes<string, string>();
    for (let i = 0; i < 50; i++) lanes.add('pods', `p${i}`, 'Bulk', 0);
    lanes.add('nodes', 'n', 'Change', 0);
    lanes.add('pods', 'x', 'Change', 0);
    expect(rest(lanes).slice(0, 4)).toEqual(['nodes/n', 'pods/x', 'pods/p0', 'pods/p1']);
  });

  test('row 39: Bulk has one turn of eight, however many changes come', () => {
    const lanes = new Lanes<string, string>();
    for (let i = 0; i < 10; i++) lanes.add('pods', `bulk${i}`, 'Bulk', 0);
    const taken: string[] = [];
    for (let i = 0; i < 80; i++) {
      lanes.add('pods', `change${i}`, 'Change', 0);
      taken.push(lanes.take(0)?.lane ?? 'none');
    }
    expect(taken.filter((lane) => lane === 'Bulk')).toHaveLength(10);
    expect(taken.indexOf('Bulk')).toBe(7);
    expect(taken.lastIndexOf('Bulk')).toBe(79);
  });

  test('row 39: the longer Bulk has waited the larger is its share, up to half of the turns, and a new one begins small', () => {
    const lanes = new Lanes<string, string>();
    const turnsOfBulk = (count: number, now: number): number[] => {
      const turns: number[] = [];
      for (let i = 0; i < count; i++) {
        lanes.add('pods', `change${now}-${i}`, 'Change', now);
        if (lanes.take(now)?.lane === 'Bulk') turns.push(i);
      }
      return turns;
    };
    for (let i = 0; i < 30; i++) lanes.add('pods', `bulk${i}`, 'Bulk', 0);
    expect(turnsOfBulk(16, 9_999)).toEqual([7, 15]);
    expect(turnsOfBulk(16, 10_000)).toEqual([7, 11, 15]);
    expect(turnsOfBulk(8, 60_000)).toEqual([3, 5, 7]);
    lanes.clear();
    lanes.add('pods', 'last', 'Bulk', 0);
    expect(turnsOfBulk(8, 60_000)).toEqual([7]);
    for (let i = 0; i < 30; i++) lanes.add('pods', `bulk${i}`, 'Bulk', 70_000);
    expect(turnsOfBulk(16, 70_000)).toEqual([7, 15]);
  });

  test('row 39: within a lane and an owner, first come is first served', () => {
    const lanes = new Lanes<string, string>();
    for (const lane of ['Bulk', 'Change'] as const)
      for (const name of ['c', 'a', 'b', 'a']) lanes.add('pods', `${lane} ${name}`, lane, 0);
    expect(rest(lanes)).toEqual(
      ['Change c', 'Change a', 'Change b', 'Bulk c', 'Bulk a', 'Bulk b'].map((of) => `pods/${of}`),
    );
  });

  test('owners take turns in each', () => {
    const lanes = new Lanes<string, string>();
    for (const item of ['a', 'b', 'c']) lanes.add('pods', item, 'Bulk', 0);
    lanes.add('nodes', 'd', 'Bulk', 0);
    expect(rest(lanes)).toEqual(['pods/a', 'nodes/d', 'pods/b', 'pods/c']);
  });

  test('row 39: what becomes a change goes first with the time at which it came, and does not fall back', () => {
    const lanes = new Lanes<string, string>();
    lanes.add('pods', 'a', 'Bulk', 1);
    lanes.add('pods', 'b', 'Bulk', 2);
    lanes.add('pods', 'b', 'Change', 3);
    lanes.add('pods', 'b', 'Bulk', 4);
    expect([lanes.size, lanes.oldest]).toEqual([2, 1]);
    expect(lanes.take(0)).toEqual({ owner: 'pods', item: 'b', at: 2, lane: 'Change' });
    expect(lanes.take(0)).toEqual({ owner: 'pods', item: 'a', at: 1, lane: 'Bulk' });
    expect([lanes.take(0), lanes.oldest]).toEqual([undefined, undefined]);
  });
});

test('row 39: whatever is added, taken, deleted and dropped, each item is taken once, and nothing is lost', () => {
  const owner = fc.constantFrom('a', 'b', 'c');
  const item = fc.constantFrom('1', '2', '3', '4');
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), owner, item, lane: fc.constantFrom<Lane>('Change', 'Bulk') }),
    fc.record({ kind: fc.constant('delete' as const), owner, item }),
    fc.record({ kind: fc.constant('drop' as const), owner }),
    fc.record({ kind: fc.constant('take' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lanes = new Lanes<string, string>();
      const model = new Map<string, Lane>();
      const heard: unknown[] = [];
      const wanted: unknown[] = [];
      for (const one of steps) {
        if (one.kind === 'add') {
          lanes.add(one.owner, one.item, one.lane, 0);
          const id = `${one.owner}/${one.item}`;
          model.set(id, model.get(id) === 'Change' ? 'Change' : one.lane);
        } else if (one.kind === 'delete') {
          lanes.delete(one.owner, one.item);
          model.delete(`${one.owner}/${one.item}`);
        } else if (one.kind === 'drop') {
          lanes.drop(one.owner);
          for (const id of model.keys()) if (id.startsWith(`${one.owner}/`)) model.delete(id);
        } else {
          const isEmpty = model.size === 0;
          const taken = lanes.take(0);
          const id = `${taken?.owner}/${taken?.item}`;
          heard.push([taken === undefined, taken?.lane]);
          wanted.push([isEmpty, model.get(id)]);
          model.delete(id);
        }
        expect(lanes.size).toBe(model.size);
        for (const name of ['a', 'b', 'c']) {
          expect(lanes.hasAny(name)).toBe([...model.keys()].some((id) => id.startsWith(`${name}/`)));
        }
      }
      expect(heard).toEqual(wanted);
      expect(rest(lanes).toSorted()).toEqual([...model.keys()].toSorted());
    }),
  );
});
