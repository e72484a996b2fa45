import { NO_ANSWER, type RefusalCode } from '../controller/refusals.ts';
import { type ApiError, isSchemaDrift, isSchemaDriftText } from '../kube/errors.ts';

/** What an answer to a write means. `AskForRight`: only an access review can tell a missing right from a refusal. */
export type Meaning =
  | { readonly kind: 'Gone' }
  | { readonly kind: 'Stale' }
  | { readonly kind: 'AskForRight' }
  | { readonly kind: 'Refused'; readonly code: 'RefusedByServer' | 'SchemaDrift' }
  | { readonly kind: 'NoServerSideApply' }
  | { readonly kind: 'Overloaded'; readonly afterMs: number }
  | { readonly kind: 'NotLeading' }
  | { readonly kind: 'Unknown' };

interface Row {
  readonly holds: (error: ApiError) => boolean;
  readonly meaning: (error: ApiError) => Meaning;
}

const DEFAULT_WAIT_MS = 1_000;

/** Seen on kube-apiserver 1.36; the first row that holds decides. */
const ROWS: readonly Row[] = [
  { holds: ({ code }) => code === 'NotLeading', meaning: () => ({ kind: 'NotLeading' }) },
  { holds: ({ code }) => code === 'NotFound', meaning: () => ({ kind: 'Gone' }) },
  // Apply with a uid, and nothing of that name is there: "uid mismatch: ... no existing object was found".
  {
    holds: ({ code, message }) => code === 'Conflict' && message.includes('uid mismatch'),
    meaning: () => ({ kind: 'Gone' }),
  },
  // Another object of that name: "metadata.uid: Invalid value: ...: field is immutable".
  { holds: (error) => error.code === 'Invalid' && isUidImmutable(error), meaning: () => ({ kind: 'Gone' }) },
  // With a resourceVersion as precondition, or the server lost against other writers too often.
  { holds: ({ code }) => code === 'Conflict', meaning: () => ({ kind: 'Stale' }) },
  { holds: ({ code }) => code === 'Forbidden', meaning: () => ({ kind: 'AskForRight' }) },
  { holds: isSchemaDrift, meaning: () => ({ kind: 'Refused', code: 'SchemaDrift' }) },
  {
    holds: ({ code }) => code === 'UnsupportedMediaType',
    meaning: () => ({ kind: 'NoServerSideApply' }),
  },
  {
    holds: ({ code, retryAfterMs }) =>
      code === 'TooManyRequests' || (code === 'Unavailable' && retryAfterMs !== undefined),
    meaning: ({ retryAfterMs = DEFAULT_WAIT_MS }) => ({ kind: 'Overloaded', afterMs: retryAfterMs }),
  },
  // The server has looked at the write and said no; the same write again gets the same answer.
  {
    holds: ({ code, status }) => REFUSALS.has(code) || (code === 'Other' && status >= 400 && status < 500),
    meaning: () => ({ kind: 'Refused', code: 'RefusedByServer' }),
  },
];

const REFUSALS: ReadonlySet<ApiError['code']> = new Set(['Invalid', 'BadRequest', 'MethodNotAllowed', 'NotAcceptable']);

/** 5xx, time-outs, broken connections, an expired credential: nobody knows whether the write was made. */
const UNKNOWN: Meaning = { kind: 'Unknown' };

export function meaningOf(error: ApiError): Meaning {
  return ROWS.find(({ holds }) => holds(error))?.meaning(error) ?? UNKNOWN;
}

function isUidImmutable({ causes, message }: ApiError): boolean {
  return causes.some(({ field }) => field === 'metadata.uid') || message.includes('metadata.uid: Invalid value');
}

/**
 * Whether a 403 of somebody who has the right, as a review just said, tells of a server that is still starting and not of a
 * refusal: its authorizer had not read the roles yet, or an admission plugin not what it decides by.
 */
export function isPassing403(message: string): boolean {
  return AUTHORIZER_DENIAL.test(message) || message.includes('not yet ready to handle request');
}

/** The authorizer's own words; an admission refusal, also that of RBAC escalation, has others. */
const AUTHORIZER_DENIAL = /is forbidden: User "[^"]*" cannot patch resource /;

/** What a refusal was, of which only the message is left, in a status. */
export function refusalCodeOf(message: string): RefusalCode {
  if (isSchemaDriftText(message)) return 'SchemaDrift';
  return message.startsWith(NO_ANSWER) ? 'NoAnswer' : 'RefusedByServer';
}
