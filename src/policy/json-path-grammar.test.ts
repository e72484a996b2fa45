import { expect, test } from 'vitest';
import { parseJsonPath, type Segment } from './json-path-grammar.ts';

const name = (text: string): Segment => ({ kind: 'Name', name: text });
const index = (at: number): Segment => ({ kind: 'Index', index: at });
const all: Segment = { kind: 'Wildcard' };
const descend: Segment = { kind: 'Descend' };

test.each<[string, readonly Segment[]]>([
  ['$', []],
  ['$.spec', [name('spec')]],
  ['$.spec.nodeName', [name('spec'), name('nodeName')]],
  ['$.my-field._x1', [name('my-field'), name('_x1')]],
  ["$['spec']", [name('spec')]],
  ['$["spec"]', [name('spec')]],
  ["$.metadata.labels['acme.io/team']", [name('metadata'), name('labels'), name('acme.io/team')]],
  ['$.a["it\'s"]', [name('a'), name("it's")]],
  ['$.a[\'say "x"\']', [name('a'), name('say "x"')]],
  ["$.a['']", [name('a'), name('')]],
  ['$.a[0][12]', [name('a'), index(0), index(12)]],
  ["$.a['0']", [name('a'), name('0')]],
  ['$.a[*]', [name('a'), all]],
  ['$.a.*', [name('a'), all]],
  ['$.a[*].b.*', [name('a'), all, name('b'), all]],
  ['$.a..b', [name('a'), descend, name('b')]],
  ['$.a..*', [name('a'), descend, all]],
  ['$.a..[0]', [name('a'), descend, index(0)]],
  ["$.a..['b.c']", [name('a'), descend, name('b.c')]],
  ['$..a', [descend, name('a')]],
])('%s is understood', (text, segments) => {
  expect(parseJsonPath(text)).toEqual({ ok: true, segments });
});

test.each([
  '*',
  '~',
  '^',
  '$',
  '..',
  '`spec',
  '@string()',
  '@.x',
  'a,b',
  'a;b',
  '#0',
  '(1)',
  '?(@.x)',
  '1:2',
  'a]b',
  'constructor',
  '__proto__',
  '%@%',
  ' ',
])('in quotes %s is a name', (text) => {
  expect(parseJsonPath(`$.a['${text}'].b`)).toEqual({ ok: true, segments: [name('a'), name(text), name('b')] });
});

test.each([
  ['', "must begin with '$'"],
  ['spec.x', "must begin with '$'"],
  ['.spec', "must begin with '$'"],
  ['$spec', "is not understood at 'spec'"],
  ['$.', "must have a field name or '*' after '.', found '.'"],
  ['$.a.', "must have a field name or '*' after '.', found '.'"],
  ['$.a..', "must have a field name or '*' after '.', found '..'"],
  ['$.a...b', "must have a field name or '*' after '.', found '...b'"],
  ['$.a.1b', "must have a field name or '*' after '.', found '.1b'"],
  ['$.metadata.labels.acme\\.io/team', "is not understood at '\\.io/team'"],
  ['$.a.(@.length-1)', "must have a field name or '*' after '.'"],
  ['$.a..b..c', "may hold '..' once, found a second one at '..c'"],
  ['$.a[?(@.b)]', "must not hold filters or scripts, found one at '[?(@.b)]'; use a CEL expression for that"],
  ['$.a[?@.b]', 'must not hold filters or scripts'],
  ['$.a[(@.length-1)]', 'must not hold filters or scripts'],
  ['$.a..[?(@.b)]', 'must not hold filters or scripts'],
  ['$.a[-1]', "is not understood at '[-1]'; allowed are .name, ['name'], .*, .., [0] and [*]"],
  ['$.a[0:2]', 'is not understood'],
  ['$.a[0,1]', 'is not understood'],
  ["$.a['b','c']", 'is not understood'],
  ['$.a[b]', 'is not understood'],
  ['$.a[1', 'is not understood'],
  ['$.a[1234567890]', 'is not understood'],
  ["$.a['b\\'c']", 'is not understood'],
  ['$.a^', 'is not understood'],
  ['$.a~', 'is not understood'],
  ['$.a@string()', 'is not understood'],
  ['$.a`b', 'is not understood'],
  ['$.a .b', 'is not understood'],
  ['$.a\n.b', "is not understood at '\ufffd.b'"],
])('%j is refused', (text, problem) => {
  const parsed = parseJsonPath(text);
  expect(parsed.ok ? 'understood' : parsed.problem).toContain(problem);
});

test('a long path is quoted in part only', () => {
  const parsed = parseJsonPath(`$.a|${'b'.repeat(500)}`);
  expect(parsed.ok ? 'understood' : parsed.problem.length).toBeLessThan(120);
});
