import { expect, test } from 'vitest';
import { listenText, parseListen } from './listen.ts';

test.each([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
  ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['[::]:0', { host: '::', port: 0 }],
  [':8080', { host: '', port: 8080 }],
])('%s is an address, and is written so again', (text, listen) => {
  expect(parseListen(text)).toEqual(listen);
  expect(listenText(listen)).toBe(text);
});

test.each([
  '',
  '8080',
  'localhost',
  'localhost:',
  ':',
  ':65536',
  ':-1',
  ':80x',
  '::1:8080',
  '[::1]',
  '[host]:80',
  'a b:80',
  'http://a:80',
])("'%s' is none, and the message says what is", (text) => {
  expect(() => parseListen(text)).toThrow(
    `'${text}' is not an address to listen on; it must be HOST:PORT, such as 0.0.0.0:8080 or [::1]:8080`,
  );
});
