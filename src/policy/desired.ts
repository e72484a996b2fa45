import { type CachedObject, type KeySet, valueIn } from '../api/object.ts';
import type { KeyPatterns } from './key-patterns.ts';
import type { KeyProtection } from './key-protection.ts';
import { CHANNELS, type Channel } from './program.ts';
import { owns } from './subject.ts';
import { effectOn, isSelectable, type Winners } from './winners.ts';

/** Keys and values of labels and annotations. */
export interface KeyValues {
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
}

/** What one of our field managers is to own on an object, the whole set. */
export interface Wanted extends KeyValues {
  /**
   * Some value is only right for the object as we know it: a default where there was none, a label that an object's controller may
   * select by where somebody else has set it meanwhile, a key that is kept as it is.
   * The write must fail if the object has changed, or it would displace what somebody has set meanwhile.
   */
  readonly fromPicture: boolean;
}

/** Keys of somebody else that are to go. */
export interface CleanUp {
  readonly labels: ReadonlySet<string>;
  readonly annotations: ReadonlySet<string>;
  /** A value of these stands under another name on the object as we know it: the write must fail if the object has changed. */
  readonly fromPicture: boolean;
}

/** What our two field managers are to own on an object, and what else is to change. */
export interface Desired {
  readonly applied: Wanted;
  readonly retained: Wanted;
  /** Absent when there is nothing to clean up. */
  readonly cleanUp?: CleanUp;
  /**
   * All keys that rules want away, ours and others', now or after a value has found its new place. Absent when there
   * are none.
   */
  readonly leaving?: Readonly<Record<Channel, ReadonlySet<string>>>;
  /**
   * Keys that a record claims for us and that no policy may write: they stay as they are, as somebody else's. Absent when there
   * are none.
   */
  readonly spared?: Readonly<Record<Channel, ReadonlySet<string>>>;
  /**
   * All that is wanted is ours already, and only stays: what is so by a record alone is not applied, and what is one
   * manager's is not handed to the other. Absent: no.
   */
  readonly onlyKept?: true;
}

/** The object's side of `Desired`: each field holds what a manager of ours owns. */
export type Side = 'applied' | 'retained';

const EMPTY: ReadonlyMap<string, string> = new Map();
/** To own no key at all. */
const NOTHING: Wanted = Object.freeze({ labels: EMPTY, annotations: EMPTY, fromPicture: false });
/** Most objects under most policies: shared, so that they cost nothing. */
const NOTHING_DESIRED: Desired = Object.freeze({ applied: NOTHING, retained: NOTHING });

class WantedDraft implements Wanted {
  readonly labels = new Map<string, string>();
  readonly annotations = new Map<string, string>();
  fromPicture = false;

  /** What is there stays. */
  keep(object: CachedObject, channel: Channel, key: string): void {
    const live = valueIn(object[channel], key);
    if (live === undefined) return;
    this[channel].set(key, live);
    this.fromPicture = true;
  }
}

/**
 * `held`: by policy, keys that stay although nothing that is enforced now wants them; so do keys that `protection` does not
 * leave to policies, and those of `handedOver`, which stay for good from then on.
 */
export function desiredOf(
  object: CachedObject,
  winners: Winners,
  held: ReadonlyMap<string, KeyPatterns>,
  protection: KeyProtection = () => 'Free',
  handedOver: readonly KeyPatterns[] = [],
): Desired {
  if (isEmpty(object.applied) && isEmpty(object.retained) && winners.labels.size + winners.annotations.size === 0) {
    return NOTHING_DESIRED;
  }
  const applied = new WantedDraft();
  const retained = new WantedDraft();
  let removal: RemovalDraft | undefined;
  let spared: Record<Channel, Set<string>> | undefined;
  for (const channel of CHANNELS) {
    for (const [key, intent] of winners[channel]) {
      const effect = effectOn(object, intent);
      if (intent.kind === 'Write' && effect === 'Write') {
        const side = intent.program.removal === 'Retain' || intent.move !== undefined ? retained : applied;
        side[channel].set(key, intent.value);
        if (intent.overwrite === 'IfAbsent' || isSelectable(object, channel, key)) side.fromPicture = true;
      } else if (intent.kind === 'Remove' && (effect === 'Remove' || effect === 'Keep')) {
        removal ??= new RemovalDraft();
        removal.add(object, channel, key, effect, intent.move !== undefined);
      }
    }
    const settled = (key: string) =>
      applied[channel].has(key) || retained[channel].has(key) || removal?.drops(channel, key) === true;
    const isKept = (key: string) => winners[channel].get(key)?.kind !== 'Write' && winners[channel].has(key);
    for (const key of object.retained[channel]) if (!settled(key)) retained.keep(object, channel, key);
    for (const key of object.applied[channel]) {
      if (settled(key)) continue;
      if (isKept(key) || isHeld(held, channel, key)) {
        applied.keep(object, channel, key);
      } else if (protection(channel, key) !== 'Free') {
        if (object.record?.byApply.applied[channel].includes(key) === false) {
          spared ??= { labels: new Set(), annotations: new Set() };
          spared[channel].add(key);
        } else {
          applied.keep(object, channel, key);
        }
      } else if (handedOver.some((keys) => keys.fits(channel, key))) {
        retained.keep(object, channel, key);
      }
    }
  }
  const others = spared === undefined ? {} : { spared };
  if (removal === undefined) return { applied, retained, ...others };
  applied.fromPicture ||= removal.dropsRenamed;
  retained.fromPicture ||= removal.dropsRenamed;
  return { applied, retained, ...removal.result, ...others };
}

