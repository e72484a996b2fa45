import type { OutgoingHttpHeaders } from 'node:http2';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { CarrierStream } from './carrier.ts';
import type { Credentials } from './credentials.ts';
import { ApiError } from './errors.ts';
import { isUnknownAuthority, networkError } from './network-error.ts';
import { Session, type SessionEnd, type SessionLimits, type SessionOwner } from './session.ts';

/** A request that wants a stream. Exactly one of `opened` and `failed` is called, at once or later, unless it is forgotten. */
export interface Opening {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | string | undefined;
  /** It has refused this request before. */
  readonly avoid: Session | undefined;
  /** Why it must not be sent after all; asked at the last moment, as it may have waited for long. */
  refusal(): ApiError | undefined;
  /** Listeners must be on the stream when this returns. */
  opened(stream: CarrierStream, session: Session): void;
  failed(error: ApiError): void;
}

export interface PoolState {
  readonly sessions: readonly { readonly state: ReturnType<Session['state']>; readonly streams: number }[];
  /** Requests that have no stream yet. */
  readonly waiting: number;
  /** How many connections have ended so far, by how. */
  readonly ended: Readonly<Partial<Record<SessionEnd, number>>>;
}

/** As many connections as the streams need: the first with room is used, so that those at the end run dry and close. */
export class SessionPool implements SessionOwner {
  readonly #credentials: Credentials;
  readonly #limits: SessionLimits;
  readonly #clock: Clock;
  readonly #maySend: (() => boolean) | undefined;
  readonly #sessions = new Set<Session>();
  readonly #connecting = new Set<Session>();
  readonly #waiting = new Set<Opening>();
  readonly #ended: Partial<Record<SessionEnd, number>> = {};
  /** Connections that wait for the credentials. */
  #preparing = 0;
  /** Of one connection, as the last one had it. */
  #streamsEach: number;
  #tlsGeneration: number;
  #closed = false;
  #onAllClosed: (() => void) | undefined;

  /** `maySend`: asked about all that goes out; a connection of which something may not is ended. */
  constructor(credentials: Credentials, limits: SessionLimits, clock: Clock, maySend?: () => boolean) {
    this.#maySend = maySend;
    this.#credentials = credentials;
    this.#limits = limits;
    this.#clock = clock;
    this.#tlsGeneration = credentials.tlsGeneration;
    this.#streamsEach = limits.maxStreams;
  }

  open(opening: Opening): void {
    if (this.#closed) {
      opening.failed(closedError());
      return;
    }
    const refusal = opening.refusal();
    if (refusal !== undefined) {
      opening.failed(refusal);
      return;
    }
    if (this.#tlsGeneration !== this.#credentials.tlsGeneration) this.#retireOutdated();
    const session = this.#sessionFor(opening);
    if (session === undefined) {
      this.#waiting.add(opening);
      this.#grow();
    } else {
      start(opening, session);
    }
  }

  /** Neither `opened` nor `failed` will be called any more. */
  forget(opening: Opening): void {
    this.#waiting.delete(opening);
  }

  state(): PoolState {
    return {
      sessions: [...this.#connecting, ...this.#sessions].map((s) => ({ state: s.state(), streams: s.streams })),
      waiting: this.#waiting.size,
      ended: { ...this.#ended },
    };
  }

  /** Breaks all streams; resolves when every connection is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#failWaiting(closedError());
    for (const session of [...this.#connecting, ...this.#sessions]) session.destroy(closedError());
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onAllClosed = resolve;
    });
  }

  sessionReady(session: Session): void {
    this.#connecting.delete(session);
    this.#sessions.add(session);
    this.#streamsEach = session.maxStreams;
    if (session.tlsGeneration !== this.#credentials.tlsGeneration) session.retire();
    this.#serveWaiting();
  }

  sessionFreed(): void {
    if (this.#waiting.size > 0) this.#serveWaiting();
  }

  sessionClosed(session: Session, end: SessionEnd): void {
    this.#ended[end] = (this.#ended[end] ?? 0) + 1;
    this.#sessions.delete(session);
    const neverReady = this.#connecting.delete(session);
    if (this.#closed && this.#sessions.size === 0) this.#onAllClosed?.();
    if (!neverReady) {
      this.#serveWaiting();
      return;
    }
    const failure = session.failure() ?? closedError();
    // The next attempt may know better; this one is told of all the same.
    if (isUnknownAuthority(failure)) void this.#credentials.refresh().catch(() => {});
    this.#connectFailed(failure);
  }

  #sessionFor({ avoid }: Opening): Session | undefined {
    for (const session of this.#sessions) {
      if (session !== avoid && session.free() > 0) return session;
    }
    return undefined;
  }

  #serveWaiting(): void {
    for (const opening of this.#waiting) {
      const session = this.#sessionFor(opening);
      if (session === undefined) continue;
      this.#waiting.delete(opening);
      start(opening, session);
    }
    this.#grow();
  }

  /** Opens connections until those on their way have room for all that wait. */
  #grow(): void {
    const wanted = Math.ceil(this.#waiting.size / this.#streamsEach);
    while (!this.#closed && this.#preparing + this.#connecting.size < wanted) void this.#connect();
  }

  async #connect(): Promise<void> {
    this.#preparing += 1;
    try {
      const tls = await this.#credentials.tls();
      this.#preparing -= 1;
      if (this.#closed) return;
      const { server, tlsGeneration } = this.#credentials;
      const session = new Session(server, tlsGeneration, this.#limits, this.#clock, this, this.#maySend);
      this.#connecting.add(session);
      void session.connect(tls);
    } catch (error) {
      this.#preparing -= 1;
      this.#connectFailed(error instanceof ApiError ? error : networkError(messageOf(error), error));
    }
  }

  #connectFailed(error: ApiError): void {
    // Others on their way may still serve those that wait.
    if (this.#preparing + this.#connecting.size === 0) this.#failWaiting(error);
  }

  #failWaiting(error: ApiError): void {
    const openings = [...this.#waiting];
    this.#waiting.clear();
    for (const opening of openings) opening.failed(opening.refusal() ?? error);
  }

  #retireOutdated(): void {
    this.#tlsGeneration = this.#credentials.tlsGeneration;
    for (const session of this.#sessions) {
      if (session.tlsGeneration !== this.#tlsGeneration) session.retire();
    }
  }
}

function start(opening: Opening, session: Session): void {
  const refusal = opening.refusal();
  if (refusal !== undefined) {
    opening.failed(refusal);
    return;
  }
  try {
    opening.opened(session.open(opening.headers, opening.body), session);
  } catch (error) {
    opening.failed(
      new ApiError({
        code: 'Other',
        status: 0,
        reason: '',
        message: `the request cannot be sent: ${messageOf(error)}`,
        cause: error,
      }),
    );
  }
}

function closedError(): ApiError {
  return new ApiError({ code: 'Aborted', status: 0, reason: '', message: 'the client was closed' });
}
