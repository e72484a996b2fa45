import { expect, test } from 'vitest';
import { CalmLooks } from './calm-looks.ts';

/** A look each two seconds. */
function after(calmMs: number, seen: readonly string[]): CalmLooks<string> {
  const looks = new CalmLooks<string>(calmMs);
  for (const [i, held] of seen.entries()) looks.add(i * 2_000, held, `${held}, look ${i}`);
  return looks;
}

test('looks that are alike are calm once they have been so for all of the time', () => {
  expect(after(10_000, ['16', '16', '16', '16', '16']).areCalm).toBe(false);
  const looks = after(10_000, ['16', '16', '16', '16', '16', '16']);
  expect([looks.areCalm, looks.usual]).toEqual([true, '16, look 5']);
});

test('what is there at a look now and then, or is not, is no change', () => {
  const looks = after(18_000, ['16', '16', '17', '16', '16', '16', '15', '16', '16', '17']);
  expect([looks.areCalm, looks.usual]).toEqual([true, '16, look 8']);
});

test('what was so until a moment ago is not usual before most looks show it', () => {
  const looks = after(18_000, ['20', '20', '20', '20', '20', '20', '16', '16', '16', '16']);
  expect(looks.areCalm).toBe(false);
  for (let i = 10; i < 14; i += 1) looks.add(i * 2_000, '16', `16, look ${i}`);
  expect([looks.areCalm, looks.usual]).toEqual([true, '16, look 13']);
});

test('with no time to be calm in, each look counts by itself', () => {
  expect([after(0, ['20', '16']).areCalm, after(0, ['20', '16']).usual]).toEqual([true, '16, look 1']);
});

test('before the first look nothing is known', () => {
  const looks = new CalmLooks<string>(0);
  expect([looks.areCalm, looks.usual]).toEqual([false, undefined]);
});
