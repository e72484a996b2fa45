import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { slowness, threadMs } from '../../test/support/thread-time.ts';
import { withoutValues } from './without-values.ts';

test.each([
  [
    'text',
    'ConfigMap "x" is invalid: metadata.labels: Invalid value: "hunter2 !": a valid label must be an empty string or consist of alphanumeric characters',
    'ConfigMap "x" is invalid: metadata.labels: Invalid value: (not shown): a valid label must be an empty string or consist of alphanumeric characters',
  ],
  [
    'text with quotes in it',
    'a: Invalid value: "hunter2 \\"hunter2\\": hunter2": too short',
    'a: Invalid value: (not shown): too short',
  ],
  [
    'text that ends with a backslash',
    'a: Invalid value: "hunter2\\\\": too short',
    'a: Invalid value: (not shown): too short',
  ],
  [
    'text over several lines',
    'a: Invalid value: "hunter2\nhunter2\\nhunter2": too\n  short',
    'a: Invalid value: (not shown): too short',
  ],
  [
    'a number',
    'a: Invalid value: 70000: must be between 1 and 65535, inclusive',
    'a: Invalid value: (not shown): must be between 1 and 65535, inclusive',
  ],
  ['a fraction', 'a: Invalid value: -1.5e+7: must be an integer', 'a: Invalid value: (not shown): must be an integer'],
  ['a word', 'a: Invalid value: true: must not be set', 'a: Invalid value: (not shown): must not be set'],
  ['null', 'a: Invalid value: null', 'a: Invalid value: (not shown)'],
  [
    'no choice',
    'a: Unsupported value: "hunter2": supported values: "x", "y"',
    'a: Unsupported value: (not shown): supported values: "x", "y"',
  ],
  ['a twin', 'a[1]: Duplicate value: "hunter2"', 'a[1]: Duplicate value: (not shown)'],
  ['a reference', 'a: Not found: "hunter2"', 'a: Not found: (not shown)'],
  [
    'several, in a list',
    'is invalid: [a: Invalid value: "hunter2": no, b: Invalid value: 17: no, c: Required value]',
    'is invalid: [a: Invalid value: (not shown): no, b: Invalid value: (not shown): no, c: Required value]',
  ],
  [
    'an object: its end is not certain, so the rest goes too',
    'a: Invalid value: {"k":"hunter2"}: hunter2 is wrong',
    'a: Invalid value: (not shown)',
  ],
  ['a list', '[a: Duplicate value: ["hunter2"], b: Invalid value: "hunter2"]', '[a: Duplicate value: (not shown)'],
  [
    "Go's own notation",
    'a: Invalid value: v1.X{A:map[string]string{"k":"hunter2"}}: hunter2',
    'a: Invalid value: (not shown)',
  ],
  ['text that was cut off', 'a: Invalid value: "hunter2 hunter2', 'a: Invalid value: (not shown)'],
  ['text with something behind it', 'a: Invalid value: "x" hunter2', 'a: Invalid value: (not shown)'],
  [
    'a stored object that does not fit its schema',
    'failed to create typed live object (d/x; v1, Kind=W): .spec.size: expected string, got &value.valueUnstructured{Value:"hunter2"}',
    'failed to create typed live object (d/x; v1, Kind=W): .spec.size: expected string, got (not shown)',
  ],
  [
    'several of these',
    'errors:\n  .a: expected list, got hunter2\n  .b: expected map, got hunter2',
    'errors: .a: expected list, got (not shown)',
  ],
  [
    "what Go's parsers say",
    'strconv.ParseInt: parsing "hunter2": invalid syntax',
    'strconv.ParseInt: parsing (not shown): invalid syntax',
  ],
  [
    'an introduction inside of a value',
    'a: Invalid value: "b: Invalid value: hunter2": no',
    'a: Invalid value: (not shown): no',
  ],
  [
    'the words of a conversion webhook',
    'conversion webhook for x/v1, Kind=Y failed: cannot convert token "hunter2-x"',
    'conversion webhook for x/v1, Kind=Y failed: (not shown)',
  ],
  [
    'why the service of a conversion webhook was not found, and nothing that follows',
    'conversion webhook for x/v1, Kind=Y failed: Post "https://a.b.svc:443/convert?timeout=30s": service "a" not found, says hunter2-x',
    'conversion webhook for x/v1, Kind=Y failed: Post "https://a.b.svc:443/convert?timeout=30s": service "a" not found(not shown)',
  ],
  [
    'what is wrong with the answer of a conversion webhook',
    'conversion webhook for x/v1, Kind=Y returned invalid metadata: hunter2-x: "hunter2-x" is no key',
    'conversion webhook for x/v1, Kind=Y returned invalid metadata: (not shown)',
  ],
])('%s', (_, message, expected) => {
  expect(withoutValues(message)).toBe(expected);
});

