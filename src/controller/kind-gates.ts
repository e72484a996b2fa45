import type { ObjectKey } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { anyGlob } from '../policy/match.ts';
import type { Program } from '../policy/program.ts';
import { mayWrite } from '../watchplan/verbs.ts';
import { forbidden, type KindState } from './kind-state.ts';
import { RightGates } from './right-gates.ts';
import type { WatchedKind } from './watched-kind.ts';
import { type GateReason, WriteGate } from './write-gate.ts';

export interface KindGatesOptions {
  readonly kind: Pick<WatchedKind, 'name' | 'context' | 'namespace'>;
  readonly clock: Clock;
  readonly random?: (() => number) | undefined;
  readonly log: Log;
  /** Lets one object go on to be written. */
  readonly release: (key: ObjectKey) => void;
  /** What can be written has changed. */
  readonly onChange: () => void;
}

/** Whether objects of a kind can be written, and why not: none at all, or those of some namespaces for want of the right. */
export class KindGates {
  readonly #options: KindGatesOptions;
  readonly #gate: WriteGate;
  readonly #rights: RightGates;
  #reason: GateReason | undefined;
  #lacksRight = false;

  constructor(options: KindGatesOptions) {
    this.#options = options;
    const { clock, random, release } = options;
    this.#gate = new WriteGate({ clock, random, release, onChange: (reason) => this.#gateChanged(reason) });
    this.#rights = new RightGates({ clock, random, release, onChange: () => this.#rightsChanged() });
  }

  admits(key: ObjectKey): boolean {
    return this.#gate.admits(key) && this.#rights.admits(key);
  }

  /** The object, which is not admitted, is to be written once it is. */
  wait(key: ObjectKey): void {
    if (!this.#gate.admits(key)) return this.#gate.wait(key);
    this.#rights.wait(key);
    // If it was to try for all, another one does: each of the two gates would wait for an object that the other one holds.
    this.#gate.settled(key);
  }

  /** Whether the object was let through to see whether objects can be written again: others wait for it. */
  isTrying(key: ObjectKey): boolean {
    return this.#gate.isTrying(key) || this.#rights.isTrying(key);
  }

  /**
   * What became of this object says nothing about the others. Returns whether it waits now, because it was the one to try:
   * others go before it then.
   */
  again(key: ObjectKey): boolean {
    const waits = this.isTrying(key);
    this.#gate.again(key);
    this.#rights.again(key);
    return waits;
  }

  /**
   * The write of this object alone had no answer. Returns whether it waits now, because it was the one to try: others go
   * before it then.
   */
  unanswered(key: ObjectKey, message: string): boolean {
    const triesForAll = this.#gate.isTrying(key);
    if (triesForAll) this.#gate.close(key, { cause: 'NoAnswer', message });
    return this.again(key) || triesForAll;
  }

  /** The write of this object failed for a reason that concerns all. */
  close(key: ObjectKey, reason: GateReason): void {
    this.#gate.close(key, reason);
  }

  /** The write of this object failed for want of the right. */
  lackRight(key: ObjectKey): void {
    this.#gate.open();
    this.#rights.close(key);
  }

  /** The server has looked at the object itself. */
  open(key: ObjectKey): void {
    this.#gate.open();
    this.#rights.open(key);
  }

  /** The object needs no write. */
  settled(key: ObjectKey): void {
    this.#gate.settled(key);
    this.#rights.settled(key);
  }

  /** There is reason to hope: where none at all can be written, one tries at once. */
  tryNow(): void {
    this.#gate.tryNow();
  }

  /** For good; leaves no timer. */
  stop(): void {
    this.#gate.stop();
    this.#rights.stop();
  }

  /** Whether objects wait until the kind, or a namespace of it, can be written. */
  get areClosed(): boolean {
    return this.#reason !== undefined || this.#lacksRight;
  }

  /** Why objects cannot be written, for a program (any where there is none); undefined when they can. */
  problem(program: Program | undefined): KindState | undefined {
    if (program !== undefined && !mayWrite(program)) return undefined;
    if (this.#reason?.cause === 'NoServerSideApply') {
      const message = `nothing can be written to it, as its API server knows no server-side apply: ${this.#reason.message}`;
      return { state: 'Failed', message };
    }
    if (this.#reason?.cause === 'NoAnswer') {
      return { state: 'Failed', message: `no write of it is answered: ${this.#reason.message}; it is tried again` };
    }
    return this.#rightProblem(program);
  }

  #rightProblem(program: Program | undefined): KindState | undefined {
    const globs = program?.reach.namespaces;
    const isWithin = globs === undefined ? () => true : anyGlob(globs);
    const missing = [...this.#rights.missing()].filter((namespace) => namespace === '' || isWithin(namespace));
    if (missing.length === 0) return undefined;
    const { context, namespace } = this.#options.kind;
    const bounded = this.#rights.isThereSomewhere || namespace !== undefined;
    return forbidden(context, { verbs: ['patch'], namespaces: bounded ? missing.toSorted() : undefined });
  }

  #gateChanged(reason: GateReason | undefined): void {
    const { log, onChange } = this.#options;
    const kind = this.#options.kind.name;
    if (reason === undefined) log.info({ kind }, 'the kind can be written again');
    else log.warn({ kind, cause: reason.cause, reason: reason.message }, 'the kind cannot be written');
    this.#reason = reason;
    onChange();
  }

  /** Told of when it begins and when it has ended, not for each namespace. */
  #rightsChanged(): void {
    const { log, onChange } = this.#options;
    const kind = this.#options.kind.name;
    const problem = this.#rightProblem(undefined);
    const lacksRight = problem !== undefined;
    if (!lacksRight) log.info({ kind }, 'no right to write the kind is missing any more');
    else if (!this.#lacksRight) log.warn({ kind, reason: problem.message }, 'a right to write is missing');
    this.#lacksRight = lacksRight;
    onChange();
  }
}
