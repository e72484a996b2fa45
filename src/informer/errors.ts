export type InformerErrorCode =
  | 'Stopped' // the informer or registry was stopped; it never starts again
  | 'AlreadyStarted';

/** A call that came at the wrong time of an informer's life. What the API server says is an ApiError in the status instead. */
export class InformerError extends Error {
  override readonly name = 'InformerError';
  readonly code: InformerErrorCode;

  constructor(code: InformerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
