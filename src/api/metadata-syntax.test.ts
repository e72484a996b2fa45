import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ANNOTATION_KEY_PATTERN,
  annotationKeyProblem,
  DNS_LABEL_PATTERN,
  DNS_SUBDOMAIN_PATTERN,
  dnsLabelProblem,
  dnsSubdomainProblem,
  LABEL_KEY_PATTERN,
  LABEL_VALUE_PATTERN,
  labelKeyProblem,
  labelValueProblem,
} from './metadata-syntax.ts';

describe('label keys', () => {
  test.each([
    'a',
    'A',
    '1',
    'a.b_c-D',
    'acme.io/team',
    'acme/team',
    '1.2/3',
    'constructor',
    'a'.repeat(63),
    `${'a'.repeat(253)}/${'b'.repeat(63)}`,
  ])('%s is one', (key) => {
    expect(labelKeyProblem(key)).toBeUndefined();
  });

  test.each([
    ['', 'a key must not be empty'],
    ['/a', "must not begin with '/': leave it out, or put a domain before it"],
    ['a/', "the part after '/' must not be empty"],
    ['a/b/c', "must hold at most one '/', found 'a/b/c'"],
    ['a'.repeat(64), 'a key must be at most 63 characters, found 64'],
    [`${'a'.repeat(254)}/b`, "the part before '/' must be at most 253 characters, found 254"],
    ['a..b/c', "found 'a..b'"],
    ['-a/c', "found '-a'"],
    ['a-.b/c', "found 'a-.b'"],
    ['A/c', "found 'A'"],
    ['_', "found '_'"],
    ['a-', "found 'a-'"],
    ['a b', "found 'a b'"],
    ['ä', "found 'ä'"],
    ['__proto__', "found '__proto__'"],
  ])('%s is none', (key, problem) => {
    expect(labelKeyProblem(key)).toContain(problem);
  });
});

test('annotation keys are label keys, but for capitals before the slash', () => {
  expect(annotationKeyProblem('Acme.IO/Team')).toBeUndefined();
  expect(annotationKeyProblem('Team')).toBeUndefined();
  expect(annotationKeyProblem('acme_io/Team')).toContain("the part before '/'");
});

test.each(['', 'a', '1.0', 'a_B-c.D', 'a'.repeat(63)])('%j is a label value', (value) => {
  expect(labelValueProblem(value)).toBeUndefined();
});

test.each([
  ['a'.repeat(64), 'a label value must be at most 63 characters, found 64'],
  [' ', "found ' '"],
  ['a/b', "found 'a/b'"],
  ['.a', "found '.a'"],
  ['a\n', "found 'a\ufffd'"],
])('%j is no label value', (value, problem) => {
  expect(labelValueProblem(value)).toContain(problem);
});

test('the patterns for the API server say the same as the functions', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '.', '_', '/', ' '), maxLength: 9 });
  const pairs: [string, (text: string) => string | undefined][] = [
    [LABEL_KEY_PATTERN, labelKeyProblem],
    [ANNOTATION_KEY_PATTERN, annotationKeyProblem],
    [LABEL_VALUE_PATTERN, labelValueProblem],
    [DNS_LABEL_PATTERN, dnsLabelProblem],
    [DNS_SUBDOMAIN_PATTERN, dnsSubdomainProblem],
  ];
  fc.assert(
    fc.property(texts, (text) => {
      for (const [pattern, problem] of pairs) expect(new RegExp(pattern).test(text)).toBe(problem(text) === undefined);
    }),
    { seed: 1, numRuns: 5_000 },
  );
});
