import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { threadMs } from '../../test/support/thread-time.ts';
import type { ValuePath } from '../api/json-shape.ts';
import { parseJsonPath, type Segment } from './json-path-grammar.ts';
import { follow, locate, MAX_DEPTH, MAX_VALUES } from './json-path-walk.ts';
import { Work } from './work.ts';

function hits(text: string, root: unknown): unknown {
  const parsed = parseJsonPath(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  const found = follow(root, parsed.segments, new Work());
  return found.ok ? found.values : found.problem;
}

const pod = {
  spec: {
    nodeName: 'n1',
    containers: [
      { name: 'a', image: 'x:1', ports: [{ port: 80 }, { port: 81 }] },
      { name: 'b', image: 'y:2' },
    ],
    tolerations: [],
    securityContext: null,
  },
};

test.each<[string, readonly unknown[]]>([
  ['$.spec.nodeName', ['n1']],
  ['$.spec.containers[1].name', ['b']],
  ['$.spec.containers[*].image', ['x:1', 'y:2']],
  ['$.spec.containers[*].ports[*].port', [80, 81]],
  ['$.spec.containers.*.name', ['a', 'b']],
  ['$.spec..port', [80, 81]],
  ['$.spec..name', ['a', 'b']],
  ['$.spec..[0].port', [80]],
  ['$..nodeName', ['n1']],
  ['$.spec.containers[0].ports..*', [{ port: 80 }, { port: 81 }, 80, 81]],
  ['$.spec.securityContext', [null]],
  ['$.spec.securityContext.runAsUser', []],
  ['$.spec.missing', []],
  ['$.spec.containers[7].name', []],
  ['$.spec.tolerations[*]', []],
  ['$.spec.nodeName[*]', []],
  ['$.spec.nodeName..x', []],
])('%s', (path, values) => {
  expect(hits(path, pod)).toEqual(values);
});

test.each([
  ['a name is no index of a list', "$.list['0']", { list: ['x'] }],
  ['an index is no name in an object', '$.map[0]', { map: { 0: 'x' } }],
  ['a list has no length', '$.list.length', { list: ['x'] }],
  ['a list has no length below ..', '$.list..length', { list: [['x']] }],
  ['a text has no length', '$.text.length', { text: 'abc' }],
  ['a text has no characters', '$.text[0]', { text: 'abc' }],
  ['a text has no characters behind a wildcard', '$.texts[*][0]', { texts: ['abc'] }],
  ['what objects inherit is not there', '$.constructor', {}],
  ['nor below ..', '$..toString', { a: {} }],
  ['nor of a list', '$.list.map', { list: [] }],
  ['nor the prototype', '$.a.__proto__', { a: {} }],
  ['nothing leads nowhere', '$.a', undefined],
])('%s', (_, path, root) => {
  expect(hits(path, root)).toEqual([]);
});

const NAMES = [
  'constructor',
  '__proto__',
  '*',
  '~',
  '^',
  '$',
  '..',
  '@string()',
  '`x',
  'a,b',
  'a.b',
  '#0',
  '?(@)',
  'length',
];

test.each(NAMES)('a field that is called %s is found by that name, wherever it stands', (name) => {
  const object: unknown = JSON.parse(
    `{"own": {${JSON.stringify(name)}: {"x": 1}}, "list": [{${JSON.stringify(name)}: 2}]}`,
  );
  expect(hits(`$.own['${name}'].x`, object)).toEqual([1]);
  expect(hits(`$.list[*]['${name}']`, object)).toEqual([2]);
  expect(hits(`$..['${name}']`, object)).toEqual([{ x: 1 }, 2]);
});

test.each(NAMES)('a field that is called %s does not change what * and .. mean', (name) => {
  const object: unknown = JSON.parse(`{"a": {${JSON.stringify(name)}: {"x": 1}, "other": {"x": 2}}}`);
  expect(hits('$.a[*].x', object)).toEqual([1, 2]);
  expect(hits('$.a.*.*', object)).toEqual([1, 2]);
  expect(hits('$.a..x', object)).toEqual([1, 2]);
});

/** 0 below `levels` objects, each in a field `a` of the next. */
function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < levels; i++) value = { a: value };
  return value;
}

test('an object of 10,000 levels is too deep for .., and no trouble for other paths', () => {
  const deep = nested(10_000);
  expect(hits('$..b', deep)).toBe(
    `the path would have to look at lists and objects nested deeper than ${MAX_DEPTH} levels`,
  );
  expect(hits('$.a.a.b', deep)).toEqual([]);
  expect(hits('$.*.*.b', deep)).toEqual([]);
});

test('.. goes down as far as is allowed, and not one level further', () => {
  expect(hits('$..b', nested(MAX_DEPTH + 1))).toEqual([]);
  expect(hits('$..b', nested(MAX_DEPTH + 2))).toContain('nested deeper');
});

test.each([
  ['a wildcard', '$[*].x'],
  ['..', '$..x'],
])('%s opens up as many values as are allowed, and not one more', (_, path) => {
  const most = Array.from({ length: MAX_VALUES }, () => 0);
  expect(hits(path, most)).toEqual([]);
  expect(hits(path, [...most, 0])).toBe(`the path would have to look at more than ${MAX_VALUES} values`);
});

