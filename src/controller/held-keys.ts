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

/** The keys that are held for policies which do not enforce now, where these policies could write them. */
export class HeldKeys {
  /** By policy, what each was last enforced with. */
  readonly records: ReadonlyMap<string, PolicyRecord>;
  readonly #holders: readonly Holder[];

  constructor(records: ReadonlyMap<string, PolicyRecord>) {
    this.records = records;
    this.#holders = [...records].map(([policy, { keys, reach }]) => ({
      policy,
      keys: new KeyPatterns(keys),
      reaches: compileReach(reach),
    }));
  }

  /** By policy, the keys that stay on the object as they are where nothing else wants them. */
  on(kind: KindContext, object: CachedObject): ReadonlyMap<string, KeyPatterns> {
    if (this.#holders.length === 0) return NOTHING;
    const here = this.#holders.filter(({ reaches }) => reaches(kind, object));
    return here.length === 0 ? NOTHING : new Map(here.map(({ policy, keys }) => [policy, keys]));
  }
}

/**
 * Records which policies are enforced, and returns the records of those that are not now: in Audit, Suspended, not accepted,
 * or refused beside others. A policy that is gone holds nothing.
 */
export function recordsToHold(
  ledger: Pick<Ledger, 'enforce' | 'recordOf' | 'policies' | 'forgetPolicy'>,
  entries: readonly PolicyEntry[],
  isRefused: (policy: string) => boolean,
): ReadonlyMap<string, PolicyRecord> {
  const held = new Map<string, PolicyRecord>();
  for (const { name, uid, program } of entries) {
    if (program?.mode === 'Enforce' && !isRefused(name)) {
      ledger.enforce(program);
      continue;
    }
    const record = ledger.recordOf(name, uid);
    if (record !== undefined) held.set(name, record);
  }
  const names = new Set(entries.map(({ name }) => name));
  for (const policy of ledger.policies.keys()) if (!names.has(policy)) ledger.forgetPolicy(policy);
  return held;
}
