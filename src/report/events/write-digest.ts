import { listed } from '../../api/words.ts';
import type { Clock } from '../../base/clock.ts';
import { describeKey } from '../../policy/messages.ts';
import type { Channel } from '../../policy/program.ts';
import type { WrittenKey } from '../../write/write-report.ts';
import { counted } from './wording.ts';

/** What was written for one policy since the last time that it was told. */
export interface WriteSummary {
  /** `labelled 4,812 objects`; '' when nothing was set. */
  readonly written: string;
  /** `removed keys from 7 objects`; '' likewise. */
  readonly removed: string;
  /** `took over label 'team' from others on 12 objects`; '' likewise. */
  readonly tookOver: string;
  /** Writes that it stands for. */
  readonly writes: number;
}

/** A batch has come to rest when nothing was written for so long, in milliseconds... */
const REST_MS = 3_000;
/** ...and one that does not is told of after this. */
const LONGEST_MS = 60_000;
const MAX_KEYS = 5;

/** Gathers the writes for one policy until they come to rest. */
export class WriteDigest {
  readonly #clock: Clock;
  readonly #tell: (summary: WriteSummary) => void;
  readonly #channels = new Set<Channel>();
  readonly #displaced = new Set<string>();
  /** UIDs: an object may be written several times in a batch, which ends within a minute. */
  readonly #set = new Set<string>();
  readonly #removed = new Set<string>();
  readonly #tookOver = new Set<string>();
  #since = 0;
  #lastAt = 0;
  #writes = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, tell: (summary: WriteSummary) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** One object was written: these keys of the policy were set, and these removed. */
  add(uid: string, set: readonly WrittenKey[], removed: readonly WrittenKey[]): void {
    const now = this.#clock.monotonic();
    this.#lastAt = now;
    this.#writes += 1;
    if (set.length > 0) this.#set.add(uid);
    if (removed.length > 0) this.#removed.add(uid);
    for (const { channel } of set) this.#channels.add(channel);
    const displaced = set.filter((key) => key.displaced);
    if (displaced.length > 0) this.#tookOver.add(uid);
    for (const { channel, key } of displaced) {
      if (this.#displaced.size <= MAX_KEYS) this.#displaced.add(describeKey(channel, key));
    }
    if (this.#cancel !== undefined) return;
    this.#since = now;
    this.#wait(REST_MS);
  }

  /** Tells what there is, now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#writes === 0) return;
    const [set, removed, tookOver, writes] = [this.#set.size, this.#removed.size, this.#tookOver.size, this.#writes];
    const keys = [...this.#displaced];
    const verb =
      this.#channels.size > 1 ? 'labelled and annotated' : this.#channels.has('labels') ? 'labelled' : 'annotated';
    this.#writes = 0;
    for (const gathered of [this.#set, this.#removed, this.#tookOver, this.#displaced, this.#channels])
      gathered.clear();
    const names = listed(keys.length > MAX_KEYS ? [...keys.slice(0, MAX_KEYS), 'others'] : keys, 'and');
    this.#tell({
      written: set === 0 ? '' : `${verb} ${counted(set, 'object')}`,
      removed: removed === 0 ? '' : `removed keys from ${counted(removed, 'object')}`,
      tookOver:
        tookOver === 0
          ? ''
          : `took over ${names} on ${counted(tookOver, 'object')}, where somebody else had set another value`,
      writes,
    });
  }

  #wait(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      const now = this.#clock.monotonic();
      const due = Math.min(this.#lastAt + REST_MS, this.#since + LONGEST_MS);
      if (now >= due) this.flush();
      else this.#wait(due - now);
    });
  }
}
