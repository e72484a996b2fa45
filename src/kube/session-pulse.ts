import type { Clock } from '../base/clock.ts';
import type { Carrier } from './carrier.ts';

/** All in milliseconds. */
export interface PulseLimits {
  /** A PING goes out this often while streams are open. Default 20,000. */
  readonly pingIntervalMs: number;
  /** A PING that is not answered in this time ends the connection. Default 10,000. */
  readonly pingTimeoutMs: number;
  /** A connection without streams is closed after this long. Default 80,000: before kube-apiserver does, at 90 s. */
  readonly idleTimeoutMs: number;
}

export interface PulseOwner {
  /** Streams that are open. */
  readonly streams: () => number;
  /** There was none for the whole of the idle time: it gets none any more. */
  readonly idle: () => void;
  /** A PING was not answered. */
  readonly silent: (reason: Error) => void;
}

/** Sees to it that a connection which leads nowhere any more is found out, and one that nobody uses is closed. */
export class SessionPulse {
  readonly #carrier: Carrier;
  readonly #limits: PulseLimits;
  readonly #clock: Clock;
  readonly #owner: PulseOwner;
  /** Monotonic milliseconds; when the server last answered a PING, or the last stream ended. */
  #lastSign: number;
  #cancelTick: (() => void) | undefined;
  #cancelPingTimer: (() => void) | undefined;

  /** Begins as the connection opens. */
  constructor(carrier: Carrier, limits: PulseLimits, clock: Clock, owner: PulseOwner) {
    this.#carrier = carrier;
    this.#limits = limits;
    this.#clock = clock;
    this.#owner = owner;
    this.#lastSign = clock.monotonic();
    this.#scheduleTick();
  }

  /** Has its first stream again. Nobody looks after an idle connection: find out at once whether it still leads anywhere. */
  woke(): void {
    if (this.#clock.monotonic() - this.#lastSign > this.#limits.pingIntervalMs) this.#ping();
  }

  streamEnded(): void {
    this.#lastSign = this.#clock.monotonic();
  }

  /** For good; leaves no timer. */
  stop(): void {
    this.#cancelTick?.();
    this.#cancelPingTimer?.();
  }

  /** One timer for a session's whole life, so that requests cost none. */
  #scheduleTick(): void {
    const { pingIntervalMs, idleTimeoutMs } = this.#limits;
    const isUsed = this.#owner.streams() > 0;
    const untilIdle = isUsed ? pingIntervalMs : this.#lastSign + idleTimeoutMs - this.#clock.monotonic();
    this.#cancelTick = this.#clock.after(Math.max(1, Math.min(pingIntervalMs, untilIdle)), () => {
      if (this.#owner.streams() > 0) this.#ping();
      else if (this.#clock.monotonic() - this.#lastSign >= idleTimeoutMs) {
        this.#owner.idle();
        return;
      }
      this.#scheduleTick();
    });
  }

  #ping(): void {
    if (this.#cancelPingTimer !== undefined || this.#carrier.destroyed) return;
    const sent = this.#carrier.ping((error) => {
      if (error !== null) return;
      this.#cancelPingTimer?.();
      this.#cancelPingTimer = undefined;
      this.#lastSign = this.#clock.monotonic();
    });
    if (!sent) return;
    const { pingTimeoutMs } = this.#limits;
    this.#cancelPingTimer = this.#clock.after(pingTimeoutMs, () => {
      this.#owner.silent(new Error(`no answer to a PING within ${pingTimeoutMs / 1000} s`));
    });
  }
}
