import type { ObjectKey } from '../api/object.ts';
import type { KindId } from '../watchplan/limits.ts';
import type { Departure, VerdictSink } from './verdict-sink.ts';
import type { WatchedKind } from './watched-kind.ts';

/** Looks at a time. */
const WIDTH = 4;
/** That wait for one. Of more that go at once nobody wants to hear one by one. */
const MOST_WAITING = 256;

interface Waiting {
  readonly kind: WatchedKind;
  readonly departure: Departure;
}

/**
 * What is said of objects that went out of sight. Where all objects of a kind are seen, they are gone. Where only some
 * are selected, the server says the same of one that was deleted and of one that is not selected any more. Nothing is
 * true of either from then on; but where something was reported, a look tells whether it has ended or is gone with its
 * object.
 */
export class Departures {
  readonly #verdicts: Pick<VerdictSink, 'forget' | 'depart'>;
  readonly #abort = new AbortController();
  #waiting: Waiting[] = [];
  #running = 0;

  constructor(verdicts: Pick<VerdictSink, 'forget' | 'depart'>) {
    this.#verdicts = verdicts;
  }

  /** The object is not known any more. */
  add(kind: WatchedKind, key: ObjectKey): void {
    if (kind.isWhole) {
      this.#verdicts.forget(kind.name, key);
      return;
    }
    const departure = this.#verdicts.depart(kind.name, key);
    if (departure === undefined) return;
    if (this.#abort.signal.aborted || this.#waiting.length >= MOST_WAITING) departure.tell('Left');
    else {
      this.#waiting.push({ kind, departure });
      this.#next();
    }
  }

  /** The kind is not watched any more. */
  drop(id: KindId): void {
    const dropped = this.#waiting.filter(({ kind }) => kind.id === id);
    this.#waiting = this.#waiting.filter(({ kind }) => kind.id !== id);
    for (const { departure } of dropped) departure.tell('Left');
  }

  /** Asks nothing more. */
  stop(): void {
    this.#abort.abort();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { departure } of waiting) departure.tell('Left');
  }

  #next(): void {
    while (this.#running < WIDTH) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running += 1;
      void this.#look(next);
    }
  }

  /** Where the server cannot be asked, the object is not taken for deleted. Never rejects. */
  async #look({ kind, departure }: Waiting): Promise<void> {
    const { object } = departure;
    const uid = await kind.informer.look(object, this.#abort.signal).catch(() => object.uid);
    this.#running -= 1;
    departure.tell(uid === object.uid ? 'Left' : 'Gone');
    this.#next();
  }
}
