import type { CachedObject } from '../api/object.ts';
import { KeyPatterns } from '../policy/key-patterns.ts';
import type { KindContext } from '../policy/program.ts';
import { compileReach } from '../policy/reach.ts';
import type { PolicyRecord } from '../watchplan/ledger-room.ts';
import type { Ledger } from './ledger.ts';
import type { PolicyEntry } from './policy-set.ts';

interface Holder {
  readonly policy: string;
  readonly keys: KeyPatterns;
  readonly reaches: (kind: KindContext, object: CachedObject) => boolean;
}

const NOTHING: ReadonlyMap<string, KeyPatterns> = new Map();
const NONE: readonly KeyPatterns[] = [];

/** What is kept of keys that nothing which is enforced wants now. */
export interface KeptRecords {
  /** By policy that does not enforce now, what it was last enforced with: that stays as it is. */
  readonly held: ReadonlyMap<string, PolicyRecord>;
  /** What policies that say Retain now were enforced with before they said so: that is handed over to what stays. */
  readonly handedOver: readonly PolicyRecord[];
}

/** The keys that are held for policies which do not enforce now, and that are handed over, where these policies could write them. */
export class HeldKeys {
  readonly records: KeptRecords;
  readonly #held: readonly Holder[];
  readonly #handedOver: readonly Holder[];

  constructor(records: KeptRecords) {
    this.records = records;
    this.#held = [...records.held].map(([policy, record]) => holderOf(policy, record));
    this.#handedOver = records.handedOver.map((record) => holderOf('', record));
  }

  /** By policy, the keys that stay on the object as they are where nothing else wants them. */
  on(kind: KindContext, object: CachedObject): ReadonlyMap<string, KeyPatterns> {
    if (this.#held.length === 0) return NOTHING;
    const here = this.#held.filter(({ reaches }) => reaches(kind, object));
    return here.length === 0 ? NOTHING : new Map(here.map(({ policy, keys }) => [policy, keys]));
  }

  /** The keys that become, on the object, what stays for good where nothing wants them. */
  handedOver(kind: KindContext, object: CachedObject): readonly KeyPatterns[] {
    if (this.#handedOver.length === 0) return NONE;
    return this.#handedOver.filter(({ reaches }) => reaches(kind, object)).map(({ keys }) => keys);
  }
}

function holderOf(policy: string, { keys, reach }: PolicyRecord): Holder {
  return { policy, keys: new KeyPatterns(keys), reaches: compileReach(reach) };
}

/**
 * Records which policies are enforced, and returns the records of those that are not now: in Audit, Suspended, not accepted,
 * or refused beside others. A policy that is gone holds nothing. Where records were lost, what those policies could write is held.
 */
export function recordsToKeep(
  ledger: Pick<Ledger, 'enforce' | 'pause' | 'fit' | 'policies' | 'forgetPolicy' | 'takeIncomplete'>,
  entries: readonly PolicyEntry[],
  isRefused: (policy: string) => boolean,
): KeptRecords {
  const held = new Map<string, PolicyRecord>();
  const wasLost = ledger.takeIncomplete();
  for (const { name, uid, program } of entries) {
    if (program?.mode === 'Enforce' && !isRefused(name)) {
      ledger.enforce(program);
      continue;
    }
    let record = ledger.pause(name, uid, program?.removal);
    if (wasLost && program !== undefined && record === undefined) {
      ledger.enforce(program);
      record = ledger.pause(name, uid, program.removal);
    }
    if (record !== undefined) held.set(name, record);
  }
  const uids = new Map(entries.map(({ name, uid }) => [name, uid]));
  for (const [policy, { uid }] of ledger.policies) if (uids.get(policy) !== uid) ledger.forgetPolicy(policy);
  ledger.fit();
  const handedOver = [...ledger.policies]
    .filter(([name, { removal }]) => removal === 'HandOver' && !held.has(name))
    .map(([, record]) => record);
  return { held, handedOver };
}