/** What rules remove. */
class RemovalDraft {
  readonly leaving = { labels: new Set<string>(), annotations: new Set<string>() };
  readonly #ours = { labels: new Set<string>(), annotations: new Set<string>() };
  readonly #others = { labels: new Set<string>(), annotations: new Set<string>() };
  #renamesOthers = false;
  dropsRenamed = false;

  add(object: CachedObject, channel: Channel, key: string, effect: 'Remove' | 'Keep', renamed: boolean): void {
    this.leaving[channel].add(key);
    if (effect === 'Keep') return;
    const isOurs = owns(object, channel, key);
    (isOurs ? this.#ours : this.#others)[channel].add(key);
    if (isOurs) this.dropsRenamed ||= renamed;
    else this.#renamesOthers ||= renamed;
  }

  /** Whether a key of ours goes now. */
  drops(channel: Channel, key: string): boolean {
    return this.#ours[channel].has(key);
  }

  get result(): Pick<Desired, 'cleanUp' | 'leaving'> {
    const { leaving } = this;
    const others = this.#others;
    if (others.labels.size + others.annotations.size === 0) return { leaving };
    return { leaving, cleanUp: { ...others, fromPicture: this.#renamesOthers } };
  }
}

/** Whatever is ours stays as it is, and nothing else becomes so. */
export function asItIs(object: CachedObject): Desired {
  const applied = new WantedDraft();
  const retained = new WantedDraft();
  for (const channel of CHANNELS) {
    for (const key of object.applied[channel]) applied.keep(object, channel, key);
    for (const key of object.retained[channel]) retained.keep(object, channel, key);
  }
  return { applied, retained };
}

/**
 * What of ours `stays` says stays as it is, and nothing else becomes ours. Holds for the object as we know it alone: what
 * becomes ours after that may have to stay too.
 */
export function whatStays(
  object: CachedObject,
  stays: (side: Side, channel: Channel, key: string) => boolean,
): Desired {
  const of = (side: Side): Wanted => {
    const draft = new WantedDraft();
    draft.fromPicture = true;
    for (const channel of CHANNELS) {
      for (const key of object[side][channel]) if (stays(side, channel, key)) draft.keep(object, channel, key);
    }
    return draft;
  };
  return { applied: of('applied'), retained: of('retained'), onlyKept: true };
}

function isEmpty({ labels, annotations }: KeySet): boolean {
  return labels.length + annotations.length === 0;
}

export function isHeld(held: ReadonlyMap<string, KeyPatterns>, channel: Channel, key: string): boolean {
  for (const keys of held.values()) if (keys.fits(channel, key)) return true;
  return false;
}

/** The value that a key will have once `desired` is written; undefined when it will be absent. */
export function valueAfter(
  object: CachedObject,
  desired: Desired | undefined,
  channel: Channel,
  key: string,
): string | undefined {
  const live = valueIn(object[channel], key);
  if (desired === undefined) return live;
  if (desired.leaving?.[channel].has(key) === true) return undefined;
  if (desired.spared?.[channel].has(key) === true) return live;
  const wanted = desired.applied[channel].get(key) ?? desired.retained[channel].get(key);
  return wanted ?? (owns(object, channel, key) ? undefined : live);
}
