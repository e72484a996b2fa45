import type { Surroundings } from '../controller/contention.ts';
import type { Oscillation } from '../policy/contention.ts';
import { isSameInput } from './own-run.ts';

/** An object that changes may be tried again no sooner than this after its second standstill, growing, in milliseconds. */
const FIRST_MS = 60_000;
const LONGEST_MS = 3_600_000;

/**
 * An object on which policies undo each other's writes. Nothing is written to it until one of them changes, or what they
 * see does; the latter counts at once the first time, and then less and less often: it may change all the time.
 */
export class Standstill {
  #oscillation: Oscillation;
  #at: Surroundings;
  #delayMs = 0;
  #notBefore: number;
  #movedAt: number | undefined;

  constructor(oscillation: Oscillation, at: Surroundings, now: number) {
    this.#oscillation = oscillation;
    this.#at = at;
    this.#notBefore = now;
  }

  /** It goes on after another try. */
  again(oscillation: Oscillation, at: Surroundings, now: number): void {
    this.#oscillation = oscillation;
    this.#at = at;
    this.#movedAt = undefined;
    this.#delayMs = Math.min(Math.max(2 * this.#delayMs, FIRST_MS), LONGEST_MS);
    this.#notBefore = now + this.#delayMs;
  }

  /**
   * `Over`: the policies are others now. `Moving`: what they see has changed, and the object may be written. `Later`: it may
   * be, but not yet.
   */
  state(at: Surroundings, now: number): 'Still' | 'Later' | 'Moving' | 'Over' {
    if (at.programs !== this.#at.programs || at.object.uid !== this.#at.object.uid) return 'Over';
    if (this.#movedAt !== undefined) return 'Moving';
    if (isSameInput(at, this.#at)) return 'Still';
    if (now < this.#notBefore) return 'Later';
    this.#movedAt = now;
    return 'Moving';
  }

  get oscillation(): Oscillation {
    return this.#oscillation;
  }

  get notBefore(): number {
    return this.#notBefore;
  }

  /** When it can be forgotten that it ever stood still; undefined while it does. */
  get forgottenAt(): number | undefined {
    return this.#movedAt === undefined ? undefined : this.#movedAt + Math.max(this.#delayMs, FIRST_MS);
  }
}
