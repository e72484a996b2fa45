import { WATCH_POLICIES } from '../api/watch-policy.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { missingRightMessage } from '../controller/kind-state.ts';
import { ApiError } from '../kube/errors.ts';

export interface StatusTroublesOptions {
  readonly log: Log;
  /** Whether we have the right to write the status of policies, by an access review. A rejection says nothing. */
  readonly mayWrite: () => Promise<boolean>;
}

const MESSAGE = `the status of WatchPolicies cannot be written: ${missingRightMessage(
  { group: WATCH_POLICIES.group, resource: `${WATCH_POLICIES.resource}/status` },
  ['patch'],
)}`;

/**
 * Why statuses cannot be written: the one trouble of which no status can tell. The log is told once and not for each policy and
 * each try.
 */
export class StatusTroubles {
  readonly #options: StatusTroublesOptions;
  /** Writes that failed since the last that went through. */
  #failed = 0;
  #lacksRight = false;
  #reviewing = false;

  constructor(options: StatusTroublesOptions) {
    this.#options = options;
  }

  /** The right that is missing, in words; undefined when none is known to be. */
  get problem(): string | undefined {
    return this.#lacksRight ? MESSAGE : undefined;
  }

  failed(policy: string, error: unknown): void {
    const fields = { policy, reason: messageOf(error) };
    this.#failed += 1;
    if (this.#failed === 1) this.#options.log.warn(fields, 'a status could not be written; it is tried again');
    else this.#options.log.debug(fields, 'a status could not be written; it is tried again');
    if (error instanceof ApiError && error.code === 'Forbidden' && !this.#lacksRight) void this.#review();
  }

  written(): void {
    if (this.#failed > 1 || this.#lacksRight) {
      this.#options.log.info({ failed: this.#failed }, 'the status of policies can be written again');
    }
    this.#failed = 0;
    this.#lacksRight = false;
  }

  /** A server that starts answers 403 as well, before it has read the roles. */
  async #review(): Promise<void> {
    if (this.#reviewing) return;
    this.#reviewing = true;
    const allowed = await this.#options.mayWrite().catch(() => true);
    this.#reviewing = false;
    if (allowed || this.#failed === 0) return;
    this.#lacksRight = true;
    this.#options.log.error({ reason: MESSAGE }, 'a right is missing');
  }
}
