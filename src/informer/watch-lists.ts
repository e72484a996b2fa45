import { dropOldest } from '../base/bounded.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ApiError } from '../kube/errors.ts';

/** Whether a kind is read by a WatchList or by a list and a watch. */
export interface WatchListChoice {
  isWanted(): boolean;
  /** A list did what a WatchList did not, for this reason. */
  preferLists(why: ApiError): void;
}

/** So long after a kind was found to need lists, a WatchList is tried again: the server may be a newer one. In milliseconds. */
export const REMEMBERED_MS = 3_600_000;

/** Resources that are remembered, at most. */
const MOST_REMEMBERED = 4_096;

/** Which resources of this server cannot be read by a WatchList. */
export class WatchLists {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #log: Log;
  /** When a WatchList may be tried again, on the monotonic clock. */
  readonly #until = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `resource`: what is answered by one server in one way, readable, for logs. */
  of(resource: string): WatchListChoice {
    return {
      isWanted: () => {
        const until = this.#until.get(resource);
        if (until === undefined) return true;
        if (this.#clock.monotonic() < until) return false;
        this.#until.delete(resource);
        return true;
      },
      preferLists: ({ code, message }) => {
        this.#until.set(resource, this.#clock.monotonic() + REMEMBERED_MS);
        dropOldest(this.#until, MOST_REMEMBERED);
        this.#log.warn(
          { resource, code, reason: message },
          'the server does not answer a WatchList as it should: it is asked for lists',
        );
      },
    };
  }
}
