import type { Clock } from '../base/clock.ts';

/** A round of writes that took longer than so many times what one alone takes tells of a server that has too much to do... */
const SLOWER_BY = 1.5;
/** ...and one that took no longer than so many times, that it has room for more. */
const AS_QUICK = 1.25;
/** What the measuring itself may differ by, in milliseconds. */
const NOISE_MS = 0.5;
/** A round is at least so many writes, and takes at least so many milliseconds. */
const ROUND_WRITES = 8;
const ROUND_MS = 50;
/** By so many times the width grows after a round that shows room; by one at least. */
const GROWS_BY = 1.25;
/** After a round that took too long none adds to the width for so many milliseconds. */
const CALM_MS = 500;
/** What one write alone takes is measured this often, in milliseconds... */
const ALONE_EVERY_MS = 5_000;
/** ...by so many writes, or by fewer where they take so many milliseconds together... */
const ALONE_WRITES = 8;
const ALONE_MS = 1_000;
/** ...and more rarely where it takes long: it may take one part in so many of the time. */
const ALONE_SHARE = 20;
/** The quickest of so many of the latest such measurements counts. */
const ALONE_KEPT = 3;

/** What is being measured. */
type Phase =
  /** Writes one at a time; `isAlone`: none of those before is under way any more. */
  | { readonly kind: 'Alone'; readonly isAlone: boolean }
  /** As many as the width allows; the next `stale` answers are to writes that began before it was so. */
  | { readonly kind: 'Together'; readonly since: number; readonly stale: number };

/**
 * How many turns may be under way at once, between 1 and `most`, so that a write takes little longer than one alone does: then others of the
 * server wait little longer for us either. What one alone takes is measured again and again, as the server and what others ask of it
 * change; beside that there are some more after each round of writes that took no longer, and fewer after one that did. Until it is known there
 * are as many as may be.
 */
export class WriteWidth {
  readonly #most: number;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #width: number;
  #phase: Phase = { kind: 'Together', since: 0, stale: 0 };
  /** How long the writes of this round took, in milliseconds. */
  #took: number[] = [];
  /** What one write alone took when that was last measured, the latest last. */
  #alone: readonly number[] = [];
  #aloneDueAt = 0;
  #growsAt = 0;

  constructor(most: number, clock: Pick<Clock, 'monotonic'>) {
    this.#most = most;
    this.#width = most;
    this.#clock = clock;
  }

  get now(): number {
    return this.#phase.kind === 'Alone' ? 1 : this.#width;
  }

  /** The server asks to wait. To be called once for all that were under way together: they tell of the same overload. */
  shrink(): void {
    this.#shrinkTo(this.#width / 2);
    if (this.#phase.kind === 'Together') this.#together(this.#width);
  }

  /** A write was answered after so many milliseconds, while so many others were still under way. */
  answered(ms: number, underWay: number): void {
    const now = this.#clock.monotonic();
    if (this.#phase.kind === 'Together' && now >= this.#aloneDueAt) {
      this.#took = [];
      this.#phase = { kind: 'Alone', isAlone: underWay === 0 };
    } else if (this.#phase.kind === 'Alone') {
      this.#answeredAlone(this.#phase, ms, underWay);
    } else if (this.#phase.stale > 0) {
      this.#phase = { ...this.#phase, stale: this.#phase.stale - 1 };
    } else {
      this.#took.push(ms);
      const isWhole = this.#took.length >= Math.max(ROUND_WRITES, this.#width) && now - this.#phase.since >= ROUND_MS;
      if (isWhole) this.#endRound(underWay);
    }
  }

  #answeredAlone(phase: Phase & { readonly kind: 'Alone' }, ms: number, underWay: number): void {
    if (!phase.isAlone) {
      this.#phase = { kind: 'Alone', isAlone: underWay === 0 };
      return;
    }
    this.#took.push(ms);
    const together = this.#took.reduce((sum, one) => sum + one, 0);
    if (this.#took.length < ALONE_WRITES && together < ALONE_MS) return;
    if (this.#alone.length === 0) this.#width = 1;
    this.#alone = [...this.#alone, median(this.#took)].slice(-ALONE_KEPT);
    this.#aloneDueAt = this.#clock.monotonic() + Math.max(ALONE_EVERY_MS, ALONE_SHARE * together);
    this.#together(underWay);
  }

  #endRound(underWay: number): void {
    const took = median(this.#took);
    const alone = Math.min(...this.#alone);
    if (took > SLOWER_BY * alone + NOISE_MS) this.#shrinkTo(this.#width * Math.max(0.5, (AS_QUICK * alone) / took));
    else if (took <= AS_QUICK * alone + NOISE_MS && this.#clock.monotonic() >= this.#growsAt) this.#grow();
    this.#together(underWay);
  }

  #together(stale: number): void {
    this.#took = [];
    this.#phase = { kind: 'Together', since: this.#clock.monotonic(), stale };
  }

  #grow(): void {
    this.#width = Math.min(this.#most, Math.ceil(GROWS_BY * this.#width));
  }

  #shrinkTo(width: number): void {
    this.#width = Math.max(1, Math.floor(width));
    this.#growsAt = this.#clock.monotonic() + CALM_MS;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
