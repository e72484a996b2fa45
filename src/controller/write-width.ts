import { AdaptiveWidth } from '../base/adaptive-width.ts';
import type { Clock } from '../base/clock.ts';
import { SoughtWidth } from './sought-width.ts';
import { WritePace } from './write-pace.ts';

/** How many writes may be under way at once. */
export interface WriteWidth {
  readonly now: number;
  /** The server asks to wait. To be called once for all that were under way together: they tell of the same overload. */
  shrink(): void;
  /** A write was answered after so many milliseconds. */
  answered(ms: number): void;
  /** There was less to write than might have been. */
  idle(): void;
}

/** `most`: as many as that wherever the server can take it; undefined: as many as make it quicker. */
export function writeWidth(most: number | undefined, clock: Pick<Clock, 'monotonic'>): WriteWidth {
  return most === undefined ? new SoughtWidth(clock) : new GivenWidth(most, clock);
}

/** Fewer each time that the server asks to wait, or takes much longer than it did with fewer. */
class GivenWidth implements WriteWidth {
  readonly #pace: WritePace;
  readonly #width: AdaptiveWidth;

  constructor(most: number, clock: Pick<Clock, 'monotonic'>) {
    this.#width = new AdaptiveWidth(most);
    this.#pace = new WritePace(clock);
  }

  get now(): number {
    return this.#width.now;
  }

  shrink(): void {
    this.#width.shrink();
    this.#pace.begin();
  }

  answered(ms: number): void {
    this.#pace.answered(ms);
    this.#width.ended(() => this.#pace.wasQuick());
  }

  idle(): void {}
}
