import { expect, test } from 'vitest';
import { SerialWork } from './serial-work.ts';

function setUp() {
  const todo: number[] = [];
  const done: number[] = [];
  let most = 0;
  let working = 0;
  const serial = new SerialWork(async () => {
    working += 1;
    most = Math.max(most, working);
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      await Promise.resolve();
      done.push(next);
    }
    working -= 1;
  });
  const ask = (what: number): void => {
    todo.push(what);
    serial.wake();
  };
  return { ask, done, serial, most: () => most };
}

test('what comes at whatever moment is done, by one at a time', async () => {
  for (let hops = 0; hops < 12; hops += 1) {
    const { ask, done, serial, most } = setUp();
    ask(1);
    for (let i = 0; i < hops; i += 1) await Promise.resolve();
    ask(2);
    await serial.running;
    expect([done, most(), serial.running], `after ${hops}`).toEqual([[1, 2], 1, undefined]);
  }
});

test('work that ends before anything was waited for leaves room for more', async () => {
  let runs = 0;
  const serial = new SerialWork(() => {
    runs += 1;
    return Promise.resolve();
  });
  serial.wake();
  serial.wake();
  await serial.running;
  serial.wake();
  await serial.running;
  expect([runs, serial.running]).toEqual([3, undefined]);
});
