import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OWNER_ALLOWS_KEYS, protectionOf } from '../src/api/protected-keys.ts';
import { exactlyReserved, mayBeReserved, reservedLabels, reservedPattern } from './reserved-keys.ts';

/** As the admission policy asks it. */
function isReserved(kind: 'label' | 'annotation', key: string): boolean {
  const { pattern, but } = reservedLabels();
  if (!new RegExp(mayBeReserved()).test(key)) return false;
  if (kind === 'label' && new RegExp(pattern).test(key) && !key.startsWith(but)) return true;
  return new RegExp(reservedPattern()).test(key) || exactlyReserved().includes(key);
}

const piece = fc.constantFrom(
  ...OWNER_ALLOWS_KEYS.flatMap((glob) => glob.split(/[*/]/)).filter((text) => text !== ''),
  'kubernetes.io',
  'k8s.io',
  'app.kubernetes.io',
  'acme.io',
  'istio',
  'x',
  'x.',
  '.x',
);
const part = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(''));

test('a key is reserved to the admission policy where it is to the operator', () => {
  fc.assert(
    fc.property(fc.constantFrom('label', 'annotation'), fc.option(part), part, (kind, prefix, name) => {
      const key = prefix === null ? name : `${prefix}/${name}`;
      const protection = protectionOf(kind, key);
      fc.pre(protection !== 'Never');
      expect(isReserved(kind, key)).toBe(protection === 'OwnerAllows');
    }),
    { numRuns: 3_000 },
  );
});

test('patterns are those that RE2 and the quotes of an expression take', () => {
  for (const pattern of [reservedPattern(), reservedLabels().pattern, mayBeReserved()]) {
    expect(pattern).toMatch(/^[a-z0-9./()[\]^*|?-]+$/);
  }
});
