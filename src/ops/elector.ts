import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { microTime } from '../base/micro-time.ts';
import { isEarlier } from '../informer/resource-version.ts';
import { ApiError } from '../kube/errors.ts';
import type { Lease, LeaseClient } from '../kube/leases.ts';
import {
  type Election,
  type ElectionEffect,
  type ElectionEvent,
  type ElectionRequest,
  type ElectionTimes,
  type LossReason,
  leads,
  NEW_ELECTION,
  step,
} from './election.ts';

export interface ElectorOptions extends ElectionTimes {
  readonly identity: string;
  readonly leases: Pick<LeaseClient, 'read' | 'create' | 'change'>;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly log: Log;
  /** This process leads from now on, until `onStepDown` or its own end. */
  readonly onLead: () => void;
  readonly onStepDown: () => void;
  /** The Lease could not be read or written, and now it can. */
  readonly onRecovery?: () => void;
  /** The Lease stands at an earlier version than before: so does all that the server stores. */
  readonly onWentBack?: () => void;
}

const LOSSES: Readonly<Record<LossReason, string>> = {
  NotRenewed: 'the Lease could not be renewed in time: this process writes nothing any more, and stands by',
  TakenOver: 'another process holds the Lease: this one writes nothing any more, and stands by',
};

/** Stands for election by the Lease: renews it while it is ours, and takes it when nobody else may rely on it any more. */
export class Elector {
  readonly #options: ElectorOptions;
  readonly #abort = new AbortController();
  readonly #left = Promise.withResolvers<void>();
  #election: Election = NEW_ELECTION;
  #cancelWake: (() => void) | undefined;
  #problem: string | undefined;
  /** In a row. */
  #failures = 0;
  #toldHolder: string | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
  }

  /** Whether this process may write, at this very moment. */
  get leads(): boolean {
    return leads(this.#election, this.#options, this.#options.clock.monotonic());
  }

  /** Who holds the Lease as far as is known; '' for nobody. */
  get holder(): string {
    return this.#election.seen?.lease.holder ?? '';
  }

  /** How often it went from one to another, as far as is known. */
  get transitions(): number {
    return this.#election.seen?.lease.transitions ?? 0;
  }

  /** Why the Lease cannot be read or written, in words; undefined when it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#take({ kind: 'Due' });
  }

  /** Leads no more, and gives the Lease back; resolves when that is done, or `withinMs` have passed. */
  async stop(withinMs: number): Promise<void> {
    const cancel = this.#options.clock.after(withinMs, () => this.#left.resolve());
    this.#take({ kind: 'Stop' });
    await this.#left.promise;
    cancel();
    this.#cancelWake?.();
    this.#abort.abort();
  }

  #take(event: ElectionEvent): void {
    const { clock, random = Math.random } = this.#options;
    const now = { monotonic: clock.monotonic(), stamp: microTime(clock.now()), jitter: random() };
    const { election, effects } = step(this.#election, event, now, this.#options);
    this.#election = election;
    this.#tellHolder();
    for (const effect of effects) this.#do(effect);
    if (election.role.kind === 'Left') this.#left.resolve();
  }

  #do(effect: ElectionEffect): void {
    const { clock, log, identity, onLead, onStepDown } = this.#options;
    switch (effect.kind) {
      case 'Lead':
        log.info({ identity, transitions: this.transitions }, 'this process holds the Lease, and leads');
        onLead();
        break;
      case 'StepDown':
        log.warn({ identity, holder: this.holder, cause: effect.reason }, LOSSES[effect.reason]);
        onStepDown();
        break;
      case 'Send':
        void this.#send(effect.request);
        break;
      case 'Wake':
        this.#cancelWake?.();
        this.#cancelWake = clock.after(effect.inMs, () => this.#take({ kind: 'Due' }));
        break;
    }
  }

  async #send(request: ElectionRequest): Promise<void> {
    const event = await this.#answer(request);
    if (!this.#abort.signal.aborted) this.#take(event);
  }

  async #answer(request: ElectionRequest): Promise<ElectionEvent> {
    const { leases, clock, renewDeadlineMs } = this.#options;
    // A second try must fit in before the deadline.
    const call = { signal: this.#abort.signal, timeoutMs: renewDeadlineMs / 2 };
    const begun = clock.monotonic();
    try {
      const event = await this.#request(request, begun, call, leases);
      this.#setProblem(undefined);
      this.#compareVersion(event.lease);
      return event;
    } catch (error) {
      const code = error instanceof ApiError ? error.code : undefined;
      if (code === 'Conflict' || (code === 'NotFound' && request.kind === 'Change')) return { kind: 'Lost' };
      this.#setProblem(messageOf(error));
      return { kind: 'Failed' };
    }
  }

  async #request(
    request: ElectionRequest,
    begun: number,
    call: Parameters<LeaseClient['read']>[0],
    leases: ElectorOptions['leases'],
  ): Promise<Extract<ElectionEvent, { kind: 'Read' | 'Written' }>> {
    if (request.kind === 'Read') return { kind: 'Read', lease: await leases.read(call) };
    const lease =
      request.kind === 'Create'
        ? await leases.create(request.spec, call)
        : await leases.change(request.spec, request.resourceVersion, call);
    return { kind: 'Written', lease, begun };
  }

  #setProblem(problem: string | undefined): void {
    const { log, onRecovery } = this.#options;
    const recovers = this.#problem !== undefined && problem === undefined;
    this.#failures = problem === undefined ? 0 : this.#failures + 1;
    // Once is no news: a server that has just started refuses everybody for a moment.
    if (this.#failures === 2 && !this.#abort.signal.aborted) {
      log.warn({ reason: problem }, 'the Lease cannot be read or written; that is tried again');
    }
    this.#problem = problem;
    if (recovers) onRecovery?.();
  }

  #compareVersion(lease: Lease | undefined): void {
    const { seen } = this.#election;
    if (lease === undefined || seen === undefined) return;
    if (isEarlier(lease.resourceVersion, seen.lease.resourceVersion)) this.#options.onWentBack?.();
  }

  #tellHolder(): void {
    const { log, identity } = this.#options;
    const { holder } = this;
    if (holder === this.#toldHolder || this.#election.seen === undefined) return;
    this.#toldHolder = holder;
    if (holder !== identity && holder !== '')
      log.info({ identity, holder }, 'another process leads; this one stands by');
  }
}
