/**
 * What policies may do with one object in one evaluation. One unit is one step of a pattern on one character, or as much: some
 * ten nanoseconds. Counted and not timed, so that the same object has the same answer on every machine.
 */
const POOL = 3_000_000;
/** No policy takes more of the pool, so that one cannot leave nothing for the others. */
const MOST_OF_POOL = 2_000_000;
/** What each policy may do however much others have done. */
const SHARE = 10_000;

/** What all policies on one object have in common. */
export class WorkPool {
  left = POOL;
}

/** What one policy may still do with one object. */
export class Work {
  readonly #pool: WorkPool;
  #share = SHARE;
  #most = MOST_OF_POOL;

  constructor(pool: WorkPool = new WorkPool()) {
    this.#pool = pool;
  }

  get left(): number {
    return this.#share + Math.min(this.#most, this.#pool.left);
  }

  /** To be called before the work is done. Throws TooMuchWork, and takes nothing, where less is left. */
  spend(units: number): void {
    if (units > this.left) throw TOO_MUCH;
    const ofShare = Math.min(units, this.#share);
    this.#share -= ofShare;
    this.#most -= units - ofShare;
    this.#pool.left -= units - ofShare;
  }
}

/** Ends a rule on an object; who calls rules makes an Error result of it. */
export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork';

  constructor() {
    super('the rule would have to do more on this object than is allowed');
  }
}

/** One for all: nobody asks where it came from, and a stack for each of thousands of rules would cost more than they may. */
const TOO_MUCH = new TooMuchWork();
