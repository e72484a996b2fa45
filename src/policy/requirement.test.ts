import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS } from '../../test/support/compiled-policy.ts';
import { threadMs } from '../../test/support/thread-time.ts';
import type { RequiredKey } from '../api/judge-actions.ts';
import { JudgedObject } from './judged-object.ts';
import type { Channel } from './program.ts';
import { compileRequirement } from './requirement.ts';
import { Work } from './work.ts';

function problem(channel: Channel, required: RequiredKey, value: string): string | undefined {
  const compiled = compileRequirement(channel, required);
  if (!compiled.ok) throw new Error(compiled.problem);
  const object = cachedObject({ name: 'x', [channel]: { [required.key]: value } });
  return compiled.demand(new JudgedObject(object, CONFIG_MAPS, undefined), new Work())[0]?.message;
}

test.each<[string, Channel, RequiredKey, string, string | undefined]>([
  ['any value', 'labels', { key: 'k' }, 'x', undefined],
  ['the empty value', 'labels', { key: 'k' }, '', undefined],
  ['one of the values', 'labels', { key: 'k', values: ['dev', 'prod'] }, 'prod', undefined],
  [
    'none of the values',
    'labels',
    { key: 'k', values: ['dev', 'prod'] },
    'test',
    "label 'k' is 'test'; it must be one of 'dev', 'prod'",
  ],
  ['a value that fits the pattern', 'labels', { key: 'k', pattern: '^[a-z]+$' }, 'abc', undefined],
  ['a value that fits in part', 'labels', { key: 'k', pattern: '[0-9]' }, 'a1b', undefined],
  [
    'a value that does not fit',
    'labels',
    { key: 'k', pattern: '^[a-z]+$' },
    'A',
    "label 'k' is 'A'; it must match ^[a-z]+$",
  ],
  [
    'an annotation is not shown: pattern',
    'annotations',
    { key: 'k', pattern: '^x$' },
    'secret',
    "annotation 'k' has a value that is not allowed; it must match ^x$",
  ],
  [
    'an annotation is not shown: values',
    'annotations',
    { key: 'k', values: ['x'] },
    'secret',
    "annotation 'k' has a value that is not allowed; it must be one of 'x'",
  ],
])('%s', (_, channel, required, value, expected) => {
  expect(problem(channel, required, value)).toBe(expected);
});

test('a pattern that would take a backtracking engine for ever is quick', () => {
  const ms = threadMs(() => {
    expect(problem('annotations', { key: 'k', pattern: '^(a+)+$' }, `${'a'.repeat(5_000)}!`)).toBeDefined();
  });
  expect(ms).toBeLessThan(1_000);
});

test.each(['(', 'a{1001}', '((a{100}){10}){10}', '(?=a)', '(a)\\1'])('%s is no pattern', (pattern) => {
  const compiled = compileRequirement('labels', { key: 'k', pattern });
  expect(compiled).toMatchObject({ ok: false, path: 'pattern' });
});
