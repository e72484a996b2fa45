import { expect, test } from 'vitest';
import { endPointOf } from './end-point.ts';

test.each([
  ['https://api.example.com', { host: 'api.example.com', port: 443 }],
  ['http://proxy.example.com', { host: 'proxy.example.com', port: 80 }],
  ['https://[fd00::1]:6443', { host: 'fd00::1', port: 6443 }],
  ['https://10.0.0.1:443', { host: '10.0.0.1', port: 443 }],
])('%s', (url, endPoint) => {
  expect(endPointOf(new URL(url))).toEqual(endPoint);
});
