import type { BodySink } from './body-sink.ts';

/**
 * Which connections carry a request: watches never delay a write, nor the other way round, and neither delays the
 * Lease. `write`: what only the holder of the Lease may send.
 */
export type Pool = 'request' | 'write' | 'watch' | 'lease';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';
  /** Absolute path, already percent-encoded (see paths.ts). */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  readonly accept: string;
  readonly contentType?: string | undefined;
  readonly body?: Buffer | string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * From the call to the last byte, in milliseconds; default 60,000. For a stream to the answer's head: what follows is
   * bounded by its caller.
   */
  readonly timeoutMs?: number | undefined;
  /** A write at a pace of its own: a server that asks it to wait says nothing about other writes, nor the other way round. */
  readonly ownPace?: boolean | undefined;
  /** Default 'request'. */
  readonly pool?: 'lease' | undefined;
  /** Where the body of a 200 goes as it comes; that of the answer is empty then. Not for streams. */
  readonly sink?: BodySink | undefined;
  readonly signal: AbortSignal;
}

export interface KubeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface KubeStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Resolves at a clean end; rejects with ApiError ('Network', 'Aborted', ...). */
  readonly ended: Promise<void>;
}

/** The one door to the API server. Every method rejects with ApiError, also for answers of 400 and above; 304 is no error. */
export interface KubeClient {
  request(request: KubeRequest): Promise<KubeResponse>;
  /** Chunks go to `onData` as they come, synchronously. Resolves when the server has answered 200. Uses the watch pool. */
  stream(request: KubeRequest, onData: (chunk: Buffer) => void): Promise<KubeStream>;
  /** Ends all connections; pending requests reject. */
  close(): Promise<void>;
}
