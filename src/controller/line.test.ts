import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Line } from './line.ts';

test('whatever is added, taken and deleted in whatever order, it does what an array without twins does', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), item: fc.integer({ min: 0, max: 8 }) }),
    fc.record({ kind: fc.constant('delete' as const), item: fc.integer({ min: 0, max: 8 }) }),
    fc.record({ kind: fc.constantFrom('take' as const, 'clear' as const), item: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const line = new Line<number>();
      let model: number[] = [];
      for (const { kind, item } of steps) {
        const taken = kind === 'take' ? line.take() : undefined;
        const expected = kind === 'take' ? model.shift() : undefined;
        expect(taken).toBe(expected);
        if (kind === 'add') {
          line.add(item);
          if (!model.includes(item)) model.push(item);
        } else if (kind === 'delete') {
          line.delete(item);
          model = model.filter((other) => other !== item);
        } else if (kind === 'clear') {
          line.clear();
          model = [];
        }
        expect(line.size).toBe(model.length);
        expect(line.has(item)).toBe(model.includes(item));
      }
      expect(Array.from({ length: model.length }, () => line.take())).toEqual(model);
      expect(line.take()).toBeUndefined();
    }),
  );
});

test('an item has the time at which it first came, and the first one is the oldest', () => {
  const line = new Line<string>();
  expect(line.oldest).toBeUndefined();
  line.add('a', 1);
  line.add('b', 2);
  line.add('a', 3);
  expect(line.oldest).toBe(1);
  expect(line.takeEntry()).toEqual(['a', 1]);
  expect(line.oldest).toBe(2);
  line.add('a', 4);
  expect([line.takeEntry(), line.takeEntry(), line.oldest]).toEqual([['b', 2], ['a', 4], undefined]);
});
