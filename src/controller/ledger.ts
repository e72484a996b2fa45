import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { type KeySet, NO_KEYS } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { isGivenUp } from '../kube/errors.ts';
import { CHANNELS, type Program } from '../policy/program.ts';
import type { Reach } from '../policy/reach.ts';
import { LEDGER_ROOM, type PolicyRecord, type RecordedRemoval, recordBytes } from '../watchplan/ledger-room.ts';
import type { WriteRecord } from './writer.ts';

/** Of the ConfigMap. */
export type LedgerData = Readonly<Record<string, string>>;

/** Where the ledger is kept: one ConfigMap in our own namespace. Both reject with ApiError. */
export interface LedgerStore {
  /** Undefined when there is none. */
  read(): Promise<LedgerData | undefined>;
  /**
   * Replaces the data, making the ConfigMap where it is missing. Where it is not as it was last read or written here, nothing
   * is written: resolves to what stands there, which counts as read.
   */
  write(data: LedgerData): Promise<LedgerData | undefined>;
}

export interface LedgerObserver {
  /** `problem` has changed. */
  readonly onProblem: () => void;
  /** There was more on the server than was known here. */
  readonly onMore: () => void;
}

/** Of the ConfigMap's data: one kind in a line. */
const KINDS = 'kinds';
/** Those of them that a CRD defines, where there are any. */
const CUSTOM_KINDS = 'customKinds';
/** And one entry for each policy, by uid: a policy's name can be longer than a key of a ConfigMap may be. */
const POLICY_PREFIX = 'policy.';
/** In place of the name, followed by the uid, in the record of a policy that is gone: no policy can be called so. */
const GONE = ':';
const policyRecordSchema = z.object({
  name: z.string(),
  labels: z.array(z.string()),
  annotations: z.array(z.string()),
  resources: z.array(z.string()),
  names: z.array(z.string()).optional(),
  namespaces: z.array(z.string()).optional(),
  removal: z.enum(['Remove', 'HandOver', 'Retain']).optional(),
});

/**
 * What must be known after a restart and cannot be read from any object that we know of: which kinds may carry keys of ours,
 * and where and with which keys a policy was enforced, so that they are held while it cannot say (Suspended, Audit, not
 * accepted).
 */
export class Ledger implements WriteRecord {
  readonly #store: LedgerStore;
  readonly #log: Log;
  readonly #kinds = new Set<GroupResourceName>();
  /** Those of them that a CRD defines, or did. That alone is no reason to write: as long as there is the CRD, it is known anyway. */
  readonly #customKinds = new Set<GroupResourceName>();
  /** Kinds that CRDs define now. */
  #crds: Pick<ReadonlySet<GroupResourceName>, 'has'> = new Set();
  /** By name. */
  readonly #policies = new Map<string, PolicyRecord>();
  /** By name, what those are enforced with now that have more on record. */
  readonly #narrowed = new Map<string, PolicyRecord>();
  /** What stands on the server. */
  #recordedKinds: ReadonlySet<GroupResourceName> = new Set();
  #recordedPolicies = new Map<string, PolicyRecord>();
  /** Whether every key of every policy stands there. */
  #policiesStand = true;
  /** There was none when it was read. */
  #wasMissing = false;
  #isIncomplete = false;
  /** It may stand otherwise on the server than it was last read or written. */
  #isOutdated = false;
  #writing: Promise<void> | undefined;
  #problem: string | undefined;
  readonly #observer: LedgerObserver;

  constructor(store: LedgerStore, log: Log, observer: LedgerObserver) {
    this.#store = store;
    this.#log = log;
    this.#observer = observer;
  }

  /** Kinds whose objects may carry keys of ours. */
  get kinds(): ReadonlySet<GroupResourceName> {
    return this.#kinds;
  }

  /** Why it could not be read or written the last time, in words; undefined when it could. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * What stands on the server, and nothing else: to be called before anything is written, by whoever may write from
   * then on. An answer that comes after the signal is none. Rejects with ApiError.
   */
  async load(signal?: AbortSignal): Promise<void> {
    await this.#writing?.catch(() => {});
    this.#isOutdated = false;
    const found = await this.#noting(this.#store.read());
    signal?.throwIfAborted();
    this.#wasMissing = found === undefined;
    this.#kinds.clear();
    this.#customKinds.clear();
    this.#policies.clear();
    this.#narrowed.clear();
    this.#isIncomplete = false;
    this.#merge(found ?? {});
  }

  /** It may stand otherwise on the server by now: it is read again, and kept beside what is known here, before anything is written. */
  outdated(): void {
    this.#isOutdated = true;
  }

