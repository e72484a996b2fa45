/** What an answer of the API server, or its absence, means to a caller. */
export type ApiErrorCode =
  | 'BadRequest' // 400
  | 'Unauthorized' // 401, after one refresh of the credentials
  | 'Forbidden' // 403
  | 'NotFound' // 404
  | 'MethodNotAllowed' // 405
  | 'NotAcceptable' // 406
  | 'Conflict' // 409
  | 'Gone' // 410: the resourceVersion or continue token is too old
  | 'UnsupportedMediaType' // 415
  | 'Invalid' // 422
  | 'TooManyRequests' // 429
  | 'ServerError' // 500 and other 5xx
  | 'Unavailable' // 502, 503
  | 'Timeout' // 504, or no answer in time
  | 'Network' // the connection could not be made, or broke: the outcome is unknown
  | 'Aborted' // the caller's signal
  | 'NotLeading' // a write was not sent, or was broken off, because this process does not hold the Lease
  | 'BadResponse' // an answer that cannot be read
  | 'TooLarge' // an answer of which the rest was not read, as it had more bytes than are read
  | 'Other';

/** Without its message, which may quote what is in the field. */
export interface StatusCause {
  readonly reason: string;
  readonly field: string;
}

export interface ApiErrorFields {
  readonly code: ApiErrorCode;
  /** HTTP status, or 0 when there was no answer. */
  readonly status: number;
  /** metav1.Status `reason`, '' when the answer had none. */
  readonly reason: string;
  /** To be shown: without values that the server quotes. */
  readonly message: string;
  /** The server's own words, where the message is made of them. */
  readonly rawMessage?: string | undefined;
  /** As the server asks, in milliseconds; one hour at most counts. */
  readonly retryAfterMs?: number | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
  readonly cause?: unknown;
}

/** Nobody means more; and a timer takes no more than 24 days, but fires at once. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** The only error that leaves this room. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly StatusCause[];
  /** Private, so that no logger finds it. */
  readonly #rawMessage: string;

  constructor(fields: ApiErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.status = fields.status;
    this.reason = fields.reason;
    this.retryAfterMs =
      fields.retryAfterMs === undefined ? undefined : Math.min(fields.retryAfterMs, MAX_RETRY_AFTER_MS);
    this.causes = fields.causes ?? [];
    this.#rawMessage = fields.rawMessage ?? fields.message;
  }

  /** The server's own words, which may quote values of an object: not to be shown as they are. */
  get rawMessage(): string {
    return this.#rawMessage;
  }
}

/** Whether we ended it ourselves, as we stop or do not hold the Lease: that is no failure of anything. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'NotLeading' || error.code === 'Aborted');
}

const OUTAGES: ReadonlySet<ApiErrorCode> = new Set([
  'Network',
  'ServerError',
  'Unavailable',
  'Timeout',
  'BadResponse',
  'TooLarge',
]);

/** Whether an error tells of trouble of the server, or on the way to it: when that is over, it may be so for all that met it. */
export function isOutage({ code }: ApiError): boolean {
  return OUTAGES.has(code);
}

/** Whether a server was asked for a later version than it has come to. Servers before 1.18 say so in words alone. */
export function isResourceVersionTooLarge({ code, causes, message }: ApiError): boolean {
  if (code !== 'Timeout') return false;
  return causes.some(({ reason }) => reason === 'ResourceVersionTooLarge') || message.includes(TOO_LARGE);
}

const TOO_LARGE = 'Too large resource version';

/** The second where managedFields is empty, as it is after any write of such an object. */
const SCHEMA_DRIFT = /failed to create typed|failed to convert .* to smd typed/;

/** Whether nothing can be applied to the object, as what is stored does not fit its schema. */
export function isSchemaDrift({ code, message }: ApiError): boolean {
  return code === 'ServerError' && isSchemaDriftText(message);
}

export function isSchemaDriftText(message: string): boolean {
  return SCHEMA_DRIFT.test(message);
}