test('what several wildcards open up counts together', () => {
  const side = Math.ceil(Math.sqrt(MAX_VALUES));
  const square = Array.from({ length: side }, () => Array.from({ length: side }, () => 1));
  expect(hits('$[*][*]', square)).toContain('more than');
});

test('the worst object that is allowed takes a bounded time', () => {
  let value: unknown = Array.from({ length: MAX_VALUES - 2 * MAX_DEPTH }, () => ({}));
  for (let i = 0; i < MAX_DEPTH - 2; i++) value = [value];
  const ms = threadMs(() => {
    hits('$..*', value);
  });
  // Some 60 ms on a slow machine; a walk without bounds takes minutes on what one object can hold.
  expect(ms).toBeLessThan(2_000);
});

// ---- Against the definition ----------------------------------------------------------------------------------------

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function children(value: unknown): readonly unknown[] {
  return isContainer(value) ? Object.values(value) : [];
}

function containersFrom(value: unknown): readonly unknown[] {
  return isContainer(value) ? [value, ...children(value).flatMap(containersFrom)] : [];
}

/** Where one segment leads from one value, by RFC 9535 and as plainly as it can be written. */
function next(value: unknown, segment: Segment): readonly unknown[] {
  if (segment.kind === 'Wildcard') return children(value);
  if (segment.kind === 'Descend') return containersFrom(value);
  const wanted = segment.kind === 'Name' ? segment.name : String(segment.index);
  if (!isContainer(value) || Array.isArray(value) !== (segment.kind === 'Index')) return [];
  return Object.entries(value).flatMap(([key, child]): readonly unknown[] => (key === wanted ? [child] : []));
}

function expected(root: unknown, segments: readonly Segment[]): readonly unknown[] {
  return segments.reduce<readonly unknown[]>(
    (values, segment) => values.flatMap((value) => next(value, segment)),
    [root],
  );
}

test('any path on any object leads where its definition says', () => {
  const key = fc.constantFrom('a', 'b', '*', '..', 'length', '`a', 'a,b', '0');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('text', 1, true, null),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  const segment = fc.oneof(
    key.map((name): Segment => ({ kind: 'Name', name })),
    fc.nat({ max: 2 }).map((index): Segment => ({ kind: 'Index', index })),
    fc.constant<Segment>({ kind: 'Wildcard' }),
    fc.constant<Segment>({ kind: 'Descend' }),
  );
  fc.assert(
    fc.property(tree, fc.array(segment, { maxLength: 4 }), (root, segments) => {
      const found = follow(root, segments, new Work());
      // Behind '..' the library passes a null on, which leads nowhere.
      const containers = (values: readonly unknown[]) =>
        segments.at(-1)?.kind === 'Descend' ? values.filter((value) => value !== null) : values;
      expect(found.ok && containers(found.values)).toEqual(expected(root, segments));
    }),
    { numRuns: 1_000 },
  );
});

function valueAt(root: unknown, path: ValuePath): unknown {
  return path.reduce<unknown>((value, key) => (value === null ? undefined : Reflect.get(Object(value), key)), root);
}

describe('where values stand', () => {
  test('is told in the order of the values, with numbers for elements of lists', () => {
    const parsed = parseJsonPath('$.spec..port');
    expect(parsed.ok && [0, 1].map((place) => locate(pod, parsed.segments, place))).toEqual([
      ['spec', 'containers', 0, 'ports', 0, 'port'],
      ['spec', 'containers', 0, 'ports', 1, 'port'],
    ]);
    const images = parseJsonPath('$.spec.containers[*].image');
    expect(images.ok && [0, 1].map((place) => locate(pod, images.segments, place))).toEqual([
      ['spec', 'containers', 0, 'image'],
      ['spec', 'containers', 1, 'image'],
    ]);
  });

  test('leads back to each value that is found', () => {
    const path = fc.constantFrom('$', '$.*', '$..*', '$..a', '$.a[*].b', '$..[0]', '$.a..b.*', "$['/~1'].*", '$..a[*]');
    const key = fc.constantFrom('a', 'b', '/~1', '0', '~', "']['");
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'medium' },
        fc.constantFrom<unknown>(1, 'x', null, true),
        fc.dictionary(key, tie('node'), { maxKeys: 3 }),
        fc.array(tie('node'), { maxLength: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(path, value, (text, root) => {
        const parsed = parseJsonPath(text);
        if (!parsed.ok) throw new Error(parsed.problem);
        const found = hits(text, root);
        if (!Array.isArray(found)) throw new Error(String(found));
        const paths = found.map((_, place) => locate(root, parsed.segments, place) ?? ['nowhere']);
        expect(paths.map((each) => valueAt(root, each))).toEqual(found);
        expect(new Set(paths.map((each) => JSON.stringify(each))).size).toBe(paths.length);
      }),
      { numRuns: 1_000 },
    );
  });
});
