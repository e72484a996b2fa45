import { expect, test } from 'vitest';
import type { LabelSelector } from './match.ts';
import { compileSelector } from './selector.ts';

const prod = { env: 'prod', tier: '' };

test.each<[string, LabelSelector, Record<string, string>, boolean]>([
  ['an empty selector matches labels', {}, prod, true],
  ['an empty selector matches no labels', {}, {}, true],
  ['empty lists match everything', { matchLabels: {}, matchExpressions: [] }, {}, true],
  ['matchLabels: equal', { matchLabels: { env: 'prod' } }, prod, true],
  ['matchLabels: another value', { matchLabels: { env: 'dev' } }, prod, false],
  ['matchLabels: absent', { matchLabels: { team: 'a' } }, prod, false],
  ['matchLabels: the empty value is a value', { matchLabels: { tier: '' } }, prod, true],
  ['matchLabels: the empty value is not absence', { matchLabels: { tier: '' } }, {}, false],
  ['matchLabels: all of them', { matchLabels: { env: 'prod', tier: 'x' } }, prod, false],
  ['In: one of', { matchExpressions: [{ key: 'env', operator: 'In', values: ['dev', 'prod'] }] }, prod, true],
  ['In: none of', { matchExpressions: [{ key: 'env', operator: 'In', values: ['dev'] }] }, prod, false],
  ['In: absent', { matchExpressions: [{ key: 'team', operator: 'In', values: ['dev'] }] }, prod, false],
  ['NotIn: one of', { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] }, prod, false],
  ['NotIn: none of', { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['dev'] }] }, prod, true],
  ['NotIn: absent', { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['dev'] }] }, prod, true],
  ['Exists: there', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, prod, true],
  ['Exists: absent', { matchExpressions: [{ key: 'team', operator: 'Exists' }] }, prod, false],
  ['DoesNotExist: there', { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, prod, false],
  ['DoesNotExist: absent', { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] }, prod, true],
  [
    'labels and expressions together: all hold',
    { matchLabels: { env: 'prod' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
    prod,
    true,
  ],
  [
    'labels and expressions together: one does not',
    { matchLabels: { env: 'prod' }, matchExpressions: [{ key: 'team', operator: 'Exists' }] },
    prod,
    false,
  ],
  [
    'a key that every object inherits: Exists',
    { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] },
    {},
    false,
  ],
  [
    'a key that every object inherits: NotIn',
    { matchExpressions: [{ key: 'toString', operator: 'NotIn', values: ['a'] }] },
    {},
    true,
  ],
])('%s', (_, selector, labels, expected) => {
  expect(compileSelector(selector)(labels)).toBe(expected);
});