  /**
   * The policy is enforced from now on, with these keys. What it was enforced with before stays on record beside them until it is
   * `settled`: objects carry it until they have been written again.
   */
  enforce({ policy, uid, writes, reach, removal }: Program): void {
    this.#recall(policy, uid);
    const present = { uid, keys: { labels: writes.labels, annotations: writes.annotations }, reach, removal };
    const before = this.recordOf(policy, uid);
    const record = before === undefined ? present : unionOf(before, present);
    if (coversRecord(present, record)) this.#narrowed.delete(policy);
    else this.#narrowed.set(policy, present);
    this.#setRecord(policy, record);
  }

  /** By name, what policies are enforced with that were enforced with more before, of which something may be left. */
  get narrowed(): ReadonlyMap<string, PolicyRecord> {
    return this.#narrowed;
  }

  /** Nothing is left of what the policy was enforced with before. */
  settled(policy: string): void {
    const present = this.#narrowed.get(policy);
    this.#narrowed.delete(policy);
    if (present !== undefined) this.#setRecord(policy, present);
  }

  /**
   * The policy is not enforced now: what it was enforced with stays on record, and is returned. `removal`: what it says now;
   * undefined: as before.
   */
  pause(policy: string, uid: string, removal: Program['removal'] | undefined): PolicyRecord | undefined {
    this.#recall(policy, uid);
    this.#narrowed.delete(policy);
    if (removal !== undefined) this.setRemoval(policy, uid, removal);
    return this.recordOf(policy, uid);
  }

  /** What the policy says now is to become of its keys. It may go before anything else is known of that. */
  setRemoval(policy: string, uid: string, removal: Program['removal']): void {
    const record = this.recordOf(policy, uid);
    if (record === undefined) return;
    this.#setRecord(policy, { ...record, removal: removalAfter(record.removal, removal) });
  }

  /**
   * The policy is gone: nothing is held for it any more. What of it is to be handed over stays on record until that is done, also
   * beside another policy of its name.
   */
  forgetPolicy(policy: string): void {
    const record = this.#policies.get(policy);
    this.#narrowed.delete(policy);
    if (record?.removal !== 'HandOver') {
      this.#policies.delete(policy);
      return;
    }
    const name = nameOfGone(record.uid);
    if (name !== policy) this.#policies.delete(policy);
    this.#policies.set(name, record);
    this.#narrowed.set(name, { ...record, keys: NO_KEYS });
  }

