import { codeOf, messageOf } from '../base/errors.ts';
import { ApiError } from './errors.ts';

/** The connection could not be made, or broke. `what` is the start of a sentence; the reason follows it. */
export function networkError(what: string, cause?: unknown): ApiError {
  const reason = cause === undefined ? '' : `: ${reasonOf(cause)}`;
  return new ApiError({ code: 'Network', status: 0, reason: '', message: `${what}${reason}`, cause });
}

/** What says that the server shows a certificate of an authority that we do not know: it may have got a new one. */
const UNKNOWN_AUTHORITY: ReadonlySet<string | undefined> = new Set([
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Whether the server could be reached, and shows a certificate that cannot be trusted with what we know of it. */
export function isUnknownAuthority({ cause }: ApiError): boolean {
  return UNKNOWN_AUTHORITY.has(codeOf(cause));
}

function reasonOf(cause: unknown): string {
  // One error for each address that the host's name has, and no message of its own.
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(reasonOf).join('; ');
  const code = codeOf(cause);
  if (UNKNOWN_AUTHORITY.has(code)) {
    return `the server's certificate is not signed by an authority that we trust (${messageOf(cause)})`;
  }
  switch (code) {
    case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL':
      return 'the server speaks neither HTTP/2 nor HTTP/1.1';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name of the host cannot be resolved (${messageOf(cause)})`;
    case undefined:
    default:
      return messageOf(cause);
  }
}
