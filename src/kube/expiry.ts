import { X509Certificate } from 'node:crypto';
import { recordOf } from '../base/json-value.ts';
import type { CredentialMaterial } from './cached-credentials.ts';

/** From when on credentials should be replaced: with this part of their life left. */
const LEFT = 0.1;

/**
 * When the token or the certificate, whichever is sooner, should be replaced, in milliseconds since the Unix epoch.
 * Undefined where neither says when it ends: there is none, or it is no JSON Web Token, such as those of many cloud providers'
 * plugins. The `expirationTimestamp` beside such a token is known to client-node alone, which asks the plugin again once it
 * has passed, not before; and a token that the server refuses (401) is asked for again at once.
 */
export function renewalOf({ headers, tls }: CredentialMaterial): number | undefined {
  const lives = [tokenLife(headers['authorization']), certificateLife(tls.cert)].filter((life) => life !== undefined);
  return lives.length === 0 ? undefined : Math.min(...lives.map(([from, to]) => to - LEFT * (to - from)));
}

type Life = readonly [from: number, to: number];

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
