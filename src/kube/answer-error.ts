import { cutTo } from '../api/words.ts';
import { ApiError, type ApiErrorCode } from './errors.ts';
import { retryAfterMs } from './retry-after.ts';
import { decodeStatus } from './status-body.ts';
import { withoutValues } from './without-values.ts';

const CODES: Readonly<Record<number, ApiErrorCode>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  408: 'Timeout',
  409: 'Conflict',
  410: 'Gone',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  502: 'Unavailable',
  503: 'Unavailable',
  504: 'Timeout',
};

/** Bodies that are no Status come from gateways, as HTML or a line of text. In characters. */
const MAX_FOREIGN_TEXT = 200;

export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** What an HTTP status means. */
export function errorCodeOf(status: number): ApiErrorCode {
  return CODES[status] ?? (status >= 500 ? 'ServerError' : 'Other');
}

/** The error that an answer stands for which is neither a success nor 304. `request` is method and path, for people. */
export function answerError(answer: RefusedAnswer, request: string, now: number): ApiError {
  const status = decodeStatus(answer.headers['content-type'], answer.body);
  const inStatus = status?.retryAfterSeconds === undefined ? undefined : status.retryAfterSeconds * 1000;
  const rawMessage = status?.message || foreignMessage(answer, request);
  return new ApiError({
    code: errorCodeOf(answer.status),
    status: answer.status,
    reason: status?.reason ?? '',
    message: withoutValues(rawMessage),
    rawMessage,
    retryAfterMs: retryAfterMs(answer.headers['retry-after'], now) ?? inStatus,
    causes: status?.causes,
  });
}

function foreignMessage({ status, body }: RefusedAnswer, request: string): string {
  const text = body.toString('utf8').replaceAll(/\s+/g, ' ').trim();
  return `the API server answered ${status} to ${request}${text === '' ? '' : `: ${cutTo(MAX_FOREIGN_TEXT, text)}`}`;
}
