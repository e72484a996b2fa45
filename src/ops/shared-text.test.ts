import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { SharedText } from './shared-text.ts';

/** Each text takes 100 ms to make, and says which one it is. */
function setUp() {
  const clock = new ManualClock();
  let made = 0;
  const make = async (): Promise<string> => {
    made += 1;
    const text = `made ${made}`;
    await new Promise<void>((resolve) => clock.after(100, resolve));
    return text;
  };
  return { clock, text: new SharedText(make, clock), made: () => made };
}

test('G15: who asks while one is made gets the next one, together with all who ask until that is begun', async () => {
  const { clock, text, made } = setUp();
  const first = text.get();
  await clock.advance(50);
  const second = [text.get(), text.get()];
  await clock.advance(50);
  expect(await first).toBe('made 1');
  await clock.advance(399);
  second.push(text.get());
  expect(made()).toBe(1);
  await clock.advance(1);
  await clock.advance(100);
  expect(await Promise.all(second)).toEqual(['made 2', 'made 2', 'made 2']);
});

test('who asks when nobody has for a while is answered at once', async () => {
  const { clock, text, made } = setUp();
  const first = text.get();
  await clock.advance(100);
  await first;
  await clock.advance(400);
  expect([made(), clock.pending]).toEqual([1, 0]);
  void text.get();
  expect(made()).toBe(2);
  await clock.advance(100);
});

test('one that fails fails those who asked for it, and no other', async () => {
  const clock = new ManualClock();
  const texts = [Promise.reject(new Error('no number')), Promise.resolve('up 1')];
  const text = new SharedText(() => texts.shift() ?? Promise.resolve(''), clock);
  await expect(text.get()).rejects.toThrow('no number');
  await clock.settle();
  const next = text.get();
  await clock.advance(0);
  expect(await next).toBe('up 1');
});

test('stop leaves no timer and nobody waiting', async () => {
  const { clock, text } = setUp();
  const first = text.get();
  await clock.advance(100);
  await first;
  const waiting = text.get();
  text.stop();
  await expect(waiting).rejects.toThrow('the server stops');
  expect(clock.pending).toBe(0);

  const under = setUp();
  const begun = under.text.get();
  under.text.stop();
  await under.clock.advance(100);
  expect([await begun, under.clock.pending]).toEqual(['made 1', 0]);
});
