import type { Clock } from '../base/clock.ts';
import { WritePace } from './write-pace.ts';
import type { WriteWidth } from './write-width.ts';

/** Writes under way at once: at most, and to begin with. */
export const MOST_SOUGHT = 16;
const FIRST = 4;
/** A round lasts for so many milliseconds at least, and for so many writes, and for two of each that may be under way. */
const ROUND_MS = 500;
const ROUND_WRITES = 24;
/** A trial is made with so many times more, or fewer. */
const STEP = 1.5;
/**
 * More writes under way are worth it where they bring this share of what they would bring if none waited for another;
 * fewer, where they cost no more than this share. Between the two all stays as it is.
 */
const WORTH = { More: 0.3, Fewer: 0.2 } as const;
/** Rounds without a trial, once neither more nor fewer were better. */
const REST_ROUNDS = 8;

type Direction = 'More' | 'Fewer';

/**
 * Finds how many writes may be under way so that the server has something to do all the time, and no more: beyond that they wait
 * for each other, and everybody else's requests wait with them. In rounds it counts what is answered, now and then tries one with
 * more or with fewer, and stays with what is better.
 */
export class SoughtWidth implements WriteWidth {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #pace: WritePace;
  #width = FIRST;
  /** Of this round: when it began, and what was answered in it. */
  #since: number | undefined;
  #ended = 0;
  /** What was so before the trial that is under way: the width, and the writes per millisecond. */
  #before: { readonly width: number; readonly rate: number } | undefined;
  #direction: Direction = 'More';
  #restRounds = 0;
  /** Trials in vain, one after the other. */
  #inVain = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#pace = new WritePace(clock);
  }

  get now(): number {
    return this.#width;
  }

  shrink(): void {
    this.#width = Math.max(1, Math.floor(this.#width / 2));
    this.#before = undefined;
    this.#restRounds = REST_ROUNDS;
    this.#direction = 'More';
    this.#begin(undefined);
  }

  answered(ms: number): void {
    const now = this.#clock.monotonic();
    this.#pace.answered(ms);
    if (this.#since === undefined) {
      this.#since = now;
      return;
    }
    this.#ended += 1;
    const tookMs = now - this.#since;
    if (tookMs < ROUND_MS || this.#ended < Math.max(ROUND_WRITES, 2 * this.#width)) return;
    const rate = this.#ended / tookMs;
    if (this.#pace.wasQuick()) this.#ends(rate);
    else this.shrink();
    this.#begin(now);
  }

  /** A round in which there was too little to write tells nothing. */
  idle(): void {
    if (this.#before !== undefined) this.#width = this.#before.width;
    this.#before = undefined;
    this.#begin(undefined);
  }

  #begin(now: number | undefined): void {
    this.#since = now;
    this.#ended = 0;
    this.#pace.begin();
  }

  #ends(rate: number): void {
    const before = this.#before;
    if (before === undefined) {
      if (this.#restRounds === 0) this.#try(rate);
      else this.#restRounds -= 1;
      return;
    }
    const worth = before.rate * (1 + WORTH[this.#direction] * (this.#width / before.width - 1));
    if (rate >= worth) {
      this.#inVain = 0;
      this.#try(rate);
    } else {
      this.#width = before.width;
      this.#turnBack();
    }
  }

  #try(rate: number): void {
    const width = this.#width;
    const next = this.#direction === 'More' ? Math.ceil(width * STEP) : Math.floor(width / STEP);
    this.#width = Math.min(MOST_SOUGHT, Math.max(1, next));
    if (this.#width === width) this.#turnBack();
    else this.#before = { width, rate };
  }

  #turnBack(): void {
    this.#before = undefined;
    this.#direction = this.#direction === 'More' ? 'Fewer' : 'More';
    this.#inVain += 1;
    if (this.#inVain < 2) return;
    this.#inVain = 0;
    this.#restRounds = REST_ROUNDS;
  }
}
