export type OpsErrorCode =
  | 'AddressInUse' // another process listens there
  | 'CannotListen' // the address is not ours, or the port needs rights that we do not have
  | 'CannotOpenAuditLog'; // its folder is missing, or we have no right to it

/** What keeps this room from doing its work. */
export class OpsError extends Error {
  override readonly name = 'OpsError';
  readonly code: OpsErrorCode;

  constructor(code: OpsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
