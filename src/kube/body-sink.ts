/** Takes the body of an answer piece by piece, as it comes and unpacked. What it throws ends the request. */
export interface BodySink {
  /** Once, before any piece, and only for an answer of status 200. */
  begin(headers: Readonly<Record<string, string | undefined>>): void;
  push(chunk: Buffer): void;
}
