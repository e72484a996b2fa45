/** A number exactly as it was written: `numerator / denominator`, the latter positive. */
export interface Quantity {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** So that a text of an object cannot make a number of millions of digits; a double is at most 1.8e308. */
const MAX_LENGTH = 64;
const MAX_EXPONENT = 400;

const QUANTITY =
  /^(?<sign>[+-])?(?:(?<whole>\d+)(?:\.(?<fraction>\d*))?|\.(?<bare>\d+))(?:(?<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?<exponent>[+-]?\d+))?$/;

/** Powers of 1024. */
const BINARY: Readonly<Record<string, bigint>> = { Ki: 1n, Mi: 2n, Gi: 3n, Ti: 4n, Pi: 5n, Ei: 6n };
/** Powers of 10. */
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/**
 * A number or a Kubernetes quantity such as `500m`, `1.5Gi` or `1e3`; undefined for any other text. Never rounded, where
 * Kubernetes rounds up to a billionth.
 */
export function parseQuantity(text: string): Quantity | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const groups = QUANTITY.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { sign, whole = '', suffix = '' } = groups;
  const fraction = groups['fraction'] ?? groups['bare'] ?? '';
  const digits = BigInt(`${whole}${fraction}`);
  const power = DECIMAL[suffix] ?? Number(groups['exponent'] ?? 0);
  if (Math.abs(power) > MAX_EXPONENT) return undefined;
  const exponent = power - fraction.length;
  const magnitude = digits * 1024n ** (BINARY[suffix] ?? 0n) * 10n ** BigInt(Math.max(exponent, 0));
  return { numerator: sign === '-' ? -magnitude : magnitude, denominator: 10n ** BigInt(Math.max(-exponent, 0)) };
}

export function integerQuantity(value: bigint): Quantity {
  return { numerator: value, denominator: 1n };
}

/** Negative when `a` is less, positive when it is greater, 0 when both are the same number. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  const left = a.numerator * b.denominator;
  const right = b.numerator * a.denominator;
  return left < right ? -1 : left > right ? 1 : 0;
}
