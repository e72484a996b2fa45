import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DatedResult } from './findings.ts';
import { changesBetween, NO_CHANGES } from './result-changes.ts';

const result = (rule: string, message: string, code: DatedResult['code'] = 'RequiredKeyMissing'): DatedResult => ({
  rule,
  result: 'Violation',
  code,
  severity: 'medium',
  message,
  since: '2030-01-01T00:00:00Z',
});
const count = (list: readonly DatedResult[], of: DatedResult) =>
  list.filter(({ rule, code }) => rule === of.rule && code === of.code).length;
const [TEAM, ENV] = [result('r', "label 'team' is missing"), result('r', "label 'env' is missing")];

describe('changes between results', () => {
  test('are none for the same in another order', () => {
    expect(changesBetween([TEAM, ENV], [ENV, TEAM])).toBe(NO_CHANGES);
  });

  test('tell of the very key that came or went', () => {
    expect(changesBetween([TEAM], [ENV, TEAM])).toEqual({ appeared: [ENV], ended: [] });
    expect(changesBetween([TEAM, ENV], [ENV])).toEqual({ appeared: [], ended: [TEAM] });
  });

  test('are none when only a message changes', () => {
    expect(changesBetween([TEAM], [result('r', 'in other words')])).toEqual({ appeared: [], ended: [] });
  });

  test('see another code as another result', () => {
    const wrong = result('r', "label 'team' is 'x'", 'RequiredValueWrong');
    expect(changesBetween([TEAM], [wrong])).toEqual({ appeared: [wrong], ended: [TEAM] });
  });

  test('lead from the number of results of each sort before to that after', () => {
    const results = fc.array(
      fc
        .tuple(
          fc.constantFrom('a', 'b'),
          fc.constantFrom('m', 'n', 'o'),
          fc.constantFrom<DatedResult['code'][]>('RequiredKeyMissing', 'RequiredValueWrong'),
        )
        .map(([rule, message, code]) => result(rule, message, code)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(results, results, (before, after) => {
        const { appeared, ended } = changesBetween(before, after);
        for (const of of [...before, ...after]) {
          expect(count(before, of) + count(appeared, of) - count(ended, of)).toBe(count(after, of));
          expect(Math.min(count(appeared, of), count(ended, of))).toBe(0);
        }
        for (const one of appeared) expect(after).toContain(one);
        for (const one of ended) expect(before).toContain(one);
      }),
    );
  });
});
