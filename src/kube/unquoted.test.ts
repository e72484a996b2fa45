import { expect, test } from 'vitest';
import { unquoted } from './unquoted.ts';

test('what is escaped is read, and each character knows where it began', () => {
  const { text, offsets } = unquoted(String.raw`a\u003c\n\U0001f600\q\\n`);
  expect(text).toBe('a<\n😀\\q\\n');
  expect([...offsets]).toEqual([0, 1, 7, 9, 9, 19, 20, 21, 23, 24]);
});

test('what is no escape stays', () => {
  expect(unquoted(String.raw`\u00 \q \U00110000 ` + '\\').text).toBe(String.raw`\u00 \q ` + '\ufffd \\');
});
