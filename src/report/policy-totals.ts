import type { Result } from '../policy/program.ts';
import type { Verdict } from '../policy/verdict.ts';

/** What a policy says about all objects together. All but `results` count objects. */
export interface PolicyTotals {
  readonly matched: number;
  /** Matched, and without violation or error. */
  readonly compliant: number;
  readonly violating: number;
  readonly errors: number;
  readonly yielded: number;
  readonly owned: number;
  /** Objects on which something that the answer depends on was not seen yet. */
  readonly pending: number;
  /** Objects of which more may be to say once a write has its answer. */
  readonly awaited: number;
  readonly results: number;
  /** Objects with a key that is left alone because somebody fights over it, and objects on which policies undo each other. */
  readonly contended: number;
  readonly oscillating: number;
}

export type MutableTotals = { -readonly [K in keyof PolicyTotals]: number };

export function noTotals(): MutableTotals {
  return {
    matched: 0,
    compliant: 0,
    violating: 0,
    errors: 0,
    yielded: 0,
    owned: 0,
    pending: 0,
    awaited: 0,
    results: 0,
    contended: 0,
    oscillating: 0,
  };
}

export function isZero(totals: PolicyTotals): boolean {
  return Object.values(totals).every((total) => total === 0);
}

/** Counts a verdict on one object in, or out again. */
export function count(
  totals: MutableTotals,
  { matched, owned, pending, results, isAwaited }: Verdict,
  by: 1 | -1,
): void {
  const has = (kind: Result['result']) => (results.some(({ result }) => result === kind) ? by : 0);
  const violating = has('Violation');
  const errors = has('Error');
  totals.matched += matched ? by : 0;
  totals.compliant += matched && violating === 0 && errors === 0 ? by : 0;
  totals.violating += violating;
  totals.errors += errors;
  totals.yielded += has('Yielded');
  totals.owned += owned ? by : 0;
  totals.pending += pending ? by : 0;
  totals.awaited += isAwaited === true ? by : 0;
  totals.results += results.length * by;
  totals.contended += results.some(({ code }) => code === 'Contended') ? by : 0;
  totals.oscillating += results.some(({ code }) => code === 'SelfOscillation') ? by : 0;
}
