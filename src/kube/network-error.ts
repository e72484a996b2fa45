import { messageOf } from '../base/errors.ts';
import { ApiError } from './errors.ts';

/** The connection could not be made, or broke. `what` is the start of a sentence; the reason follows it. */
export function networkError(what: string, cause?: unknown): ApiError {
  const reason = cause === undefined ? '' : `: ${reasonOf(cause)}`;
  return new ApiError({ code: 'Network', status: 0, reason: '', message: `${what}${reason}`, cause });
}

function reasonOf(cause: unknown): string {
  // One error for each address that the host's name has, and no message of its own.
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(reasonOf).join('; ');
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL':
      return 'the server speaks neither HTTP/2 nor HTTP/1.1';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name of the host cannot be resolved (${messageOf(cause)})`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `the server's certificate is not signed by an authority that we trust (${messageOf(cause)})`;
    default:
      return messageOf(cause);
  }
}
