import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAuthority } from '../../test/cluster/certificates.ts';
import { jsonWebToken } from '../../test/support/json-web-token.ts';
import { endOf, renewalOf } from './expiry.ts';

const certificate = createAuthority('any').issue({ commonName: 'client', usage: 'client' }).certPem;
const { validFromDate, validToDate } = new X509Certificate(certificate);
const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
const tls = { rejectUnauthorized: true };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test.each([
  ['a token with a tenth of its life left', bearer(jsonWebToken({ iat: 1_000, exp: 2_000 })), undefined, 1_900_000],
  ['one that is valid from a time on', bearer(jsonWebToken({ nbf: 1_000, exp: 2_000 })), undefined, 1_900_000],
  ['a certificate likewise', {}, certificate, to - (to - from) / 10],
  ['whichever is sooner', bearer(jsonWebToken({ iat: 1_000, exp: 2_000 })), Buffer.from(certificate), 1_900_000],
])('%s', (_what, headers, cert, expected) => {
  expect(renewalOf({ headers, tls: { ...tls, cert } })).toBe(expected);
});

test('what a plugin says of it counts likewise', () => {
  const headers = bearer(jsonWebToken({ iat: 1_000, exp: 2_000 }));
  expect(renewalOf({ headers, tls, life: [1_000_000, 1_500_000] })).toBe(1_450_000);
  expect(renewalOf({ headers, tls, life: [1_000_000, 2_500_000] })).toBe(1_900_000);
  expect(endOf({ headers, tls, life: [1_000_000, 1_500_000] })).toBe(1_500_000);
  expect(endOf({ headers, tls, life: [1_000_000, 2_500_000] })).toBe(2_000_000);
});

test.each([
  ['nothing', {}, undefined],
  ['a token that says nothing', bearer('opaque'), undefined],
  ['one that looks like more', bearer('a.b.c'), undefined],
  ['one that has no end', bearer(jsonWebToken({ iat: 1_000 })), undefined],
  ['one with an end that is no number', bearer(jsonWebToken({ iat: 1_000, exp: 'soon' })), undefined],
  ['a password', { authorization: 'Basic YTpi' }, undefined],
  ['a certificate that is none', {}, 'CERT'],
])('%s is never replaced for its age, and never ends', (_what, headers, cert) => {
  expect(renewalOf({ headers, tls: { ...tls, cert } })).toBeUndefined();
  expect(endOf({ headers, tls: { ...tls, cert } })).toBeUndefined();
});
