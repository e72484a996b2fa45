import { aborted } from './aborted.ts';

/**
 * Runs `work` for several callers at once, one run at a time. Who joins gets a run that begins after the call, so that
 * it sees whatever was true then: callers who come while a run is on share the one after it. A run is stopped when all
 * who wait for it have given up.
 */
export class SharedRuns<T> {
  readonly #work: (signal: AbortSignal) => Promise<T>;
  #current: Run<T> | undefined;
  #next: Run<T> | undefined;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#work = work;
  }

  /** Settles as the run does; rejects with ApiError 'Aborted' as soon as the signal aborts. */
  join(signal: AbortSignal): Promise<T> {
    if (signal.aborted) return Promise.reject(aborted(signal));
    if (this.#current === undefined) {
      const run = new Run<T>();
      const outcome = run.wait(signal);
      void this.#start(run);
      return outcome;
    }
    if (this.#next === undefined || this.#next.isAbandoned) this.#next = new Run();
    return this.#next.wait(signal);
  }

  async #start(run: Run<T>): Promise<void> {
    this.#current = run;
    try {
      run.resolve(await this.#work(run.signal));
    } catch (error) {
      run.reject(error);
    }
    const next = this.#next;
    this.#current = undefined;
    this.#next = undefined;
    if (next !== undefined && !next.isAbandoned) void this.#start(next);
  }
}

/** One run, begun or not, and those who wait for it. */
class Run<T> {
  readonly #outcome = Promise.withResolvers<T>();
  readonly #stop = new AbortController();
  #waiting = 0;

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get isAbandoned(): boolean {
    return this.#stop.signal.aborted;
  }

  resolve(value: T): void {
    this.#outcome.resolve(value);
  }

  reject(error: unknown): void {
    this.#outcome.reject(error);
  }

  async wait(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    const abandoned = Promise.withResolvers<never>();
    const onAbort = () => {
      abandoned.reject(aborted(signal));
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#stop.abort(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#outcome.promise, abandoned.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
