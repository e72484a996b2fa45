import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { BOUNDS } from '../api/bounds.ts';
import { labelValueProblem } from '../api/metadata-syntax.ts';
import { sanitize } from './sanitize.ts';

const docs = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const vectors = z
  .array(z.strictObject({ value: z.string(), label: z.string().nullable() }))
  .parse(JSON.parse(docs('sanitize-vectors.json')));

const shown = (text: string | null) => (text === null ? 'none' : `\`${JSON.stringify(text)}\``);

describe('the published vectors', () => {
  test.each(vectors)('$value becomes $label', ({ value, label }) => {
    expect(sanitize('labels', value) ?? null).toBe(label);
  });

  test('are those of the documentation', () => {
    const rows = docs('values.md')
      .split('\n')
      .filter((line) => line.startsWith('| `"'));
    expect(rows).toEqual(vectors.map(({ value, label }) => `| ${shown(value)} | ${shown(label)} |`));
  });
});

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 90 }),
  fc.string({ unit: fc.constantFrom('a', 'Z', '9', '-', '_', '.', '/', ' ', 'ü', '🚀'), maxLength: 90 }),
);

describe('whatever the value, a label', () => {
  test('fits, and fits again unchanged', () => {
    fc.assert(
      fc.property(piece, (value) => {
        const label = sanitize('labels', value);
        // Nothing is left only where there is no letter and no digit.
        expect(label === undefined).toBe(value !== '' && !/[A-Za-z0-9]/.test(value));
        expect(labelValueProblem(label ?? '')).toBeUndefined();
        expect(sanitize('labels', label ?? '')).toBe(label ?? '');
      }),
    );
  });

  test('that is valid already stays as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/), (value) => {
        expect(sanitize('labels', value)).toBe(value);
      }),
    );
  });

  test('of long values that begin alike differs', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{70}$/), fc.string(), fc.string(), (head, a, b) => {
        fc.pre(a !== b);
        expect(sanitize('labels', `${head}${a}`)).not.toBe(sanitize('labels', `${head}${b}`));
      }),
    );
  });

  test('of a hostile length takes no time to speak of', () => {
    const value = `${'-'.repeat(500_000)}a${'-_.'.repeat(500_000)}/`;
    expect(sanitize('labels', value)).toBe('a');
  });
});

describe('an annotation', () => {
  const { annotationValue: max } = BOUNDS;

  test('is any text that is not too long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(sanitize('annotations', value)).toBe(value);
      }),
    );
    expect(sanitize('annotations', 'x'.repeat(max))).toBe('x'.repeat(max));
  });

  test.each([
    ['ASCII', 'x'.repeat(max + 1), `${'x'.repeat(max - 9)}-`],
    ['a character of two units at the cut', `x${'🚀'.repeat(max)}`, `x${'🚀'.repeat((max - 10) / 2)}-`],
  ])('that is too long is cut and told apart: %s', (_, value, head) => {
    const cut = sanitize('annotations', value) ?? '';
    expect(cut.slice(0, -8) === head).toBe(true);
    expect(cut.slice(-8)).toMatch(/^[0-9a-f]{8}$/);
    expect(cut.length).toBeLessThanOrEqual(max);
    expect(sanitize('annotations', cut) === cut).toBe(true);
    expect(sanitize('annotations', `${value}y`) === cut).toBe(false);
  });
});
