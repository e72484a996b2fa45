import { X509Certificate } from 'node:crypto';
import { recordOf } from '../base/json-value.ts';
import type { CredentialMaterial } from './cached-credentials.ts';

/** From when on credentials should be replaced: with this part of their life left. */
const LEFT = 0.1;

/** Milliseconds since the Unix epoch. */
export type Life = readonly [from: number, to: number];

/**
 * When the token, the certificate or what a plugin gave, whichever ends sooner, should be replaced, in milliseconds since the
 * Unix epoch. Undefined where none of them says when it ends.
 */
export function renewalOf(material: CredentialMaterial): number | undefined {
  return earliest(livesOf(material).map(([from, to]) => to - LEFT * (to - from)));
}

/** When the first of them ends, likewise. */
export function endOf(material: CredentialMaterial): number | undefined {
  return earliest(livesOf(material).map(([, to]) => to));
}

function livesOf({ headers, tls, life }: CredentialMaterial): readonly Life[] {
  return [life, tokenLife(headers['authorization']), certificateLife(tls.cert)].filter((one) => one !== undefined);
}

function earliest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times);
}

/** What is in a token is read as its issuer wrote it, and not verified: who is to believe it is the server. */
function tokenLife(authorization: string | undefined): Life | undefined {
  const payload = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/.exec(authorization ?? '')?.[1];
  if (payload === undefined) return undefined;
  try {
    const { exp, iat, nbf } = recordOf(JSON.parse(Buffer.from(payload, 'base64url').toString()));
    const from = typeof iat === 'number' ? iat : nbf;
    return typeof exp === 'number' && typeof from === 'number' ? [from * 1_000, exp * 1_000] : undefined;
  } catch {
    return undefined;
  }
}

function certificateLife(cert: string | Buffer | undefined): Life | undefined {
  if (cert === undefined) return undefined;
  try {
    const { validFromDate, validToDate } = new X509Certificate(cert);
    return [validFromDate.getTime(), validToDate.getTime()];
  } catch {
    return undefined;
  }
}
