import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from './glob.ts';

describe('a glob without separator', () => {
  test.each([
    ['web', 'web', true],
    ['web', 'web-1', false],
    ['web-*', 'web-1', true],
    ['web-*', 'web-', true],
    ['web-*', 'my-web-1', false],
    ['*-db', 'a-db', true],
    ['*-db', 'a-db-1', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
    ['*', '', true],
    ['*', 'system:node:a.b/c', true],
    ['**', 'a', true],
    ['', '', true],
    ['', 'a', false],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['?', 'a', false],
    ['?', '?', true],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
    ['a*b*b', 'ab', false],
  ])('%j over %j: %j', (pattern, text, expected) => {
    expect(compileGlob(pattern)(text)).toBe(expected);
  });
});

describe('a glob with separator', () => {
  test.each([
    ['acme.io/*', 'acme.io/team', true],
    ['acme.io/*', 'acme.io/', true],
    ['acme.io/*', 'x.acme.io/team', false],
    ['*', 'team', true],
    ['*', 'acme.io/team', false],
    ['**', 'acme.io/team', true],
    ['*/*', 'acme.io/team', true],
    ['*/*', 'team', false],
    ['*.acme.io/*', 'a.b.acme.io/team', true],
    ['**team', 'acme.io/team', true],
    ['a**b*c', 'a/b/bc', true],
    ['a**b*c', 'a/bx/c', false],
    ['a*b**', 'axb/c/d', true],
    ['a***b', 'a/b', true],
    ['legacy/*', 'legacy/a.b', true],
    ['legacy/*', 'legacy', false],
  ])('%j over %j: %j', (pattern, text, expected) => {
    expect(compileGlob(pattern, { separator: '/' })(text)).toBe(expected);
  });
});

const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '*'), maxLength: 8 });
const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 });

test('both kinds agree with a regular expression', () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const free = new RegExp(`^${pattern.replaceAll(/\*+/g, '.*')}$`);
      expect(compileGlob(pattern)(text)).toBe(free.test(text));
      const kept = new RegExp(`^${pattern.replaceAll(/\*+/g, (run) => (run.length > 1 ? '.*' : '[^/]*'))}$`);
      expect(compileGlob(pattern, { separator: '/' })(text)).toBe(kept.test(text));
    }),
    { seed: 1, numRuns: 3_000 },
  );
});

test('patterns that make backtracking explode are matched in no time', () => {
  const pattern = `${'*a'.repeat(150)}b`;
  const text = `${'a'.repeat(317)}c`;
  // Backtracking would need more steps than there are atoms; the suite's time limit is the judge.
  expect(compileGlob(pattern)(text)).toBe(false);
  expect(compileGlob(pattern, { separator: '/' })(text)).toBe(false);
});
