import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.ts';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock that stands still until a test moves it. Timers fire in order of their due time, then of their making. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #epochMs: number;
  #elapsed = 0;
  #order = 0;

  /** `startMs` is what `now()` says at first, in milliseconds since the Unix epoch; `monotonic()` starts at 0. */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#epochMs = startMs;
  }

  now(): number {
    return this.#epochMs + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, fn: () => void): () => void {
    const timer: Timer = { due: this.#elapsed + Math.max(0, ms), order: this.#order++, fn };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** How many timers wait: 0 when nothing leaks. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer, or undefined when none waits. */
  get nextIn(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.due - this.#elapsed;
  }

  /**
   * Lets `ms` milliseconds pass. Before, between and after timers all promises that can settle without I/O do so; timers that
   * these set fire too when they are due within `ms`.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await this.settle();
    for (let timer = this.#next(); timer !== undefined && timer.due <= end; timer = this.#next()) {
      this.#timers.delete(timer);
      this.#elapsed = timer.due;
      timer.fn();
      await this.settle();
    }
    this.#elapsed = end;
  }

  /** Goes to the next timer, lets it fire, and says how many milliseconds that took; 0 when none waits. */
  async advanceToNext(): Promise<number> {
    await this.settle();
    const ms = this.nextIn ?? 0;
    await this.advance(ms);
    return ms;
  }

  /** Lets everything run that waits for no timer and no I/O. */
  async settle(): Promise<void> {
    await nextTurn();
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order))
        first = timer;
    }
    return first;
  }
}
