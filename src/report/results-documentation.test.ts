import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CONDITION_TYPES } from '../api/status.ts';
import type { ResultCode } from '../policy/program.ts';
import { CONDITION_REASONS } from './condition-reasons.ts';

const CODES = {
  WouldChange: 'Violation',
  WouldRemove: 'Violation',
  WouldRename: 'Violation',
  RequiredKeyMissing: 'Violation',
  RequiredValueWrong: 'Violation',
  ForbiddenKey: 'Violation',
  CheckFailed: 'Violation',
  NotComparable: 'Error',
  SchemaViolated: 'Violation',
  NotRepresentable: 'Error',
  SourceTooLarge: 'Error',
  InvalidValue: 'Error',
  ProtectedKey: 'Error',
  RenameBlocked: 'Error',
  Yielded: 'Yielded',
  Contended: 'Yielded',
  SelfOscillation: 'Yielded',
  RefusedByServer: 'Error',
  NoAnswer: 'Error',
  SchemaDrift: 'Error',
  InternalError: 'Error',
} as const satisfies Record<ResultCode, string>;

const text = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');

/** Cells of the table under a heading, without the backquotes of the first. */
function rows(heading: string): string[][] {
  const [, section = ''] = text.split(`\n${heading}\n`);
  const [table = ''] = section.split(/\n##/);
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .map(([name = '', ...cells]) => [name.replaceAll('`', ''), ...cells]);
}

test('every result code has its row, with its kind of result, what it means and what to do', () => {
  const results = rows('## Results');
  expect(Object.fromEntries(results.map(([code, result]) => [code, result]))).toEqual(CODES);
  expect(results).toHaveLength(Object.keys(CODES).length);
  for (const [, , meaning, remedy] of results)
    expect([meaning, remedy]).toEqual([expect.stringMatching(/\.$/), expect.stringMatching(/\.$/)]);
});

test.each(CONDITION_TYPES)('every reason of %s has its row, with a status and what it means', (type) => {
  const reasons = rows(`### ${type}`);
  expect(reasons.map(([reason]) => reason)).toEqual(CONDITION_REASONS[type]);
  for (const [, status, meaning] of reasons) {
    expect(['True', 'False', 'Unknown']).toContain(status);
    expect(meaning).toMatch(/\.$/);
  }
});
