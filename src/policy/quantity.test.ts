import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareQuantities, parseQuantity, type Quantity } from './quantity.ts';

function quantity(text: string): Quantity {
  const parsed = parseQuantity(text);
  if (parsed === undefined) throw new Error(`${text} is no quantity`);
  return parsed;
}

const compare = (a: string, b: string) => compareQuantities(quantity(a), quantity(b));

test.each([
  ['500m', '1'],
  ['1G', '1Gi'],
  ['999M', '1G'],
  ['1023Ki', '1Mi'],
  ['-1', '0'],
  ['-2Gi', '-1Gi'],
  ['-1', '-500m'],
  ['0.1', '100.0000000001m'],
  ['9007199254740992', '9007199254740993'],
  ['1e18', '1Ei'],
  ['1e-9', '2n'],
  ['0.29999999999999999999', '0.3'],
  ['1E', '1E19'],
  ['-1e300', '1e-300'],
])('%s is less than %s', (less, greater) => {
  expect(compare(less, greater)).toBe(-1);
  expect(compare(greater, less)).toBe(1);
});

test.each([
  ['1000m', '1'],
  ['1', '1.0'],
  ['1.', '1'],
  ['.5', '500m'],
  ['+1', '1'],
  ['-0', '0'],
  ['1e3', '1k'],
  ['1E3', '1000'],
  ['1e+21', '1000E'],
  ['1024', '1Ki'],
  ['0.5Gi', '512Mi'],
  ['0.1', '100m'],
  ['1E', '1e18'],
  ['3u', '3000n'],
  ['001', '1'],
])('%s is %s', (a, b) => {
  expect(compare(a, b)).toBe(0);
});

test.each([
  '',
  ' ',
  '.',
  '+',
  'm',
  'Gi',
  '1 Gi',
  ' 1',
  '1\n',
  '1gi',
  '1K',
  '1ki',
  '1.2.3',
  '1e',
  '1e5m',
  '1Kim',
  '0x10',
  '1_000',
  '١',
  'NaN',
  'Infinity',
  '1e401',
  '1e-401',
  '1e999999999999999999999',
  '9'.repeat(65),
])('%j is no quantity', (text) => {
  expect(parseQuantity(text)).toBeUndefined();
});

/** A rational number, and ways to write it: the oracle knows what was written without reading it. */
interface Written {
  readonly text: string;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const FACTORS: readonly (readonly [string, bigint, bigint])[] = [
  ['', 1n, 1n],
  ...['k', 'M', 'G', 'T', 'P', 'E'].map((name, i) => [name, 1000n ** BigInt(i + 1), 1n] as const),
  ...['m', 'u', 'n'].map((name, i) => [name, 1n, 1000n ** BigInt(i + 1)] as const),
  ...['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((name, i) => [name, 1024n ** BigInt(i + 1), 1n] as const),
  ...[1, 5, 20].flatMap((power) => [
    [`e${power}`, 10n ** BigInt(power), 1n] as const,
    [`E+${power}`, 10n ** BigInt(power), 1n] as const,
    [`e-${power}`, 1n, 10n ** BigInt(power)] as const,
  ]),
];

const written: fc.Arbitrary<Written> = fc
  .record({
    digits: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
    decimals: fc.nat({ max: 12 }),
    factor: fc.constantFrom(...FACTORS),
  })
  .map(({ digits, decimals, factor: [suffix, up, down] }) => {
    const plain = String(digits < 0n ? -digits : digits).padStart(decimals + 1, '0');
    const point = plain.length - decimals;
    const number = decimals === 0 ? plain : `${plain.slice(0, point)}.${plain.slice(point)}`;
    return {
      text: `${digits < 0n ? '-' : ''}${number}${suffix}`,
      numerator: digits * up,
      denominator: 10n ** BigInt(decimals) * down,
    };
  });

const sign = (value: bigint) => (value < 0n ? -1 : value > 0n ? 1 : 0);

const negated = (text: string) => (text.startsWith('-') ? text.slice(1) : `-${text}`);

describe('quantities that were generated', () => {
  test('compare as the rational numbers that they write', () => {
    fc.assert(
      fc.property(written, written, (a, b) => {
        expect(compare(a.text, b.text)).toBe(sign(a.numerator * b.denominator - b.numerator * a.denominator));
      }),
      { numRuns: 2_000 },
    );
  });

  test('the same number in two ways is equal', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.constantFrom(...FACTORS), (n, factor) => {
        const [suffix, up, down] = factor;
        expect(compare(`${n * down}${suffix}`, String(n * up))).toBe(0);
      }),
    );
  });

  test('are in order: antisymmetric, transitive, and moved by a sign', () => {
    fc.assert(
      fc.property(written, written, written, ({ text: a }, { text: b }, { text: c }) => {
        expect(compare(a, b)).toBe(0 - compare(b, a) + 0);
        expect(compare(a, a)).toBe(0);
        expect(compare(a, b) > 0 || compare(b, c) > 0 || compare(a, c) <= 0).toBe(true);
        expect(compare(negated(a), negated(b))).toBe(compare(b, a));
      }),
      { numRuns: 1_000 },
    );
  });

  test('whatever the text is, it is a quantity or not, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[+-]?[0-9.eEinumkKMGTP+-]{0,70}$/)), (text) => {
        const parsed = parseQuantity(text);
        expect(parsed === undefined || parsed.denominator > 0n).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
