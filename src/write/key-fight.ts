import type { ContendedKey } from '../policy/contention.ts';
import type { KeyState } from './key-state.ts';

/** For how long a key is left alone at first, and at most, in milliseconds. */
const FIRST_MS = 60_000;
const LONGEST_MS = 3_600_000;
/** A try that nobody undid for this long, in milliseconds, ends the fight. */
const TRIAL_MS = 15_000;

/**
 * `Left`: the key is not touched. `Tried`: it is written once more. `Over`: the fight has ended, but whoever begins it again
 * soon is not given another 4 writes. `Forgotten`: as if it had never been.
 */
export type FightPhase = 'Left' | 'Tried' | 'Over' | 'Forgotten';

/** What does not change in the course of a fight. When the policy changes, what it wants deserves a fresh look. */
export type FoughtKey = Omit<ContendedKey, 'left' | 'managers'>;

/** A key of one object that we and somebody else change in turn. Times are on the monotonic clock. */
export class KeyFight {
  readonly what: FoughtKey;
  managers: readonly string[] = [];
  /** Whether evaluation has seen this phase. */
  told: FightPhase = 'Left';
  #leftMs = FIRST_MS;
  #leftUntil: number;
  #tried: { readonly at: number; readonly state: KeyState } | undefined;

  constructor(what: FoughtKey, now: number) {
    this.what = what;
    this.#leftUntil = now + FIRST_MS;
  }

  phase(now: number): FightPhase {
    if (now < this.#leftUntil) return 'Left';
    if (now < this.#overAt) return 'Tried';
    return now < this.#forgottenAt ? 'Over' : 'Forgotten';
  }

  /** When the next phase begins, if nothing happens before. */
  nextAt(now: number): number {
    const next = [this.#leftUntil, this.#overAt].find((at) => now < at);
    return next ?? this.#forgottenAt;
  }

  /** How our last try left the key; undefined while there was none. */
  get triedState(): KeyState | undefined {
    return this.#tried?.state;
  }

  /** We wrote the key once more. */
  tried(state: KeyState, now: number): void {
    this.#tried = { at: now, state };
  }

  /** The try was undone: the key is left alone for twice as long. */
  again(now: number): void {
    this.#leftMs = Math.min(2 * this.#leftMs, LONGEST_MS);
    this.#leftUntil = now + this.#leftMs;
    this.#tried = undefined;
    this.told = 'Left';
  }

  contended(now: number): ContendedKey | undefined {
    const phase = this.phase(now);
    if (phase !== 'Left' && phase !== 'Tried') return undefined;
    return { ...this.what, managers: this.managers, left: phase === 'Left' };
  }

  get #overAt(): number {
    return (this.#tried?.at ?? this.#leftUntil) + TRIAL_MS;
  }

  get #forgottenAt(): number {
    return this.#overAt + this.#leftMs;
  }
}
