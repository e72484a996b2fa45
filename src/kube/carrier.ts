import type { IncomingHttpHeaders, IncomingHttpStatusHeader, OutgoingHttpHeaders } from 'node:http2';

/** One request and its answer; of HTTP/2 a stream, which this is the part of that we use. */
export interface CarrierStream {
  readonly id?: number | undefined;
  readonly rstCode?: number | undefined;
  readonly destroyed: boolean;
  /** Gives the rest of the answer up. */
  close(code?: number): void;
  /** The body of the request, and its end. */
  end(body: Buffer | string): unknown;
  on(event: 'response', listener: (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => void): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** What carries requests over one connection, in whatever version of HTTP. */
export interface Carrier {
  /** Takes no more requests. */
  readonly closed: boolean;
  readonly destroyed: boolean;
  request(headers: OutgoingHttpHeaders, options: { readonly endStream: boolean }): CarrierStream;
  /** Ends when what runs has ended. */
  close(): void;
  destroy(reason?: Error, code?: number): void;
  /** Returns false where the peer cannot be asked. */
  ping(answered: (error: Error | null) => void): boolean;
}