test.each([
  'configmaps "x" is forbidden: User "system:serviceaccount:wk:wk" cannot patch resource "configmaps" in API group "" in the namespace "default"',
  "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'guard' with binding 'guard' denied request: only labels may change",
  'admission webhook "validate.acme.io" denied the request: team is not known',
  'clusterroles.rbac.authorization.k8s.io "x" is forbidden: user "wk" is attempting to grant RBAC permissions not currently held',
  'metadata.annotations: Too long: may not be more than 262144 bytes',
  'conversion webhook for x/v1, Kind=Y failed: Post "https://127.0.0.1:9443/convert?timeout=30s": dial tcp 127.0.0.1:9443: connect: connection refused',
  'conversion webhook for x/v1, Kind=Y failed: Post "https://a.b.svc:443/convert": read tcp 10.0.0.1:4444->10.0.0.2:443: read: connection reset by peer',
])('words that quote nothing of the object stay: %s', (message) => {
  expect(withoutValues(message)).toBe(message);
});

/** As Go's %q writes it, near enough. */
const goQuoted = (text: string) => JSON.stringify(text);

test('whatever text a validation answer quotes, it does not come through', () => {
  const secret = 'hunter2';
  const text = fc
    .array(fc.constantFrom(secret, '"', '\\', ': ', ', ', ']', '\n', 'Invalid value: ', 'got ', '{', ' ', '✓'), {
      maxLength: 8,
    })
    .map((parts) => parts.join(''));
  const introduction = fc.constantFrom('Invalid value', 'Unsupported value', 'Duplicate value', 'Not found');
  const shown = fc.oneof(
    text.map(goQuoted),
    text.map((value) => JSON.stringify({ a: [value] })),
    text.map((value) => JSON.stringify([value])),
    text.map((value) => `map[string]interface {}{"a":${goQuoted(value)}}`),
  );
  const problem = fc.tuple(introduction, shown).map(([before, value]) => `spec.a: ${before}: ${value}: must be right`);
  fc.assert(
    fc.property(fc.array(problem, { minLength: 1, maxLength: 3 }), fc.nat(), (problems, cut) => {
      const message = `Widget "x" is invalid: [${problems.join(', ')}]`;
      expect(withoutValues(message)).not.toContain(secret);
      expect(withoutValues(message.slice(0, cut % message.length))).not.toContain(secret);
      expect(withoutValues(message)).toMatch(/^Widget "x" is invalid: \[spec\.a: /);
    }),
    { numRuns: 1_000 },
  );
});

test('a very long answer is cut, and takes no time', () => {
  const ms = threadMs(() => {
    expect(withoutValues(`a: Invalid value: "${'\\"'.repeat(1_000_000)}": no`)).toBe('a: Invalid value: (not shown)');
    expect(withoutValues('x'.repeat(2_000_000)).length).toBe(4_096);
  });
  expect(ms).toBeLessThan(500);
});

test('values that are known are cut out of whatever admission says, also in quotes and where one holds another', () => {
  const known = ['hunter2', 'hunter2-and-more', 'a "hunter2"', 'short', 'x'.repeat(9_000)];
  const said = 'denied: note is hunter2, not hunter2-and-more; "a \\"hunter2\\"" is no short $& one';
  expect(withoutValues(said, known)).toBe(
    'denied: note is (not shown), not (not shown); "(not shown)" is no short $& one',
  );
});

test('a value that stands where the words are cut leaves nothing of itself', () => {
  const text = `${'x'.repeat(4_090)}hunter2-hunter2`;
  expect(withoutValues(text, ['hunter2-hunter2'])).not.toContain('hunter');
});

test.each([
  ['of 9,007 characters', `hunter2${'x'.repeat(9_000)}`, ''],
  ['of 8,107 characters, further in', `hunter2${'x'.repeat(8_100)}`, 'w'.repeat(100)],
  ['of whose end the words were cut off', `hunter2${'x'.repeat(70_000)}`, 'w'.repeat(100)],
  ['in which the same stands again and again', 'x'.repeat(9_007), 'note'],
])('a long value is cut out whole: %s', (_, value, before) => {
  const shown = withoutValues(`denied: ${before} ${value} is too long`, [value]);
  expect(shown).toMatch(/^denied: (w+ |note )?\(not shown\)( is too long)?$/u);
});

test.each([
  ['as Go writes JSON', 'p<ss&word1', String.raw`p\u003css\u0026word1`],
  ['as Go writes separators of lines in JSON', 'hunter\u2028\u20292', String.raw`hunter\u2028\u20292`],
  ['in Go quotes', 'hunter\u0007\u0001\u007f\u00ad😀', String.raw`hunter\a\x01\x7f\u00ad\U0001f600`],
  ['in ASCII quotes', 'hünter2', String.raw`h\u00fcnter2`],
  ['as JSON inside of JSON', 'say "hunter2"', String.raw`say \\\"hunter2\\\"`],
  ['with backslashes, as it is', String.raw`p\u003css\nword`, String.raw`p\u003css\nword`],
])('a known value is cut out %s', (_, value, quoted) => {
  expect(withoutValues(`denied: "${quoted}" is weak`, [value])).toBe('denied: "(not shown)" is weak');
});

test('values that are words of the server hide nothing of what is gone by', () => {
  const known = ['Invalid', 'webhook', 'hunter2, got "x"'];
  expect(withoutValues('a: Invalid value: "hunter2": no', known)).toBe('a: (not shown) value: (not shown): no');
  expect(withoutValues('conversion webhook for x/v1, Kind=Y failed: hunter2', known)).toBe(
    'conversion (not shown) for x/v1, Kind=Y failed: (not shown)',
  );
  expect(withoutValues('denied: hunter2, got "x" is weak', known)).toBe('denied: (not shown)');
});

test('values that overlap are cut out together', () => {
  expect(withoutValues('denied: hunter2-and-more-of-it is weak', ['hunter2-and-more', 'and-more-of-it'])).toBe(
    'denied: (not shown) is weak',
  );
});

test('many and long values take no time; where it would be too much, nothing is shown', () => {
  const many = Array.from({ length: 150_000 }, (_, i) => `value-${i}`);
  const words = `denied: ${many.slice(0, 5_000).join(' ')}`;
  const long = `${'x'.repeat(1_000_000)}y`;
  const alike = Array.from({ length: 1_000 }, (_, i) => `${'x'.repeat(1_000)}${i}`);
  const tries: readonly (readonly [string, readonly string[]])[] = [
    [words, many],
    ['x'.repeat(65_000), [long]],
    ['x'.repeat(65_000), alike],
    ['\\'.repeat(65_000), ['\\'.repeat(65_000)]],
  ];
  for (const [said, known] of tries) {
    let shown = '';
    const took = Array.from({ length: 5 }, () => {
      const ms = threadMs(() => {
        shown = withoutValues(said, known);
      });
      return ms / slowness();
    });
    expect(shown).not.toMatch(/value-\d|xxxxxx|\\{6}/u);
    expect(Math.min(...took)).toBeLessThan(50);
  }
});

test('control characters do not reach a terminal', () => {
  expect(withoutValues('a\u001b[31mb\u0000\tc\r\nd')).toBe('a [31mb c d');
});

test("the groups of who was refused are left out, so that a refusal of RBAC's escalation check says in time what it is", () => {
  const who = 'user "system:serviceaccount:w:w" (groups=["system:serviceaccounts" "system:authenticated"])';
  expect(withoutValues(`roles "x" is forbidden: ${who} is attempting to grant:\n{APIGroups:[""]}`)).toBe(
    'roles "x" is forbidden: user "system:serviceaccount:w:w" is attempting to grant: {APIGroups:[""]}',
  );
});
