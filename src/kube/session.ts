import type { EventEmitter } from 'node:events';
import {
  connect as connectHttp2,
  constants,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
  type Settings,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import type { Carrier, CarrierStream } from './carrier.ts';
import type { TlsMaterial } from './credentials.ts';
import type { ApiError } from './errors.ts';
import { GuardedSocket } from './guarded-socket.ts';
import { Http1Carrier } from './http1-carrier.ts';
import { networkError } from './network-error.ts';
import { type PulseLimits, SessionPulse } from './session-pulse.ts';
import { dialTls } from './tls-connect.ts';

export interface SessionLimits extends PulseLimits {
  /** From dialing to the server's first SETTINGS frame, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs: number;
  /** Streams at a time; fewer when the server allows fewer. Default 90: kube-apiserver allows 100. */
  readonly maxStreams: number;
  /**
   * Requests in a row that were broken off unanswered, after which the connection is left: whatever answers the PINGs, nobody
   * behind it answers requests. Default 3.
   */
  readonly mostInVain: number;
}

export const defaultSessionLimits: SessionLimits = {
  connectTimeoutMs: 10_000,
  pingIntervalMs: 20_000,
  pingTimeoutMs: 10_000,
  idleTimeoutMs: 80_000,
  maxStreams: 90,
  mostInVain: 3,
};

/** How a connection ended: was never made, gave no answer to a PING, broke, or was closed because nobody needed it any more. */
export type SessionEnd = 'Unreachable' | 'Silent' | 'Broken' | 'Closed';

/** Told of what happens to a session, each time synchronously. */
export interface SessionOwner {
  sessionReady(session: Session): void;
  /** There may be room for one more stream. */
  sessionFreed(session: Session): void;
  /** The last word. */
  sessionClosed(session: Session, end: SessionEnd): void;
}

type State =
  | { readonly kind: 'Connecting'; readonly cancel: (reason: Error) => void }
  | { readonly kind: 'Open'; readonly carrier: Carrier; readonly socket: TLSSocket }
  /** Runs what it has, takes nothing new. */
  | { readonly kind: 'Draining'; readonly carrier: Carrier; readonly socket: TLSSocket }
  | { readonly kind: 'Closed' };

/** Per stream: a page of a list must not wait for window updates; what they cost grows with the round trip. */
const STREAM_WINDOW = 4 * 1024 * 1024;
const CONNECTION_WINDOW = 16 * 1024 * 1024;
/** How long the server may take to hang up after a connection has run dry, in milliseconds. */
const LINGER_MS = 1_000;
/** In megabytes. Node's own bound is 10, which windows of this size would run into. */
const MAX_SESSION_MEMORY = 128;

/**
 * One connection to the API server, from dialing to its end: HTTP/2, or HTTP/1.1 with one request at a time where that
 * is all it speaks.
 */
export class Session {
  /** Of the credentials that it was made with. */
  readonly tlsGeneration: number;
  readonly #server: URL;
  readonly #limits: SessionLimits;
  readonly #clock: Clock;
  readonly #owner: SessionOwner;
  readonly #maySend: (() => boolean) | undefined;
  readonly #onStreamClosed = () => this.#release();
  #state: State = { kind: 'Connecting', cancel: () => {} };
  #streams = 0;
  #inVain = 0;
  #maxStreams = 0;
  /** Streams with a higher number were never looked at by the server. */
  #lastProcessedStream = Number.POSITIVE_INFINITY;
  #failure: ApiError | undefined;
  #silent = false;
  #cancelConnectTimer: (() => void) | undefined;
  #cancelLinger: (() => void) | undefined;
  /** Once it is open. */
  #pulse: SessionPulse | undefined;

  /** `maySend`: asked about all that goes out. Without it nobody is. */
  constructor(
    server: URL,
    tlsGeneration: number,
    limits: SessionLimits,
    clock: Clock,
    owner: SessionOwner,
    maySend?: () => boolean,
  ) {
    this.#maySend = maySend;
    this.tlsGeneration = tlsGeneration;
    this.#server = server;
    this.#limits = limits;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Once. The owner hears how it went. */
  async connect(tls: TlsMaterial): Promise<void> {
    const { connectTimeoutMs } = this.#limits;
    this.#cancelConnectTimer = this.#clock.after(connectTimeoutMs, () => {
      this.destroy(this.#unreachable(new Error(`no connection within ${connectTimeoutMs / 1000} s`)));
    });
    try {
      const dialing = dialTls(this.#server, tls);
      this.#state = { kind: 'Connecting', cancel: (reason) => dialing.cancel(reason) };
      this.#handshake(await dialing.socket);
    } catch (error) {
      this.destroy(this.#unreachable(error));
    }
  }

  /** `Idle` is open without streams, `Busy` open with some. */
  state(): 'Connecting' | 'Idle' | 'Busy' | 'Draining' | 'Closed' {
    if (this.#state.kind !== 'Open') return this.#state.kind;
    return this.#streams === 0 ? 'Idle' : 'Busy';
  }

  get streams(): number {
    return this.#streams;
  }

  /** How many there may be at once; 0 until it is open. */
  get maxStreams(): number {
    return this.#maxStreams;
  }

  /** How many more streams may be opened now. */
  free(): number {
    return this.#isOpen() ? Math.max(0, this.#maxStreams - this.#streams) : 0;
  }

  /** Why it ended, as soon as that is known; also why its streams broke. */
  failure(): ApiError | undefined {
    return this.#failure;
  }

  /** True when the server will not have looked at this stream, so that sending it again is safe. */
  neverProcessed(stream: CarrierStream): boolean {
    if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return true;
    return stream.id === undefined || stream.id > this.#lastProcessedStream;
  }

  /** Only while `free()` is above 0. Without `body` the request ends with its headers. */
  open(headers: OutgoingHttpHeaders, body: Buffer | string | undefined): CarrierStream {
    if (this.#state.kind !== 'Open') throw new Error(`a stream was asked of a session that is ${this.state()}`);
    const { carrier } = this.#state;
    const stream = carrier.request(headers, { endStream: body === undefined });
    stream.once('close', this.#onStreamClosed);
    this.#streams += 1;
    if (body !== undefined) stream.end(body);
    if (this.#streams === 1) this.#pulse?.woke();
    return stream;
  }

  /** The server began to answer a request. */
  answered(): void {
    this.#inVain = 0;
  }

  /** The server broke a request off before it said anything. */
  brokeOff(): void {
    this.#inVain += 1;
    // One that broke takes all its requests with it, and is not closed because nobody needs it.
    if (this.#inVain >= this.#limits.mostInVain && this.#isOpen()) this.retire();
  }

  /** Takes no new streams, and closes when those that run have ended. Only for one that is open. */
  retire(): void {
    if (this.#state.kind !== 'Open') return;
    const { carrier } = this.#state;
    this.#drain();
    carrier.close();
  }

  /** Ends it now; streams that run break with `reason`. */
  destroy(reason: ApiError): void {
    if (this.#state.kind === 'Closed') return;
    this.#failure ??= reason;
    if (this.#state.kind === 'Connecting') {
      this.#state.cancel(reason);
      this.#closed();
      return;
    }
    const { carrier, socket } = this.#state;
    carrier.destroy(reason, constants.NGHTTP2_CANCEL);
    // A session that is closing already would wait for the server to hang up.
    socket.destroy();
    // And Node does not always say that it is closed, when the server went while something was being sent to it.
    this.#cancelLinger?.();
    this.#cancelLinger = this.#clock.after(LINGER_MS, () => this.#closed());
  }

  #handshake(socket: TLSSocket): void {
    if (this.#state.kind !== 'Connecting') {
      socket.destroy();
      return;
    }
    const guarded = this.#maySend === undefined ? socket : new GuardedSocket(socket, this.#maySend);
    if (socket.alpnProtocol !== 'h2') {
      this.#maxStreams = 1;
      this.#opened(this.#watched(new Http1Carrier(this.#server, guarded)), socket);
      return;
    }
    const http2 = this.#watched(connectHttp2(this.#server, sessionOptions(guarded)));
    this.#state = { kind: 'Connecting', cancel: () => http2.destroy() };
    // The first one is the proof that the peer speaks HTTP/2.
    http2.on('remoteSettings', ({ maxConcurrentStreams }: Settings) => {
      this.#maxStreams = streamBudget(maxConcurrentStreams, this.#limits.maxStreams);
      if (this.#state.kind === 'Connecting') {
        http2.setLocalWindowSize(CONNECTION_WINDOW);
        this.#opened(http2, socket);
      } else this.#owner.sessionFreed(this);
    });
  }

  /** Hears how it ends. */
  #watched<C extends Carrier & EventEmitter>(carrier: C): C {
    carrier.on('error', (error) => {
      this.#failure ??= this.#state.kind === 'Connecting' ? this.#unreachable(error) : this.#broken(error);
    });
    carrier.once('close', () => this.#closed());
    carrier.on('goaway', (_code: number, lastStream: number) => this.#onGoaway(lastStream));
    return carrier;
  }

  #opened(carrier: Carrier, socket: TLSSocket): void {
    this.#cancelConnectTimer?.();
    this.#state = { kind: 'Open', carrier, socket };
    this.#pulse = new SessionPulse(carrier, this.#limits, this.#clock, {
      streams: () => this.#streams,
      idle: () => this.retire(),
      silent: (reason) => {
        this.#silent = true;
        this.destroy(this.#broken(reason));
      },
    });
    this.#owner.sessionReady(this);
  }

  /** Node closes a session some moments before it says so. */
  #isOpen(): boolean {
    return this.#state.kind === 'Open' && !this.#state.carrier.closed && !this.#state.carrier.destroyed;
  }

  #onGoaway(lastStream: number): void {
    this.#lastProcessedStream = Math.min(this.#lastProcessedStream, lastStream);
    this.#drain();
  }

  #drain(): void {
    if (this.#state.kind !== 'Open') return;
    this.#state = { ...this.#state, kind: 'Draining' };
    this.#lingerWhenDry();
  }

  #lingerWhenDry(): void {
    if (this.#state.kind !== 'Draining' || this.#streams > 0) return;
    this.#cancelLinger ??= this.#clock.after(LINGER_MS, () => this.destroy(this.#broken(undefined)));
  }

  #release(): void {
    this.#streams -= 1;
    this.#pulse?.streamEnded();
    this.#lingerWhenDry();
    this.#owner.sessionFreed(this);
  }

  #closed(): void {
    if (this.#state.kind === 'Closed') return;
    this.#failure ??=
      this.#state.kind === 'Connecting'
        ? this.#unreachable(new Error('the server closed the connection before it spoke HTTP/2'))
        : this.#broken(undefined);
    const end = this.#end();
    this.#state = { kind: 'Closed' };
    this.#cancelConnectTimer?.();
    this.#cancelLinger?.();
    this.#pulse?.stop();
    this.#owner.sessionClosed(this, end);
  }

  #end(): SessionEnd {
    if (this.#state.kind === 'Connecting') return 'Unreachable';
    if (this.#silent) return 'Silent';
    return this.#state.kind === 'Draining' || this.#failure?.code === 'Aborted' ? 'Closed' : 'Broken';
  }

  #unreachable(cause: unknown): ApiError {
    return networkError(`the API server ${this.#server.origin} cannot be reached`, cause);
  }

  #broken(cause: unknown): ApiError {
    return networkError(`the connection to the API server ${this.#server.origin} broke`, cause);
  }
}

function sessionOptions(socket: Duplex): SecureClientSessionOptions {
  return {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    maxSessionMemory: MAX_SESSION_MEMORY,
  };
}

/** A tenth of what the server allows stays free: it may count a stream as open for some moments after we do not. */
function streamBudget(allowed: number | undefined, wanted: number): number {
  return allowed === undefined ? wanted : Math.min(wanted, Math.max(1, Math.floor(allowed * 0.9)));
}