  /** What policies were enforced with before takes no room that others need for what they are enforced with now. */
  fit(): void {
    if (this.#narrowed.size === 0) return;
    let bytes = 0;
    for (const [policy, { keys, reach }] of this.#policies) bytes += recordBytes(policy, keys, reach);
    if (bytes > LEDGER_ROOM) for (const policy of this.#narrowed.keys()) this.settled(policy);
  }

  /** By policy, what it was last enforced with; of one that is gone, under no policy's name. */
  get policies(): ReadonlyMap<string, PolicyRecord> {
    return this.#policies;
  }

  /** What the policy was last enforced with; undefined when it never was, or was another policy of that name. */
  recordOf(policy: string, uid: string): PolicyRecord | undefined {
    const record = this.#policies.get(policy);
    return record?.uid === uid ? record : undefined;
  }

  /** The kind should have been on record. Recorded with the next write. */
  mend(kind: GroupResourceName): void {
    this.#put(kind);
    this.#isIncomplete = this.#wasMissing;
  }

  /**
   * Whether it was found since this was asked last that there had been a ledger, and there was none when it was read: then policies
   * that do not enforce now may have been enforced without being on record.
   */
  takeIncomplete(): boolean {
    const was = this.#isIncomplete;
    this.#isIncomplete = false;
    return was;
  }

  /** No object of the kind carries keys of ours any more, and no policy writes it. Recorded with the next write. */
  forgetKind(kind: GroupResourceName): void {
    this.#kinds.delete(kind);
    this.#customKinds.delete(kind);
  }

  /**
   * `crds`: the kinds that CRDs define now. With a CRD all objects of its kind go (kube-apiserver deletes them first), so that
   * a kind which had one and has none any more is forgotten. Returns whether there was one.
   */
  followCrds(crds: Pick<ReadonlySet<GroupResourceName>, 'has'>): boolean {
    this.#crds = crds;
    const gone = [...this.#customKinds].filter((kind) => !crds.has(kind));
    for (const kind of gone) this.forgetKind(kind);
    for (const kind of this.#kinds) if (crds.has(kind)) this.#customKinds.add(kind);
    return gone.length > 0;
  }

  /** Whether objects of the kind may be written: what must be found again after a restart is on the server. */
  stands(kind: GroupResourceName): boolean {
    const isRecorded = !this.#isOutdated && this.#policiesStand && this.#recordedKinds.has(kind);
    return isRecorded && this.#kinds.has(kind);
  }

  async ensure(kind: GroupResourceName): Promise<void> {
    this.#put(kind);
    while (!this.stands(kind)) {
      await this.#write();
      if (!this.#kinds.has(kind)) throw new Error(`${kind} was taken off the record`);
    }
  }

  /** Writes what is not on the server yet, and takes away what is not needed there any more. Rejects with ApiError. */
  async flush(): Promise<void> {
    while (!this.#isRecorded()) await this.#write();
  }

  /** What stands on the server, beside what is known here. Returns whether it is more. */
  #merge(data: LedgerData): boolean {
    const kinds = new Set(linesOf(data[KINDS]));
    let isMore = !kinds.isSubsetOf(this.#kinds);
    for (const kind of kinds) this.#kinds.add(kind);
    for (const kind of linesOf(data[CUSTOM_KINDS])) if (kinds.has(kind)) this.#customKinds.add(kind);
    this.#recordedKinds = kinds;
    this.#recordedPolicies = this.#parsePolicies(data);
    for (const [policy, record] of this.#recordedPolicies) {
      // Of two policies of one name it shows when they are planned with which of them there is.
      const isAnother = (this.#policies.get(policy)?.uid ?? record.uid) !== record.uid;
      const name = isAnother ? nameOfGone(record.uid) : policy;
      const known = this.#policies.get(name);
      if (known !== undefined && isDeepStrictEqual(known, record)) this.#recordedPolicies.set(policy, known);
      if (known !== undefined && coversRecord(known, record)) continue;
      this.#policies.set(name, known === undefined ? record : bothOf(record, known));
      isMore = true;
    }
    this.#policiesStand = this.#doPoliciesStand();
    return isMore;
  }

  /** By name. */
  #parsePolicies(data: LedgerData): Map<string, PolicyRecord> {
    const policies = new Map<string, PolicyRecord>();
    for (const [key, text] of Object.entries(data)) {
      if (!key.startsWith(POLICY_PREFIX)) continue;
      const record = parseRecord(text);
      if (record === undefined) this.#log.warn({ key }, 'an entry of the ledger cannot be read and is left out');
      else policies.set(record.name, { uid: key.slice(POLICY_PREFIX.length), ...record.record });
    }
    return policies;
  }

  /** Has a policy's record stand under its name: that of another one of this name is of one that is gone. */
  #recall(policy: string, uid: string): void {
    if (this.#policies.get(policy)?.uid === uid) return;
    this.forgetPolicy(policy);
    const name = nameOfGone(uid);
    const own = this.#policies.get(name);
    if (own === undefined) return;
    this.#policies.delete(name);
    this.#narrowed.delete(name);
    this.#policies.set(policy, own);
  }

  #setRecord(policy: string, record: PolicyRecord): void {
    const before = this.#policies.get(policy);
    if (isDeepStrictEqual(before, record)) return;
    // That is no reason to write; it goes with the next one.
    const isCompleted = before !== undefined && isDeepStrictEqual({ ...before, removal: record.removal }, record);
    if (isCompleted && before.removal === undefined && this.#recordedPolicies.get(policy) === before)
      this.#recordedPolicies.set(policy, record);
    if (covers(NO_KEYS, record.keys)) {
      this.#policies.delete(policy);
      return;
    }
    this.#policies.set(policy, record);
    if (!this.#isPolicyRecorded(policy, record)) this.#policiesStand = false;
  }

  #put(kind: GroupResourceName): void {
    this.#kinds.add(kind);
    if (this.#crds.has(kind)) this.#customKinds.add(kind);
  }

  /** More than needed does no harm. */
  #isPolicyRecorded(policy: string, { uid, keys, reach }: PolicyRecord): boolean {
    const recorded = this.#recordedPolicies.get(policy);
    return recorded?.uid === uid && covers(recorded.keys, keys) && coversReach(recorded.reach, reach);
  }

  #doPoliciesStand(): boolean {
    return [...this.#policies].every(([policy, record]) => this.#isPolicyRecorded(policy, record));
  }

  #isRecorded(): boolean {
    if (this.#isOutdated || !areSame(this.#kinds, this.#recordedKinds)) return false;
    if (this.#policies.size !== this.#recordedPolicies.size) return false;
    for (const [policy, record] of this.#policies) if (this.#recordedPolicies.get(policy) !== record) return false;
    return true;
  }

  /** One write at a time: of two, the older could come last. Whoever asks during one looks again when it has ended. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeOnce().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeOnce(): Promise<void> {
    if (this.#isOutdated) {
      await this.#readAgain();
      return;
    }
    const kinds = new Set(this.#kinds);
    const policies = new Map(this.#policies);
    const data: Record<string, string> = { [KINDS]: textOf(kinds) };
    if (this.#customKinds.size > 0) data[CUSTOM_KINDS] = textOf(this.#customKinds);
    for (const [name, { uid, keys, reach, removal }] of policies) {
      data[`${POLICY_PREFIX}${uid}`] = JSON.stringify({ name, ...keys, ...reach, removal });
    }
    const found = await this.#noting(this.#store.write(data));
    if (found !== undefined) {
      this.#found(found);
      return;
    }
    this.#recordedKinds = kinds;
    this.#recordedPolicies = policies;
    this.#policiesStand = this.#doPoliciesStand();
  }

  async #readAgain(): Promise<void> {
    this.#isOutdated = false;
    try {
      this.#found((await this.#noting(this.#store.read())) ?? {});
    } catch (error) {
      this.#isOutdated = true;
      throw error;
    }
  }

  /**
   * It may have been put on record by a process that led before, or stand there as it did before a restore of etcd: then
   * objects carry what we believe to be gone. To look for it in vain does no harm.
   */
  #found(data: LedgerData): void {
    if (this.#merge(data)) this.#observer.onMore();
  }

  async #noting<T>(request: Promise<T>): Promise<T> {
    try {
      const answer = await request;
      this.#setProblem(undefined);
      return answer;
    } catch (error) {
      if (!isGivenUp(error)) this.#setProblem(messageOf(error));
      throw error;
    }
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#observer.onProblem();
  }
}

function nameOfGone(uid: string): string {
  return `${GONE}${uid}`;
}

/** One in a line. */
function textOf(kinds: ReadonlySet<GroupResourceName>): string {
  return [...kinds].toSorted().join('\n');
}

function linesOf(text = ''): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

function areSame(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return some.size === others.size && some.isSubsetOf(others);
}

function covers(keys: KeySet, wanted: KeySet): boolean {
  return CHANNELS.every((channel) => coversAll(keys[channel], wanted[channel]));
}

/** By the words of the globs alone. */
function coversReach(reach: Reach, wanted: Reach): boolean {
  const fits = (globs: readonly string[] | undefined, others: readonly string[] | undefined) =>
    globs === undefined || (others !== undefined && coversAll(globs, others));
  const { resources, names, namespaces } = reach;
  return coversAll(resources, wanted.resources) && fits(names, wanted.names) && fits(namespaces, wanted.namespaces);
}

function coversRecord({ keys, reach, removal }: PolicyRecord, wanted: PolicyRecord): boolean {
  return covers(keys, wanted.keys) && coversReach(reach, wanted.reach) && removal === wanted.removal;
}

function removalAfter(before: RecordedRemoval | undefined, now: Program['removal']): RecordedRemoval {
  return now === 'Retain' && (before === 'Remove' || before === 'HandOver') ? 'HandOver' : now;
}

/** What was on record, and what is to be from now on. */
function unionOf(before: PolicyRecord, present: PolicyRecord & Pick<Program, 'removal'>): PolicyRecord {
  return { ...bothOf(before, present), removal: removalAfter(before.removal, present.removal) };
}

/** Keys and reach of both, and what one has where the other reaches. */
function bothOf(one: PolicyRecord, { uid, keys, reach, removal }: PolicyRecord): PolicyRecord {
  const either = (globs: readonly string[] | undefined, others: readonly string[] | undefined) =>
    globs === undefined || others === undefined ? undefined : both(globs, others);
  return {
    uid,
    keys: {
      labels: both(one.keys.labels, keys.labels),
      annotations: both(one.keys.annotations, keys.annotations),
    },
    reach: {
      resources: both(one.reach.resources, reach.resources),
      names: either(one.reach.names, reach.names),
      namespaces: either(one.reach.namespaces, reach.namespaces),
    },
    removal: removal === 'HandOver' ? removal : one.removal,
  };
}

/** In the order of the one that has all. */
function both(some: readonly string[], others: readonly string[]): readonly string[] {
  if (coversAll(others, some)) return others;
  return coversAll(some, others) ? some : [...new Set([...some, ...others])].toSorted();
}

function coversAll(texts: readonly string[], wanted: readonly string[]): boolean {
  return texts === wanted || new Set(wanted).isSubsetOf(new Set(texts));
}

function parseRecord(text: string): { readonly name: string; readonly record: Omit<PolicyRecord, 'uid'> } | undefined {
  try {
    const parsed = policyRecordSchema.safeParse(JSON.parse(text));
    if (!parsed.success) return undefined;
    const { name, labels, annotations, resources, names, namespaces, removal } = parsed.data;
    return { name, record: { keys: { labels, annotations }, reach: { resources, names, namespaces }, removal } };
  } catch {
    return undefined;
  }
}
