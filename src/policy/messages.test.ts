import { expect, test } from 'vitest';
import { BOUNDS } from '../api/bounds.ts';
import { describeKey, truncate } from './messages.ts';

const MAX = BOUNDS.statusMessage;

test.each([
  ['a short message', 'short', 'short'],
  ['one that just fits', 'x'.repeat(MAX), 'x'.repeat(MAX)],
  ['one that is too long by one', 'x'.repeat(MAX + 1), `${'x'.repeat(MAX - 1)}…`],
  ['a very long one', 'x'.repeat(1_000_000), `${'x'.repeat(MAX - 1)}…`],
  ['as many characters beyond the basic plane as fit', '🏷'.repeat(MAX), '🏷'.repeat(MAX)],
  ['one of them too many, cut between two', '🏷'.repeat(MAX + 1), `${'🏷'.repeat(MAX - 1)}…`],
])('%s', (_, message, expected) => {
  expect(truncate(message)).toBe(expected);
});

test('keys are called what users call them', () => {
  expect(describeKey('labels', 'team')).toBe("label 'team'");
  expect(describeKey('annotations', 'acme.io/owner')).toBe("annotation 'acme.io/owner'");
});
