import { type CachedObject, MANAGER, type ObjectKey, RETAINED_MANAGER } from '../api/object.ts';
import { groupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ContentionGuard, Surroundings, WriteAttempt } from '../controller/contention.ts';
import type { OwnedObject } from '../kube/field-owners.ts';
import type { Contention } from '../policy/contention.ts';
import type { Channel, KindContext } from '../policy/program.ts';
import { KeyFight } from './key-fight.ts';
import { isSameState, type KeyChange, plannedChanges, stateOf } from './key-state.ts';
import { PacedReads } from './paced-reads.ts';
import { idOf, RecentWrites } from './recent-writes.ts';
import { Standstill } from './standstill.ts';

export interface ContentionGuardOptions {
  readonly kind: KindContext;
  readonly clock: Clock;
  readonly log: Log;
  /** Has an object evaluated again. */
  readonly enqueue: (key: ObjectKey) => void;
  /** Rejects with ApiError. */
  readonly readOwners: (object: { readonly namespace: string; readonly name: string }) => Promise<OwnedObject>;
}

/** An object with something that is fought over. */
interface Contested {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly fights: Map<string, KeyFight>;
  standstill: Standstill | undefined;
}

/** Timers are not finer than this, in milliseconds: thousands of objects may be fought over. */
const WAKE_GAP_MS = 1_000;
/** More managers than this are not named. */
const MOST_NAMES = 3;

/** The fights over keys of one kind's objects, as long as they are remembered. All in memory: a restart begins anew. */
export class ObjectContentionGuard implements ContentionGuard {
  readonly #options: ContentionGuardOptions;
  readonly #recent = new RecentWrites();
  readonly #contested = new Map<ObjectKey, Contested>();
  readonly #reads: PacedReads;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  #stopped = false;

  constructor(options: ContentionGuardOptions) {
    this.#options = options;
    this.#reads = new PacedReads(options.clock, (key) => this.#readManagers(key));
  }

  /** Objects of which something is remembered: writes of the last minute, and fights. */
  get size(): number {
    return this.#recent.size + this.#contested.size;
  }

  standing(at: Surroundings): Contention | undefined {
    const contested = this.#contestedAt(at);
    if (contested === undefined) return undefined;
    const now = this.#now();
    const keys = [...contested.fights.values()].flatMap((fight) => fight.contended(now) ?? []);
    const oscillation = this.#standsStill(contested, at, now);
    return keys.length === 0 && oscillation === undefined ? undefined : { keys, oscillation };
  }

  admits(attempt: WriteAttempt): boolean {
    const now = this.#now();
    let admitted = true;
    for (const change of plannedChanges(attempt.object, attempt.desired)) {
      const fight = this.#contested.get(attempt.key)?.fights.get(idOf(change));
      const excess = this.#recent.excess(attempt, change, now);
      if (fight !== undefined && (excess !== undefined || isUndone(fight, attempt.object, change))) {
        this.#renew(attempt, fight, now);
        admitted = false;
      } else if (excess !== undefined && this.#begin(attempt, change, excess, now)) {
        admitted = false;
      }
    }
    if (!admitted) return false;
    const oscillation = this.#recent.oscillation(attempt);
    if (oscillation === undefined) return true;
    this.#stop(attempt, oscillation, now);
    return false;
  }

  wrote(attempt: WriteAttempt, answer: CachedObject): void {
    if (this.#stopped) return;
    const now = this.#now();
    const { key, object } = attempt;
    const changes = plannedChanges(object, attempt.desired);
    this.#recent.prune(now);
    this.#recent.add(attempt, changes, answer, now);
    const fights = this.#contested.get(key)?.fights;
    if (fights !== undefined) {
      for (const change of changes) fights.get(idOf(change))?.tried(change.target, now);
    }
    this.#wake(now, now);
  }

  gone(key: ObjectKey): void {
    this.#contested.delete(key);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#reads.stop();
  }

  // ---- Fights ------------------------------------------------------------------------------------------------------

  /** Returns false for a key that no policy has to do with: nobody wants it back. */
  #begin(attempt: WriteAttempt, { channel, key }: KeyChange, why: 'Changed' | 'Restless', now: number): boolean {
    const decider = deciderOf(attempt, channel, key);
    if (decider === undefined) return false;
    const { program, rule } = decider;
    const fight = new KeyFight({ channel, key, why, program, rule }, now);
    this.#contest(attempt).fights.set(idOf(fight.what), fight);
    const fields = { ...this.#fields(attempt.key), [channel]: [key], policy: program.policy };
    this.#options.log.warn(fields, 'a key is changed back again and again; it is left alone for a while');
    // Only managedFields say who it is. Nobody else has a part in what is restless.
    if (why === 'Changed') this.#reads.add(attempt.key);
    this.#wake(now, now);
    return true;
  }

  #renew({ key }: WriteAttempt, fight: KeyFight, now: number): void {
    fight.again(now);
    const { channel, key: name, program } = fight.what;
    const fields = { ...this.#fields(key), [channel]: [name], policy: program.policy, managers: fight.managers };
    // It could not be read the last time, or there were too many to read.
    if (fight.what.why === 'Changed' && fight.managers.length === 0) this.#reads.add(key);
    this.#options.log.info(fields, 'a key was tried again and changed back; it is left alone for longer');
    this.#wake(now, now);
  }

  #stop(attempt: WriteAttempt, oscillation: NonNullable<Contention['oscillation']>, now: number): void {
    const contested = this.#contest(attempt);
    const { keys, rules } = oscillation;
    if (contested.standstill === undefined) contested.standstill = new Standstill(oscillation, attempt, now);
    else contested.standstill.again(oscillation, attempt, now);
    this.#recent.forget(attempt.object.uid);
    const policies = [...rules.keys()].toSorted();
    const fields = { ...this.#fields(attempt.key), policies, ...keysByChannel(keys) };
    this.#options.log.warn(fields, 'policies undo each other; the object is not written until one of them changes');
  }

  #contest({ key, object: { uid, namespace, name } }: WriteAttempt): Contested {
    const known = this.#contested.get(key);
    if (known?.uid === uid) return known;
    const contested = { uid, namespace, name, fights: new Map<string, KeyFight>(), standstill: undefined };
    this.#contested.set(key, contested);
    return contested;
  }

