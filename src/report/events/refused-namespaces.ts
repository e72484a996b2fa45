import { Backoff } from '../../base/backoff.ts';
import { dropOldest } from '../../base/bounded.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';

const TRY = { initialMs: 1_000, maxMs: 60_000, factor: 2, jitter: 0.2, resetAfterMs: 600_000 };
/** Most that are remembered: namespaces come and go, and one that is gone is never heard of again. */
const MOST = 1_000;

interface Refused {
  readonly backoff: Backoff;
  /** On the monotonic clock. */
  until: number;
}

/**
 * Namespaces in which we may not write Events. Now and then one Event tries; the right may be given for a few namespaces
 * only, so each has its own turn. The log hears of the first and of the end.
 */
export class RefusedNamespaces {
  readonly #clock: Clock;
  readonly #log: Log;
  /** In the order in which they refused last. */
  readonly #refused = new Map<string, Refused>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** False while it is no use to try. */
  admits(namespace: string): boolean {
    const refused = this.#refused.get(namespace);
    return refused === undefined || this.#clock.monotonic() >= refused.until;
  }

  refuse(namespace: string, reason: string): void {
    const fields = { namespace, reason };
    if (this.#refused.size === 0)
      this.#log.warn(
        fields,
        'Events cannot be written; grant apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]',
      );
    const refused = this.#refused.get(namespace) ?? { backoff: new Backoff(TRY, this.#clock), until: 0 };
    refused.until = this.#clock.monotonic() + refused.backoff.next();
    this.#refused.delete(namespace);
    this.#refused.set(namespace, refused);
    dropOldest(this.#refused, MOST);
  }

  /** An Event went through. */
  accept(namespace: string): void {
    if (!this.#refused.delete(namespace) || this.#refused.size > 0) return;
    this.#log.info({ namespace }, 'Events can be written again');
  }
}
