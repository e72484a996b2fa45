export type OpsErrorCode =
  | 'AddressInUse' // another process listens there
  | 'CannotListen'; // the address is not ours, or the port needs rights that we do not have

/** What keeps the pages of this room from being served. */
export class OpsError extends Error {
  override readonly name = 'OpsError';
  readonly code: OpsErrorCode;

  constructor(code: OpsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