  /** What is remembered of the very object; fights of policies that are gone or edited are not. */
  #contestedAt({ key, object, programs }: Surroundings): Contested | undefined {
    const contested = this.#contested.get(key);
    if (contested === undefined) return undefined;
    for (const [id, { what }] of contested.fights) {
      if (!programs.includes(what.program)) contested.fights.delete(id);
    }
    if (contested.uid === object.uid && !isEmpty(contested)) return contested;
    this.#contested.delete(key);
    return undefined;
  }

  #standsStill(contested: Contested, at: Surroundings, now: number): Contention['oscillation'] {
    const { standstill } = contested;
    if (standstill === undefined) return undefined;
    const state = standstill.state(at, now);
    if (state === 'Over') contested.standstill = undefined;
    if (state === 'Later') this.#wake(now, standstill.notBefore);
    return state === 'Still' || state === 'Later' ? standstill.oscillation : undefined;
  }

  // ---- Who it is ---------------------------------------------------------------------------------------------------

  async #readManagers(key: ObjectKey): Promise<void> {
    const contested = this.#contested.get(key);
    if (contested === undefined) return;
    try {
      const { uid, owners } = await this.#options.readOwners(contested);
      if (this.#stopped || uid !== contested.uid) return;
      for (const fight of contested.fights.values()) fight.managers = managersOf(owners, fight.what);
      this.#options.enqueue(key);
    } catch (error) {
      const fields = { ...this.#fields(key), reason: messageOf(error) };
      this.#options.log.debug(fields, 'who changes a key back could not be read');
    }
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  /** Looks at everything again at `at` at the latest. */
  #wake(now: number, at: number): void {
    const due = Math.max(at, now + WAKE_GAP_MS);
    if (this.#stopped || (this.#timer !== undefined && this.#timer.at <= due)) return;
    this.#timer?.cancel();
    this.#timer = { at: due, cancel: this.#options.clock.after(due - now, () => this.#look()) };
  }

  /** Has those objects evaluated of which something else is to be said now, and forgets what is over. */
  #look(): void {
    this.#timer = undefined;
    const now = this.#now();
    let next = this.#recent.prune(now) ?? Number.POSITIVE_INFINITY;
    for (const [key, contested] of this.#contested) {
      for (const [id, fight] of contested.fights) {
        const phase = fight.phase(now);
        if (phase === 'Forgotten') contested.fights.delete(id);
        else next = Math.min(next, fight.nextAt(now));
        if (phase !== fight.told) this.#options.enqueue(key);
        fight.told = phase;
      }
      const { standstill } = contested;
      if (standstill !== undefined) {
        const { forgottenAt, notBefore } = standstill;
        if (forgottenAt !== undefined && forgottenAt <= now) contested.standstill = undefined;
        else if (forgottenAt !== undefined) next = Math.min(next, forgottenAt);
        else if (notBefore > now) next = Math.min(next, notBefore);
        else this.#options.enqueue(key);
      }
      if (isEmpty(contested)) this.#contested.delete(key);
    }
    if (next < Number.POSITIVE_INFINITY) this.#wake(now, next);
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #fields(object: ObjectKey) {
    return { kind: groupResourceName(this.#options.kind), object };
  }
}

/** Whether the change would write once more what we tried and somebody has undone. */
function isUndone(fight: KeyFight, object: CachedObject, { channel, key, target }: KeyChange): boolean {
  const { triedState } = fight;
  if (triedState === undefined || !isSameState(triedState, target)) return false;
  return !isSameState(triedState, stateOf(object, channel, key));
}

/** Who wants the key; for one that nobody wants any more, who may have. */
function deciderOf({ winners, programs }: WriteAttempt, channel: Channel, key: string): Decider | undefined {
  const winner = winners[channel].get(key);
  if (winner !== undefined) return winner;
  for (const program of programs) {
    const rule = program.rules.find(({ writes }) => writes.some(({ decides }) => decides.fits(channel, key)));
    if (program.mode === 'Enforce' && rule !== undefined) return { program, rule };
  }
  return undefined;
}

type Decider = Pick<KeyFight['what'], 'program' | 'rule'>;

function isEmpty({ fights, standstill }: Contested): boolean {
  return fights.size === 0 && standstill === undefined;
}

function managersOf(
  owners: OwnedObject['owners'],
  { channel, key }: { readonly channel: Channel; readonly key: string },
): readonly string[] {
  const names = owners.flatMap(({ manager, keys }) =>
    manager !== MANAGER && manager !== RETAINED_MANAGER && keys[channel].includes(key) ? [manager] : [],
  );
  return [...new Set(names)].toSorted().slice(0, MOST_NAMES);
}

function keysByChannel(keys: readonly (readonly [Channel, string])[]) {
  const of = (wanted: Channel) => keys.flatMap(([channel, key]) => (channel === wanted ? [key] : []));
  return { labels: of('labels'), annotations: of('annotations') };
}
