import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { type KeySet, NO_KEYS } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { isGivenUp } from '../kube/errors.ts';
import { CHANNELS, type Program } from '../policy/program.ts';
import type { PolicyRecord } from '../watchplan/ledger-room.ts';
import type { WriteRecord } from './writer.ts';

/** Where the ledger is kept: one ConfigMap in our own namespace. Both reject with ApiError. */
export interface LedgerStore {
  /** The ConfigMap's data, or undefined when there is none. */
  read(): Promise<Readonly<Record<string, string>> | undefined>;
  /** Replaces the data, making the ConfigMap where it is missing. */
  write(data: Readonly<Record<string, string>>): Promise<void>;
}

/** Of the ConfigMap's data: one kind in a line. */
const KINDS = 'kinds';
/** Those of them that a CRD defines, where there are any. */
const CUSTOM_KINDS = 'customKinds';
/** And one entry for each policy, by uid: a policy's name can be longer than a key of a ConfigMap may be. */
const POLICY_PREFIX = 'policy.';
const policyRecordSchema = z.object({
  name: z.string(),
  labels: z.array(z.string()),
  annotations: z.array(z.string()),
  resources: z.array(z.string()),
  names: z.array(z.string()).optional(),
  namespaces: z.array(z.string()).optional(),
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
  /** What stands on the server. */
  #recordedKinds: ReadonlySet<GroupResourceName> = new Set();
  #recordedPolicies: ReadonlyMap<string, PolicyRecord> = new Map();
  /** Whether every key of every policy stands there. */
  #policiesStand = true;
  #writing: Promise<void> | undefined;
  #problem: string | undefined;
  readonly #onProblem: () => void;

  /** `onProblem` is called when `problem` has changed. */
  constructor(store: LedgerStore, log: Log, onProblem: () => void) {
    this.#store = store;
    this.#log = log;
    this.#onProblem = onProblem;
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
    const data = (await this.#noting(this.#store.read())) ?? {};
    signal?.throwIfAborted();
    this.#kinds.clear();
    this.#customKinds.clear();
    this.#policies.clear();
    for (const name of linesOf(data[KINDS])) this.#kinds.add(name);
    for (const name of linesOf(data[CUSTOM_KINDS])) if (this.#kinds.has(name)) this.#customKinds.add(name);
    for (const [key, text] of Object.entries(data)) {
      if (!key.startsWith(POLICY_PREFIX)) continue;
      const record = parseRecord(text);
      if (record === undefined) this.#log.warn({ key }, 'an entry of the ledger cannot be read and is left out');
      else this.#policies.set(record.name, { uid: key.slice(POLICY_PREFIX.length), ...record.record });
    }
    this.#recordedKinds = new Set(this.#kinds);
    this.#recordedPolicies = new Map(this.#policies);
    this.#policiesStand = true;
  }

  /** The policy is enforced from now on, with these keys. */
  enforce({ policy, uid, writes, reach }: Program): void {
    const record = { uid, keys: { labels: writes.labels, annotations: writes.annotations }, reach };
    if (isDeepStrictEqual(this.#policies.get(policy), record)) return;
    if (covers(NO_KEYS, writes)) {
      this.#policies.delete(policy);
      return;
    }
    this.#policies.set(policy, record);
    if (!this.#isPolicyRecorded(policy, record)) this.#policiesStand = false;
  }

  /** The policy is gone: nothing is held for it any more. */
  forgetPolicy(policy: string): void {
    this.#policies.delete(policy);
  }

  /** By policy, what it was last enforced with. */
  get policies(): ReadonlyMap<string, PolicyRecord> {
    return this.#policies;
  }

  /** What the policy was last enforced with; undefined when it never was, or was another policy of that name. */
  recordOf(policy: string, uid: string): PolicyRecord | undefined {
    const record = this.#policies.get(policy);
    return record?.uid === uid ? record : undefined;
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
    return this.#kinds.has(kind) && this.#recordedKinds.has(kind) && this.#policiesStand;
  }

  async ensure(kind: GroupResourceName): Promise<void> {
    this.#kinds.add(kind);
    if (this.#crds.has(kind)) this.#customKinds.add(kind);
    while (!this.stands(kind)) {
      await this.#write();
      if (!this.#kinds.has(kind)) throw new Error(`${kind} was taken off the record`);
    }
  }

  /** Writes what is not on the server yet, and takes away what is not needed there any more. Rejects with ApiError. */
  async flush(): Promise<void> {
    while (!this.#isRecorded()) await this.#write();
  }

  /** More keys than needed do no harm. */
  #isPolicyRecorded(policy: string, { uid, keys, reach }: PolicyRecord): boolean {
    const recorded = this.#recordedPolicies.get(policy);
    return recorded?.uid === uid && covers(recorded.keys, keys) && isDeepStrictEqual(recorded.reach, reach);
  }

  #isRecorded(): boolean {
    if (!areSame(this.#kinds, this.#recordedKinds) || this.#policies.size !== this.#recordedPolicies.size) return false;
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
    const kinds = new Set(this.#kinds);
    const policies = new Map(this.#policies);
    const data: Record<string, string> = { [KINDS]: textOf(kinds) };
    if (this.#customKinds.size > 0) data[CUSTOM_KINDS] = textOf(this.#customKinds);
    for (const [name, { uid, keys, reach }] of policies) {
      data[`${POLICY_PREFIX}${uid}`] = JSON.stringify({ name, ...keys, ...reach });
    }
    await this.#noting(this.#store.write(data));
    this.#recordedKinds = kinds;
    this.#recordedPolicies = policies;
    this.#policiesStand = [...this.#policies].every(([policy, record]) => this.#isPolicyRecorded(policy, record));
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
    this.#onProblem();
  }
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
  return CHANNELS.every((channel) => wanted[channel].every((key) => keys[channel].includes(key)));
}

function parseRecord(text: string): { readonly name: string; readonly record: Omit<PolicyRecord, 'uid'> } | undefined {
  try {
    const parsed = policyRecordSchema.safeParse(JSON.parse(text));
    if (!parsed.success) return undefined;
    const { name, labels, annotations, resources, names, namespaces } = parsed.data;
    return { name, record: { keys: { labels, annotations }, reach: { resources, names, namespaces } } };
  } catch {
    return undefined;
  }
}
