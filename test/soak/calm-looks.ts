interface Look<T> {
  readonly at: number;
  /** Looks with the same are alike. */
  readonly held: string;
  readonly seen: T;
}

/** On a busy machine what comes and goes, such as renewing the Lease, is under way at some looks. */
const USUAL_SHARE = 0.7;

/** What is seen at most looks of the last so many milliseconds. */
export class CalmLooks<T> {
  readonly #calmMs: number;
  #looks: readonly Look<T>[] = [];
  #began: number | undefined;

  constructor(calmMs: number) {
    this.#calmMs = calmMs;
  }

  /** `now` in milliseconds, on any clock that does not go back. */
  add(now: number, held: string, seen: T): void {
    this.#began ??= now;
    this.#looks = [...this.#looks.filter(({ at }) => now - at <= this.#calmMs), { at: now, held, seen }];
  }

  /** The last of the looks that were most alike; undefined before the first. */
  get usual(): T | undefined {
    return this.#alike.at(-1)?.seen;
  }

  /** For all of the time nearly all looks were alike. */
  get areCalm(): boolean {
    const last = this.#looks.at(-1);
    if (last === undefined || this.#began === undefined || last.at - this.#began < this.#calmMs) return false;
    return this.#alike.length >= USUAL_SHARE * this.#looks.length;
  }

  get #alike(): readonly Look<T>[] {
    const groups = [...Map.groupBy(this.#looks, ({ held }) => held).values()];
    return groups.toSorted((one, other) => other.length - one.length)[0] ?? [];
  }
}
