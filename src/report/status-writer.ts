import type { WatchPolicyStatus } from '../api/status.ts';
import { SlicedWork } from '../base/sliced-work.ts';
import type { PolicyEntry } from '../controller/policy-set.ts';
import { PolicyStatus, type PolicyStatusOptions } from './policy-status.ts';
import { StatusPace } from './status-pace.ts';

/**
 * Keeps each policy's status true with few writes: at once when a condition or a result changes, at most once a second;
 * rarely when only counts moved; never when nothing did. Nor do all policies together write more than `StatusPace` lets them.
 */
export class StatusWriter {
  readonly #options: PolicyStatusOptions;
  readonly #looks: (() => void)[] = [];
  readonly #looking: SlicedWork;
  readonly #statuses = new Map<string, PolicyStatus>();
  /** Of policies that are gone, while a write is under way. */
  readonly #ending = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: Omit<PolicyStatusOptions, 'pace' | 'whenFree'>) {
    const { clock } = options;
    const whenFree = (look: () => void) => {
      this.#looks.push(look);
      this.#looking.soon();
    };
    this.#options = { ...options, whenFree, pace: new StatusPace(clock) };
    this.#looking = new SlicedWork(() => {
      this.#looks.shift()?.();
      return this.#looks.length > 0;
    }, clock);
  }

  /** The policy was seen, with the status that stands in it. Returns true when it is one that was not known before. */
  seen(entry: PolicyEntry): boolean {
    if (this.#stopped) return false;
    const known = this.#statuses.get(entry.name);
    if (known?.uid === entry.uid) {
      known.seen(entry);
      return false;
    }
    this.forget(entry.name);
    const status = new PolicyStatus(entry, this.#options);
    this.#statuses.set(entry.name, status);
    status.touch();
    return true;
  }

  /** The policy is gone, or another one of its name came. */
  forget(policy: string): void {
    const ending = this.#statuses.get(policy)?.finish();
    if (ending === undefined) return;
    this.#statuses.delete(policy);
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  /** What stands there as far as we know. */
  standing(policy: string): WatchPolicyStatus | undefined {
    return this.#statuses.get(policy)?.standing;
  }

  /** Something that the policy's status depends on may have changed. */
  touch(policy: string): void {
    this.#statuses.get(policy)?.touch();
  }

  /** Writes what is due and complete; resolves when no write is under way and no timer is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#ending, ...[...this.#statuses.values()].map((status) => status.finish())]);
    this.#looking.stop();
  }
}
