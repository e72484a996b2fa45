import { NO_OWNERS } from '../api/object.ts';

/** Has objects of one owner share the list of it where they are read one after the other, as those of a workload are by their names. */
export class OwnerLists {
  #last = NO_OWNERS;

  shared(uids: readonly string[]): readonly string[] {
    if (uids.length === 0) return NO_OWNERS;
    const last = this.#last;
    if (uids.length !== last.length || uids.some((uid, i) => uid !== last[i])) this.#last = uids;
    return this.#last;
  }
}
