/**
 * What policies may do with one object in one evaluation. One unit is one step of a pattern on one character, or as much: some
 * ten nanoseconds. Counted and not timed, so that the same object has the same answer on every machine.
 */
const POOL = 1_750_000;
/** No policy takes more of the pool, so that one cannot leave nothing for the others. */
const MOST_OF_POOL = 1_500_000;
/** What each policy may do however much others have done: an equal part of this, and no more than the largest share. */
const SHARES = 750_000;
const LARGEST_SHARE = 10_000;
/** What it costs beside to ask one thing of a rule that judges, and for each result to be told and kept. */
const JUDGING_COST = 40;
const RESULT_COST = 200;
/** What it costs beside to ask what a rule wants of a key: it is compared with what others want, and it may be told of. */
const WISH_COST = 120;

/** What all policies on one object have in common. */
export class WorkPool {
  left = POOL;
  readonly share: number;

  /** `policies`: how many have to share it. */
  constructor(policies = 1) {
    this.share = Math.min(LARGEST_SHARE, Math.floor(SHARES / Math.max(1, policies)));
  }
}

/** What one policy may still do with one object. */
export class Work {
  readonly #pool: WorkPool;
  #share: number;
  #most = MOST_OF_POOL;

  constructor(pool: WorkPool = new WorkPool()) {
    this.#pool = pool;
    this.#share = pool.share;
  }

  get left(): number {
    return this.#share + Math.max(0, Math.min(this.#most, this.#pool.left));
  }

  /** To be called before the work is done. Throws TooMuchWork, and takes nothing, where less is left. */
  spend(units: number): void {
    if (units > this.left) throw TOO_MUCH;
    this.#take(units);
  }

  /** Whether a rule may say one thing more. Where it may not, nor may any after it. */
  begins(what: 'Wish' | 'Judgement'): boolean {
    const cost = what === 'Wish' ? WISH_COST : JUDGING_COST;
    if (cost > this.left) return false;
    this.#take(cost);
    return true;
  }

  /** So many results came of a judgement, which nobody could know before. */
  said(results: number): void {
    this.#take(RESULT_COST * results);
  }

  /** What is done already. */
  done(units: number): void {
    this.#take(units);
  }

  #take(units: number): void {
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
