import { AdaptiveWidth } from '../base/adaptive-width.ts';
import type { Clock } from '../base/clock.ts';
import { Pause } from '../base/pause.ts';
import { ApiError } from '../kube/errors.ts';

interface Waiter {
  readonly admit: () => void;
}

/** Lets so many requests run at once, fewer after the server had too much to do, and the rest wait in order of their coming. */
export class Turns {
  readonly #width: AdaptiveWidth;
  readonly #pause: Pause;
  readonly #urgent = new Set<Waiter>();
  readonly #others = new Set<Waiter>();
  #running = 0;
  #stopped = false;

  constructor(most: number, clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#width = new AdaptiveWidth(most);
    this.#pause = new Pause(clock, () => this.#admit());
  }

  get waiting(): number {
    return this.#urgent.size + this.#others.size;
  }

  /** How many may run at once now. */
  get width(): number {
    return this.#width.now;
  }

  /** Resolves when it is the caller's turn, which must then be ended by `end`. Rejects with ApiError 'Aborted'. */
  begin(signal: AbortSignal, { urgent = false }: { readonly urgent?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abandoned(signal));
        return;
      }
      const queue = urgent ? this.#urgent : this.#others;
      const onAbort = () => {
        queue.delete(waiter);
        reject(abandoned(signal));
      };
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      queue.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#admit();
    });
  }

  end(): void {
    this.#running -= 1;
    this.#admit();
  }

  /** To be called before `end` of a turn that brought what was asked for. */
  wentWell(): void {
    this.#width.ended();
  }

  /** The server asks to be left alone for so many milliseconds. */
  overloaded(ms: number): void {
    if (this.#stopped) return;
    if (!this.#pause.isOn) this.#width.shrink();
    this.#pause.atLeast(ms);
  }

  /** Leaves no timer. Whoever waits must give up by his signal. */
  stop(): void {
    this.#stopped = true;
    this.#pause.end();
  }

  #admit(): void {
    while (!this.#pause.isOn && this.#running < this.#width.now) {
      const waiter = first(this.#urgent) ?? first(this.#others);
      if (waiter === undefined) return;
      this.#urgent.delete(waiter);
      this.#others.delete(waiter);
      this.#running += 1;
      waiter.admit();
    }
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

function abandoned(signal: AbortSignal): ApiError {
  const message = 'the list was abandoned while it waited for its turn';
  return new ApiError({ code: 'Aborted', status: 0, reason: '', message, cause: signal.reason });
}
