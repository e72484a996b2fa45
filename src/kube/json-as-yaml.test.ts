import { describe, expect, test } from 'vitest';
import { jsonAsYaml } from './json-as-yaml.ts';

describe('JSON for a reader of YAML', () => {
  test.each([
    ['delete', '\u007f'],
    ['controls of the second half of Latin-1', '\u0080\u0085\u0092\u009f'],
    ['line separators', '\u2028\u2029'],
    ['a byte order mark', '\ufeff'],
    ['what is no character', '\ufffe\uffff'],
  ])('has %s escaped, in values and keys', (_what, odd) => {
    const value = { [`k${odd}`]: `a${odd}b` };
    const text = jsonAsYaml(value);
    expect(text).toMatch(/^[ -~]*$/);
    expect(JSON.parse(text)).toEqual(value);
  });

  test('is what JSON is otherwise', () => {
    const value = { text: 'tab\t line\n "quoted" back\\slash \\ud800 😀 é', list: [1, null, true] };
    expect(jsonAsYaml(value)).toBe(JSON.stringify(value));
  });

  test('has no halves of characters, which it cannot say', () => {
    expect(jsonAsYaml({ cut: 'smile \ud83d', whole: '😀' })).toBe('{"cut":"smile \ufffd","whole":"😀"}');
  });
});
