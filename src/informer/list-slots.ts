import { ApiError } from '../kube/errors.ts';
import type { ListWatch } from '../kube/list-watch.ts';

interface Waiter {
  readonly admit: () => void;
}

/**
 * Bounds how many list requests run at once over all informers. A list costs the server up to 10 watches' worth, and
 * hundreds of kinds begin together at start and after the API server was away. Watches are not bounded: resuming one
 * is the cheapest request there is.
 */
export class ListSlots {
  #free: number;
  /** Later pages go first: a list that was begun is finished, and its memory freed, before another one begins. */
  readonly #laterPages = new Set<Waiter>();
  readonly #firstPages = new Set<Waiter>();

  constructor(width: number) {
    this.#free = width;
  }

  get waiting(): number {
    return this.#laterPages.size + this.#firstPages.size;
  }

  /** The same list-watch, its pages admitted one by one. */
  limit(listWatch: ListWatch): ListWatch {
    return {
      list: async (options) => {
        const queue = options.continue === undefined ? this.#firstPages : this.#laterPages;
        await this.#acquire(queue, options.signal);
        try {
          return await listWatch.list(options);
        } finally {
          this.#release();
        }
      },
      position: async (signal) => {
        await this.#acquire(this.#firstPages, signal);
        try {
          return await listWatch.position(signal);
        } finally {
          this.#release();
        }
      },
      watch: (options) => listWatch.watch(options),
    };
  }

  #acquire(queue: Set<Waiter>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(aborted(signal));
        return;
      }
      if (this.#free > 0) {
        this.#free -= 1;
        resolve();
        return;
      }
      const onAbort = () => {
        queue.delete(waiter);
        reject(aborted(signal));
      };
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      queue.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #release(): void {
    for (const queue of [this.#laterPages, this.#firstPages]) {
      for (const waiter of queue) {
        queue.delete(waiter);
        waiter.admit();
        return;
      }
    }
    this.#free += 1;
  }
}

function aborted(signal: AbortSignal): ApiError {
  const message = 'the list was abandoned while it waited for its turn';
  return new ApiError({ code: 'Aborted', status: 0, reason: '', message, cause: signal.reason });
}
