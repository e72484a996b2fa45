import type { Check } from '../api/judge-actions.ts';
import { listed, quoted } from '../api/words.ts';
import { compilePattern } from './pattern.ts';
import { compareQuantities, integerQuantity, parseQuantity, type Quantity } from './quantity.ts';
import type { Work } from './work.ts';

/** `Unclear`: the value is none that the operator can judge. */
export type Tested = 'Pass' | 'Fail' | 'Unclear';

export interface Operator {
  /** `value`: as it came out of JSON, integers beyond 2^53 as BigInt; undefined where there is none. */
  readonly test: (value: unknown, work: Work) => Tested;
  /** What a value that must pass must do, to follow "must": `be '3'`; and what one that must not. */
  readonly pass: string;
  readonly fail: string;
  /** Why a value is unclear, to follow "it". */
  readonly unclear: string;
}

export type CompiledOperator =
  | { readonly ok: true; readonly operator: Operator }
  /** `path` is relative to the check. */
  | { readonly ok: false; readonly path: string; readonly problem: string };

export function compileOperator({ operator, values = [] }: Check): CompiledOperator {
  const [first = ''] = values;
  switch (operator) {
    case 'Exists':
      return simple((value) => passIf(value !== undefined), 'be there', 'not be there');
    case 'DoesNotExist':
      return simple((value) => passIf(value === undefined), 'not be there', 'be there');
    case 'Equal':
      return simple(equalsAny(values), `be ${quoted(first)}`, `not be ${quoted(first)}`);
    case 'In':
      return simple(equalsAny(values), `be ${choice(values)}`, `not be ${choice(values)}`);
    case 'NotIn':
      return simple(not(equalsAny(values)), `not be ${choice(values)}`, `be ${choice(values)}`);
    case 'LessThan':
      return comparison(first, 'less', (order) => order < 0);
    case 'GreaterThan':
      return comparison(first, 'greater', (order) => order > 0);
    case 'Matches':
      return patterns(values);
    default:
      return operator satisfies never;
  }
}

function simple(test: Operator['test'], pass: string, fail: string): CompiledOperator {
  return { ok: true, operator: { test, pass, fail, unclear: 'is a list or an object, not a single value' } };
}

function passIf(holds: boolean): Tested {
  return holds ? 'Pass' : 'Fail';
}

function not(test: Operator['test']): Operator['test'] {
  return (value, work) => {
    const tested = test(value, work);
    return tested === 'Unclear' ? tested : passIf(tested === 'Fail');
  };
}

/** Of work, what it costs at most to compare one quantity with another: of numbers of some 460 digits. */
const COMPARISON = 100;

/** The same text, or the same number however it is written. */
function equalsAny(values: readonly string[]): Operator['test'] {
  const texts = new Set(values);
  const quantities = values.map(parseQuantity).filter((quantity) => quantity !== undefined);
  return (value, work) => {
    work.spend(COMPARISON * (1 + quantities.length));
    const text = textOf(value);
    if (text === undefined) return 'Unclear';
    if (texts.has(text)) return 'Pass';
    const found = quantities.length === 0 ? undefined : quantityOf(value);
    return passIf(found !== undefined && quantities.some((quantity) => compareQuantities(found, quantity) === 0));
  };
}

function comparison(limit: string, word: string, holds: (order: number) => boolean): CompiledOperator {
  const quantity = parseQuantity(limit);
  if (quantity === undefined) {
    const problem = `must be a number or a quantity such as '1.5', '500m' or '1Gi', found ${quoted(limit)}`;
    return { ok: false, path: 'values[0]', problem };
  }
  const test: Operator['test'] = (value, work) => {
    work.spend(COMPARISON);
    const found = quantityOf(value);
    return found === undefined ? 'Unclear' : passIf(holds(compareQuantities(found, quantity)));
  };
  const words = `be ${word} than ${quoted(limit)}`;
  return { ok: true, operator: { test, pass: words, fail: `not ${words}`, unclear: 'is no number and no quantity' } };
}

function patterns(values: readonly string[]): CompiledOperator {
  const compiled: ((text: string, work: Work) => boolean)[] = [];
  for (const [i, value] of values.entries()) {
    const pattern = compilePattern(value);
    if (!pattern.ok) return { ok: false, path: `values[${i}]`, problem: pattern.problem };
    compiled.push(pattern.fits);
  }
  const test: Operator['test'] = (value, work) => {
    const text = textOf(value);
    return text === undefined ? 'Unclear' : passIf(compiled.some((fits) => fits(text, work)));
  };
  return simple(test, `match ${listed(values.map(quoted), 'or')}`, `not match ${listed(values.map(quoted), 'or')}`);
}

function choice(values: readonly string[]): string {
  return values.length === 1 ? quoted(values[0] ?? '') : `one of ${listed(values.map(quoted), 'or')}`;
}

/** A single value as it is written; undefined for a list or an object. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const isSingle = typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint';
  return isSingle ? String(value) : undefined;
}

function quantityOf(value: unknown): Quantity | undefined {
  if (typeof value === 'bigint') return integerQuantity(value);
  if (typeof value === 'string') return parseQuantity(value);
  if (typeof value !== 'number') return undefined;
  return Number.isSafeInteger(value) ? integerQuantity(BigInt(value)) : parseQuantity(String(value));
}
