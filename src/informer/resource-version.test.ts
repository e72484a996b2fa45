import { expect, test } from 'vitest';
import { compareResourceVersions, isResumable } from './resource-version.ts';

test.each([
  ['9', '10', -1],
  ['10', '9', 1],
  ['10', '10', 0],
  ['340282366920938463463374607431768211455', '340282366920938463463374607431768211456', -1],
])('%s against %s is %i: by length, then lexically, up to 128 bits', (a, b, sign) => {
  expect(Math.sign(compareResourceVersions(a, b) ?? Number.NaN)).toBe(sign);
});

test.each([
  ['', '1'],
  ['1', 'abc'],
  ['01', '1'],
  ['1.5', '2'],
  ['-1', '2'],
])('%j and %j do not compare', (a, b) => {
  expect(compareResourceVersions(a, b)).toBeUndefined();
});

test('nothing resumes from an empty version or from 0', () => {
  expect(['', '0', '7'].map(isResumable)).toEqual([false, false, true]);
});
