import * as fc from 'fast-check';
import { compileGlob } from '../../src/api/glob.ts';
import { labelValueProblem } from '../../src/api/metadata-syntax.ts';
import { parsePolicySpec } from '../../src/api/parse-policy.ts';
import { compileSelector } from '../../src/api/selector.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { compileJsonPath } from '../../src/policy/json-path.ts';
import { parseJsonPath, type Segment } from '../../src/policy/json-path-grammar.ts';
import { follow, locate } from '../../src/policy/json-path-walk.ts';
import { compilePattern } from '../../src/policy/pattern.ts';
import { compareQuantities, parseQuantity } from '../../src/policy/quantity.ts';
import { sanitize } from '../../src/policy/sanitize.ts';
import { Work } from '../../src/policy/work.ts';
import { cachedObject } from '../support/cached-object.ts';
import { CONFIG_MAPS, DEFAULT_NAMESPACE } from '../support/compiled-policy.ts';
import { goodPolicies } from '../support/policy-fixtures.ts';
import { mutated, nastyJson, nastyText } from './inputs.ts';
import { type FuzzTarget, same, target } from './target.ts';

/** What authors of policies write. */

const specs = goodPolicies().map(({ spec }) => spec);
const strings = fc
  .array(fc.tuple(nastyText, nastyText), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));

/** Whatever the spec: it is refused by name of a field, or it can be evaluated on any object. */
const policy = target(
  'policy',
  fc.record({ spec: fc.oneof(mutated(specs), nastyJson), labels: strings, annotations: strings, body: nastyJson }),
  ({ spec, labels, annotations, body }) => {
    const parsed = parsePolicySpec(spec);
    const compiled = compilePolicy({ name: 'p', uid: 'u', generation: 1, spec });
    if (!compiled.ok) {
      for (const { path, message } of compiled.issues) {
        if (!path.startsWith('spec')) throw new Error(`an issue without a field: ${path}`);
        if (message === '' || /[\r\n]/.test(message)) throw new Error(`a message that is not one line: ${message}`);
      }
      if (compiled.issues.length === 0) throw new Error('refused without a word');
      return;
    }
    if (!parsed.ok) throw new Error('compiled although it is not valid');
    const object = cachedObject({ name: 'x', labels, annotations, body: { spec: body, data: body } });
    const { program } = compiled;
    const { verdicts } = evaluate({
      object,
      kind: CONFIG_MAPS,
      programs: [program],
      held: new Map(),
      namespaceOf: () => DEFAULT_NAMESPACE,
    });
    for (const { message } of verdicts.flatMap(({ results }) => results)) {
      if (Array.from(message).length > 256) throw new Error('a message that no status takes');
    }
  },
);

