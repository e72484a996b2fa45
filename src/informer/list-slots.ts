import type { Clock } from '../base/clock.ts';
import { ApiError } from '../kube/errors.ts';
import type { ListWatch, WatchOptions } from '../kube/list-watch.ts';
import { Turns } from './turns.ts';

/** Where a server that has too much to do does not say for how long; in milliseconds. It is what kube-apiserver says. */
const PAUSE_MS = 1_000;

/** What is known of one list-watch. */
interface Limited {
  /** The server asked it to wait, and nothing has gone well since. */
  refused: boolean;
}

/**
 * Bounds how many lists run at once over all informers. A list costs the server up to 10 watches' worth, and hundreds
 * of kinds begin together at start and after the API server was away. When the server asks to wait, all wait, and half
 * as many go on. Watches are not bounded: resuming one is the cheapest request there is; the question before it, where
 * the server is, has turns of its own, which spread a mass of watches that broke together.
 */
export class ListSlots {
  readonly #lists: Turns;
  readonly #positions: Turns;

  /** `most`: lists at a time while all goes well. */
  constructor(most: number, clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#lists = new Turns(most, clock);
    this.#positions = new Turns(most, clock);
  }

  /** Lists that wait for their turn. */
  get waiting(): number {
    return this.#lists.waiting;
  }

  /** How many lists may run at once now. */
  get width(): number {
    return this.#lists.width;
  }

  /** Leaves no timer. */
  stop(): void {
    this.#lists.stop();
    this.#positions.stop();
  }

  /** The same list-watch, its pages admitted one by one, and its WatchLists until their initial events are over. */
  limit(listWatch: ListWatch): ListWatch {
    const limited: Limited = { refused: false };
    return {
      // Later pages go first: a list that was begun is finished, and its memory freed, before another one begins.
      list: (options) =>
        inTurn(this.#lists, limited, options.signal, options.continue !== undefined, () => listWatch.list(options)),
      position: (signal) => inTurn(this.#positions, limited, signal, false, () => listWatch.position(signal)),
      watch: (options) =>
        options.sendInitialEvents === true ? this.#watchList(listWatch, limited, options) : listWatch.watch(options),
    };
  }

  async #watchList(listWatch: ListWatch, limited: Limited, options: WatchOptions): Promise<void> {
    const turns = this.#lists;
    await turns.begin(options.signal);
    let isMine = true;
    const end = () => {
      if (isMine) turns.end();
      isMine = false;
    };
    try {
      await listWatch.watch({
        ...options,
        onEvent: (event) => {
          if (event.type === 'BOOKMARK' && event.initialEventsEnd && isMine) {
            wentWell(turns, limited);
            end();
          }
          if (event.type === 'ERROR' && isMine) failed(turns, limited, event.error);
          options.onEvent(event);
        },
      });
    } catch (error) {
      if (isMine) failed(turns, limited, error);
      throw error;
    } finally {
      end();
    }
  }
}

async function inTurn<T>(
  turns: Turns,
  limited: Limited,
  signal: AbortSignal,
  urgent: boolean,
  run: () => Promise<T>,
): Promise<T> {
  await turns.begin(signal, { urgent });
  try {
    const result = await run();
    wentWell(turns, limited);
    return result;
  } catch (error) {
    failed(turns, limited, error);
    throw error;
  } finally {
    turns.end();
  }
}

function wentWell(turns: Turns, limited: Limited): void {
  limited.refused = false;
  turns.wentWell();
}

/** A kind that is refused again and again (the server cannot fill its cache) is no sign that there is too much for the server. */
function failed(turns: Turns, limited: Limited, error: unknown): void {
  if (!(error instanceof ApiError) || limited.refused) return;
  if (error.code !== 'TooManyRequests' && error.retryAfterMs === undefined) return;
  limited.refused = true;
  turns.overloaded(error.retryAfterMs ?? PAUSE_MS);
}