const name = fc.oneof(
  nastyText.filter((text) => !/['\\]/.test(text)),
  fc.constantFrom('a', 'b', 'c'),
);
const segment: fc.Arbitrary<Segment> = fc.oneof(
  fc.record({ kind: fc.constant('Name' as const), name }),
  fc.record({ kind: fc.constant('Index' as const), index: fc.nat(4) }),
  fc.constant({ kind: 'Wildcard' as const }),
);
const path = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.option(fc.nat(4), { nil: undefined }))
  .map(([segments, descend]): readonly Segment[] =>
    descend === undefined || descend >= segments.length
      ? segments
      : segments.toSpliced(descend, 0, { kind: 'Descend' }),
  );

function written(segments: readonly Segment[]): string {
  return `$${segments.map(stepOf).join('')}`;
}

function stepOf(each: Segment): string {
  if (each.kind === 'Descend') return '..';
  if (each.kind === 'Name') return `['${each.name}']`;
  return each.kind === 'Index' ? `[${each.index}]` : '[*]';
}

/** What a path finds, by its definition. */
function found(nodes: readonly unknown[], [first, ...rest]: readonly Segment[]): readonly unknown[] {
  if (first === undefined) return nodes;
  const next = nodes.flatMap((node): readonly unknown[] => {
    if (typeof node !== 'object' || node === null) return [];
    if (first.kind === 'Wildcard') return Object.values(node);
    if (first.kind === 'Descend') return withAllBelow(node);
    const key = first.kind === 'Name' ? first.name : String(first.index);
    return (first.kind === 'Index') === Array.isArray(node) && Object.hasOwn(node, key) ? [Reflect.get(node, key)] : [];
  });
  return found(next, rest);
}

function withAllBelow(node: unknown): readonly unknown[] {
  if (typeof node !== 'object' || node === null) return [];
  return [node, ...Object.values(node).flatMap(withAllBelow)];
}

const jsonPath = target(
  'json-path',
  fc.oneof(fc.record({ segments: path, root: nastyJson }), fc.record({ text: nastyText, root: nastyJson })),
  (input) => {
    const text = 'text' in input ? input.text : written(input.segments);
    for (const each of [text, `$${text}`]) compileJsonPath(each);
    const parsed = parseJsonPath(text);
    if ('text' in input || !parsed.ok) {
      if ('segments' in input) throw new Error(`${text} is not understood`);
      if (parsed.ok) follow(input.root, parsed.segments, new Work());
      return;
    }
    same('segments', JSON.stringify(parsed.segments), JSON.stringify(input.segments));
    const hits = follow(input.root, parsed.segments, new Work());
    const model = found([input.root], input.segments);
    if (!hits.ok) throw new Error(hits.problem);
    same('hits', hits.values.length, model.length);
    for (const [i, value] of hits.values.entries()) {
      if (value !== model[i]) throw new Error(`another value at ${i}`);
      const at = locate(input.root, parsed.segments, i) ?? ['nowhere'];
      same(
        'the way to it',
        at.reduce((node: unknown, key) => Reflect.get(Object(node), key), input.root),
        value,
      );
    }
  },
);

/** By the definition: a star is any run, `*` of a separated glob one without a slash. */
function globModel(pattern: string, text: string, separated: boolean): boolean {
  const known = new Map<string, boolean>();
  const fits = (p: number, t: number): boolean => {
    const key = `${p} ${t}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    let answer: boolean;
    if (p === pattern.length) answer = t === text.length;
    else if (pattern[p] !== '*') answer = pattern[p] === text[t] && fits(p + 1, t + 1);
    else {
      const crosses = !separated || pattern[p + 1] === '*' || pattern[p - 1] === '*';
      answer = fits(p + 1, t) || (t < text.length && (crosses || text[t] !== '/') && fits(p, t + 1));
    }
    known.set(key, answer);
    return answer;
  };
  return fits(0, 0);
}

const few = (max: number) => fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '.'), maxLength: max });
const glob = target(
  'glob',
  fc.record({ pattern: fc.oneof(few(12), nastyText), text: fc.oneof(few(12), nastyText), separated: fc.boolean() }),
  ({ pattern, text, separated }) => {
    const fits = compileGlob(pattern, separated ? { separator: '/' } : {});
    same('fits', fits(text), globModel(pattern, text, separated));
  },
);

const selector = target(
  'selector',
  fc.record({
    labels: strings,
    expressions: fc.array(
      fc.record({
        key: nastyText,
        operator: fc.constantFrom('In' as const, 'NotIn' as const, 'Exists' as const, 'DoesNotExist' as const),
        values: fc.array(nastyText, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  }),
  ({ labels, expressions }) => {
    const selects = compileSelector({ matchExpressions: expressions })(labels);
    const entries = Object.entries(labels);
    const model = expressions.every(({ key, operator, values }) => {
      const value = entries.find(([label]) => label === key)?.[1];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      return (operator === 'In') === (value !== undefined && values.includes(value));
    });
    same('selects', selects, model);
  },
);

const SUFFIXES = { '': 1, m: 1e-3, k: 1e3, M: 1e6, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };
const quantity = target(
  'quantity',
  fc.oneof(
    nastyText.map((text) => ({ text })),
    fc.record({ whole: fc.nat(9_999), fraction: fc.nat(999), suffix: fc.constantFrom(...Object.keys(SUFFIXES)) }),
  ),
  (input) => {
    if ('text' in input) {
      const parsed = parseQuantity(input.text);
      if (parsed !== undefined) same('itself', compareQuantities(parsed, parsed), 0);
      return;
    }
    const text = `${input.whole}.${String(input.fraction).padStart(3, '0')}${input.suffix}`;
    const parsed = parseQuantity(text);
    if (parsed === undefined) throw new Error(`${text} is not understood`);
    const value =
      (input.whole + input.fraction / 1_000) *
      (Object.entries(SUFFIXES).find(([key]) => key === input.suffix)?.[1] ?? 1);
    const difference = Math.abs(Number(parsed.numerator) / Number(parsed.denominator) - value);
    if (difference > 1e-9 * Math.max(1, value)) throw new Error(`${text} is not ${value}`);
  },
);

const sanitized = target('sanitize', nastyText, (text) => {
  const value = sanitize('labels', text);
  if (value !== undefined) {
    same('problem', labelValueProblem(value), undefined);
    same('twice', sanitize('labels', value), value);
  }
  same('annotation', sanitize('annotations', text), text);
});

const piece = fc.constantFrom(
  'a',
  '.',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '{9}',
  '{2,30}',
  '{5,}',
  '*',
  '+',
  '?',
  '|',
  '^',
  '$',
  '\\',
  '\\pL',
  '\\d',
  '(?i)',
  '[^',
  ',',
  '9',
);
const pattern = target(
  'pattern',
  fc.oneof(
    fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join('')),
    nastyText,
  ),
  (text) => {
    const compiled = compilePattern(text);
    if (!compiled.ok) return;
    compiled.fits('a'.repeat(63), new Work());
    compiled.fits('\ud800', new Work());
  },
);

export const LANGUAGE_TARGETS: readonly FuzzTarget[] = [policy, jsonPath, glob, selector, quantity, sanitized, pattern];
